"""What a reconcile does or did, as a page shows it: by kind, by module or source, folded where it is much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from nautobot_job_registry.engine.text import visible_text
from nautobot_job_registry.history import sentences
from nautobot_job_registry.history.sentences import Entry, Group
from nautobot_job_registry.views.change_rows import CHANGED, COLOURS, MARKS, NEW, Known, Row, row_of

# From so many entries on a group is folded; so many rows a page holds at once, and so many more are fetched at a time.
FOLDED_FROM: Final = 20
ROWS_OF_A_PAGE: Final = 500
MAX_DIGITS: Final = 9
BY_SOURCE: Final = frozenset({"relinked"})


@dataclass(frozen=True)
class Section:
    """The rows of one module or source within a group.

    Attributes:
        title: What they have in common; empty where nothing is to be said.
        rows: The rows.
        number: How many there are of them in all.
        is_folded: Whether they are shown only when asked for.
    """

    title: str
    rows: Sequence[Row]
    number: int
    is_folded: bool = False

    @property
    def next(self) -> int:
        """How many of them are fetched at a time."""
        return min(self.number, ROWS_OF_A_PAGE)


@dataclass(frozen=True)
class ShownGroup:
    """The changes of one kind.

    Attributes:
        group: The kind.
        number: How many there are.
        sections: Those that the page has, module by module.
        rest: How many more there are after these.
        rest_from: The number of the first of them.
        is_open: Whether it is shown though there is much of it, as its sections are folded.
        source: The only source that it is of; empty for all of them.
    """

    group: Group
    number: int
    sections: Sequence[Section]
    rest: int = 0
    rest_from: int = 0
    is_open: bool = False
    source: str = ""

    @property
    def is_folded(self) -> bool:
        """Whether it is shown only when asked for."""
        return self.number >= FOLDED_FROM and not self.is_open

    @property
    def mark(self) -> str:
        """Its sign."""
        return MARKS.get(self.group.key, CHANGED)

    @property
    def colour(self) -> str:
        """The colour that goes with its sign."""
        return COLOURS[self.mark]

    @property
    def next(self) -> int:
        """How many of the rest are fetched at a time."""
        return min(self.rest, ROWS_OF_A_PAGE)


Grouped = dict[Group, list[Entry]]


def grouped(changes: Iterable[Entry]) -> Grouped:
    """Return what entries of `Reconciliation.changes` tell of, by kind, what needs a look first.

    Jobs that are missing since their file cannot be loaded are told with the error of the file, under `missing`.
    """
    told = list(sentences.facets(changes))
    errors = [entry for entry in told if entry.get("load_error") and entry.get("action") != "resolve"]
    missing: dict[int, list[str]] = {}
    found: Grouped = {group: [] for group in (*sentences.GROUPS, sentences.OTHER)}
    for entry in told:
        cause = _cause(entry, errors)
        if cause is None:
            found[sentences.group_of(entry)].append(entry)
        else:
            missing.setdefault(id(cause), []).append(str(entry.get("job")))
    errors_group = sentences.GROUPS[0]
    found[errors_group] = [{**entry, "missing": missing.get(id(entry), [])} for entry in found[errors_group]]
    return {group: entries for group, entries in found.items() if entries}


def _cause(entry: Entry, errors: Sequence[Entry]) -> Entry | None:
    """Return the load error that a job is missing for: of its class, of its module, or the only one of its source."""
    if entry.get("action") != "uninstall" or entry.get("absence") != "load_error":
        return None
    of_source = [error for error in errors if error.get("source") == entry.get("source")]
    path = f"{entry.get('job')}."
    nearest = [error for error in of_source if path.startswith(f"{error['load_error']}.")]
    if nearest:
        return max(nearest, key=lambda error: len(str(error["load_error"])))
    return of_source[0] if len(of_source) == 1 else None


def at_once(found: Grouped) -> Grouped:
    """Return those changes that a page shows at once: the groups that it has room for, each whole."""
    shown, room = {}, ROWS_OF_A_PAGE
    for group, entries in found.items():
        shown[group] = entries if len(entries) <= room or len(entries) < FOLDED_FROM else []
        room -= len(shown[group])
    return shown


def shown_groups(
    found: Grouped, known: Known, *, folds_sources: bool = False, by_source: bool = False
) -> list[ShownGroup]:
    """Return what a page shows of changes.

    Args:
        found: The changes by kind.
        known: What the reader may see of the jobs of those that are shown at once.
        folds_sources: Whether of new jobs no more than a line for each source is shown at first.
        by_source: Whether new jobs are told source by source, and not module by module.
    """
    shown = []
    for group, fits in at_once(found).items():
        entries = found[group]
        if folds_sources and group.key == NEW:
            sections = list(_lines_of_sources(entries, fits, known))
            shown.append(ShownGroup(group, len(entries), sections, is_open=True))
        else:
            sections = list(_sections(group, fits, known, by_source))
            shown.append(ShownGroup(group, len(entries), sections, len(entries) - len(fits), len(fits)))
    return shown


def _lines_of_sources(entries: Sequence[Entry], fits: Sequence[Entry], known: Known) -> Iterator[Section]:
    """Yield a section for each source of new jobs, without its rows where all of them are too many."""
    group = next(group for group in sentences.GROUPS if group.key == NEW)
    for text, found in groupby(sorted(entries, key=_source), key=_source):
        of_source = list(found)
        rows = [row_of(group, entry, known) for entry in of_source] if fits else []
        yield Section(text, rows, len(of_source), is_folded=True)


@dataclass(frozen=True)
class Part:
    """More of a group, as a page asks for it.

    Attributes:
        group: The kind of the changes.
        entries: Those that are asked for.
        number: How many there are in all.
        first: The number of the first of those that are asked for.
        source: The only source that is asked for; empty for all of them.
    """

    group: Group
    entries: Sequence[Entry]
    number: int
    first: int
    source: str = ""

    @property
    def changes(self) -> Grouped:
        """Those that are asked for, by kind."""
        return {self.group: list(self.entries)}


def part_of(found: Grouped, asked: Mapping[str, str]) -> Part:
    """Return the next changes of a group; none where there is no such group.

    Args:
        found: The changes by kind.
        asked: What the address says: the `group`, the number of the first one to `start` with, and maybe the `source`.
    """
    group = next((group for group in found if group.key == asked.get("group")), sentences.OTHER)
    entries, source, start = found.get(group, []), asked.get("source", ""), asked.get("start", "")[:MAX_DIGITS]
    if source:
        entries = [entry for entry in entries if _source(entry) == source]
    first = int(start) if start.isdecimal() else 0
    return Part(group, entries[first : first + ROWS_OF_A_PAGE], len(entries), first, source)


def shown_part(part: Part, known: Known, *, by_source: bool = False) -> ShownGroup:
    """Return more of a group as it is shown.

    Args:
        part: What was asked for.
        known: What the reader may see of its jobs.
        by_source: As of `shown_groups`.
    """
    end = part.first + len(part.entries)
    sections = [
        replace(section, title="" if part.source else section.title, is_folded=False)
        for section in _sections(part.group, part.entries, known, by_source)
    ]
    return ShownGroup(part.group, part.number, sections, max(part.number - end, 0), end, source=part.source)


def _sections(group: Group, entries: Sequence[Entry], known: Known, by_source: bool) -> Iterator[Section]:
    title = _title_by(group, by_source)
    for text, found in groupby(sorted(entries, key=title), key=title):
        rows = [row_of(group, entry, known) for entry in found]
        is_all = len(rows) == len(entries) and title is _module
        yield Section("" if is_all else text, rows, len(rows), is_folded=len(rows) >= FOLDED_FROM and not is_all)


def _title_by(group: Group, by_source: bool) -> Callable[[Entry], str]:
    """Return what says which entries of a group belong together."""
    if group.key == "load_errors" or group.key == "resolved":
        return _nothing
    if group.key == "refreshed":
        return sentences.sentence_beside_its_subject
    return _source if (by_source and group.key == NEW) or group.key in BY_SOURCE else _module


def _nothing(entry: Entry) -> str:
    return ""


def _module(entry: Entry) -> str:
    return visible_text(str(entry.get("job") or "").rpartition(".")[0])


def _source(entry: Entry) -> str:
    source = str(entry.get("source") or "")
    return visible_text(sentences.SOURCES.get(source, source))


def paths_of(found: Grouped) -> set[str]:
    """Return the class paths of all the jobs that changes tell of."""
    entries = [entry for told in found.values() for entry in told]
    missing = {path for entry in entries for path in entry.get("missing") or ()}
    return missing | {str(entry["job"]) for entry in entries if entry.get("job")}
