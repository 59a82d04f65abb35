"""What a reconcile does or did, as a page shows it: by kind, by module or source, folded where it is much."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import PurePath
from typing import Any, Final

from django.urls import reverse
from nautobot.apps.utils import get_route_for_model

from nautobot_job_registry import models
from nautobot_job_registry.engine.text import visible_text
from nautobot_job_registry.history import sentences
from nautobot_job_registry.history.sentences import Entry, Group, one_or_many
from nautobot_job_registry.history.values import MAX_SHOWN, one_line, told_apart
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models.constants import VIEW_SOURCE
from nautobot_job_registry.reconcile import report
from nautobot_job_registry.tables import display

# From so many entries on a group is folded; so many rows a page holds at once, and so many more are fetched at a time.
FOLDED_FROM: Final = 20
ROWS_OF_A_PAGE: Final = 1000
MAX_MESSAGE: Final = 300
ADDED, CHANGED, REMOVED, ERROR = "+", "~", "−", "!"
# The sign of each group, which tells the same as its colour.
MARKS: Final = {
    "load_errors": ERROR,
    "misfits": ERROR,
    "uninstalled": REMOVED,
    "suspended": REMOVED,
    "restored": ADDED,
    "returned": ADDED,
    "registered": ADDED,
    "relinked": ADDED,
    "resolved": ADDED,
}
COLOURS: Final = {ADDED: "success", CHANGED: "info", REMOVED: "danger", ERROR: "danger"}
# Those whose rows are told by the name of the job, and what is said of all of them above.
NEW: Final = "registered"
TOLD_ABOVE: Final = frozenset({NEW, "refreshed"})
BY_SOURCE: Final = frozenset({"relinked"})


@dataclass(frozen=True)
class Known:
    """What a person may see of the jobs that changes are about.

    Attributes:
        jobs: The address of the page of each job, by class path.
        revisions: The address of the comparison of each revision with the one before, by class path and number.
        code: The address of what changes in the code of each job, by class path.
        withheld: The jobs whose code changes, and may not be seen.
        schedules: Name and address of the schedules that will fail, by the class path of their job.
        load_errors: Whether the list of load errors is theirs to see.
    """

    jobs: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[tuple[str, int], str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    withheld: Collection[str] = ()
    schedules: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    load_errors: bool = False


@dataclass(frozen=True)
class Row:
    """One thing that is told.

    Attributes:
        name: What it is about, as short as its place allows.
        url: The page of it, if the reader may see it.
        mark: Its sign.
        told: What happens, or happened, to it.
        fields: What it said and says, field by field: name, old, new.
        jobs: Name and address of the jobs that are missing because of it.
        schedules: Name and address of the schedules that it is about.
        revision_url: The comparison of the revision that was made.
        code_url: What changes in its code.
        is_withheld: Whether its code changes, and may not be seen.
    """

    name: str
    url: str
    mark: str
    told: str
    fields: Sequence[tuple[str, str, str]] = ()
    jobs: Sequence[tuple[str, str]] = ()
    schedules: Sequence[tuple[str, str]] = ()
    revision_url: str = ""
    code_url: str = ""
    is_withheld: bool = False

    @property
    def colour(self) -> str:
        """The colour that goes with its sign."""
        return COLOURS[self.mark]


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
    """

    group: Group
    number: int
    sections: Sequence[Section]
    rest: int = 0
    rest_from: int = 0
    is_open: bool = False

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


def shown_groups(
    found: Grouped, known: Known, *, by_source: bool = False, folds_sources: bool = False
) -> list[ShownGroup]:
    """Return what a page shows of changes: all that is not too much at once.

    Args:
        found: The changes by kind.
        known: What the reader may see of the jobs.
        by_source: Whether new jobs are told source by source, and not module by module.
        folds_sources: Whether of new jobs no more than a line for each source is shown at first.
    """
    shown, room = [], ROWS_OF_A_PAGE
    for group, entries in found.items():
        fits = entries if len(entries) <= room or len(entries) < FOLDED_FROM else []
        room -= len(fits)
        sections = list(_sections(group, fits, known, by_source))
        is_open = folds_sources and group.key == NEW and bool(fits)
        if is_open:
            sections = [replace(section, is_folded=True) for section in sections]
        shown.append(ShownGroup(group, len(entries), sections, len(entries) - len(fits), len(fits), is_open))
    return shown


def shown_part(found: Grouped, key: str, start: str, known: Known, *, by_source: bool = False) -> ShownGroup:
    """Return the next rows of a group, from one of them on; none where there is no such group.

    Args:
        found: The changes by kind.
        key: The key of the group.
        start: How many of its rows the page has already, as its address says.
        known: What the reader may see of the jobs.
        by_source: As of `shown_groups`.
    """
    group = next((group for group in found if group.key == key), sentences.OTHER)
    entries = found.get(group, [])
    first = int(start) if start.isdecimal() else 0
    part = entries[first : first + ROWS_OF_A_PAGE]
    end = first + len(part)
    sections = [replace(section, is_folded=False) for section in _sections(group, part, known, by_source)]
    return ShownGroup(group, len(entries), sections, max(len(entries) - end, 0), end)


def _sections(group: Group, entries: Sequence[Entry], known: Known, by_source: bool) -> Iterator[Section]:
    title = _title_by(group, by_source)
    for text, found in groupby(sorted(entries, key=title) if title is not _nothing else entries, key=title):
        rows = [_row(group, entry, known) for entry in found]
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


def _row(group: Group, entry: Entry, known: Known) -> Row:
    subject = sentences.subject(entry)
    mark = MARKS.get(group.key, CHANGED)
    if "load_error" in entry:
        return _error_row(entry, subject, mark, known)
    revision = (subject, ((entry.get("fields") or {}).get("current_revision") or {}).get("new") or 0)
    fields = tuple(_fields(entry))
    return Row(
        name=visible_text(subject),
        url=known.jobs.get(subject, ""),
        mark=mark,
        told=_told(group, entry, fields),
        fields=fields,
        schedules=known.schedules.get(subject, ()) if group.key == "misfits" else (),
        revision_url=known.revisions.get(revision, ""),
        code_url=known.code.get(subject, "") if group.key in ("changed", "returned") else "",
        is_withheld=group.key in ("changed", "returned") and subject in known.withheld,
    )


def _error_row(entry: Entry, subject: str, mark: str, known: Known) -> Row:
    """Return the row of a load error, which is told with all the jobs that it costs."""
    missing = entry.get("missing") or ()
    told = sentences.sentence_beside_its_subject(entry)
    if entry.get("action") != "resolve" and entry.get("file_path"):
        raised = ": ".join(
            one_line(entry[name], MAX_MESSAGE) for name in ("exception_type", "message") if entry.get(name)
        )
        line = f" line {entry['line']}" if entry.get("line") else ""
        told = visible_text(f"{PurePath(str(entry['file_path'])).name}{line}: {raised}")
    if missing:
        told = f"{told.rstrip('.')}: {one_or_many(len(missing), '{} job', '{} jobs')} cannot be loaded"
    return Row(
        name=visible_text(subject),
        url=needs.list_url(models.JobLoadError, {"q": subject}) if known.load_errors else "",
        mark=mark,
        told=told,
        jobs=[(visible_text(path), known.jobs.get(path, "")) for path in missing],
    )


def _told(group: Group, entry: Entry, fields: Sequence[Any]) -> str:
    """Return what is said of a job beside its name, and above the fields that are told one by one."""
    if group.key in TOLD_ABOVE and not entry.get("absence"):
        return ""
    if fields:
        entry = {**entry, "fields": {name: change for name, change in entry["fields"].items() if not is_told(name)}}
        told = sentences.sentence_beside_its_subject(entry)
        return told.replace("Code changed", "Changed", 1)
    told = sentences.sentence_beside_its_subject(entry)
    run = report.next_run_text(group.key, entry["numbers"]) if group.key in report.DEPENDENTS else ""
    return f"{told.rstrip('.')}; {run}." if run else told


def is_told(name: str) -> bool:
    """Return whether a field has a row of its own; what else changes is told by the sentence."""
    return name not in sentences.SILENT_FIELDS and name != "predecessor"


def _fields(entry: Entry) -> Iterator[tuple[str, str, str]]:
    if entry.get("action") not in ("change", "return", "refresh", "end_override"):
        return
    for name, change in (entry.get("fields") or {}).items():
        if is_told(name):
            old, new = told_apart(change.get("old"), change.get("new"), MAX_SHOWN)
            yield field_title(name), visible_text(old), visible_text(new)


def field_title(name: str) -> str:
    """Return what a field is called: one of Nautobot's own row of the job says so."""
    of_core, _, rest = name.partition("core_job.")
    if rest and not of_core:
        return f"{display.field_label(models.RegisteredJob, rest)} in Nautobot's own job"
    return display.field_label(models.RegisteredJob, name)


def job_urls(class_paths: Collection[str], user: Any) -> dict[str, str]:
    """Return the addresses of the pages of jobs that a user may view, by class path, in one statement."""
    modules = {path.rpartition(".")[0] for path in class_paths}
    rows = models.RegisteredJob.objects.restrict(user, "view").filter(module_name__in=modules).order_by()
    columns = rows.values_list("pk", "module_name", "job_class_name")
    route = get_route_for_model(models.RegisteredJob, "")
    found = {f"{module}.{name}": pk for pk, module, name in columns}
    return {path: reverse(route, kwargs={"pk": found[path]}) for path in class_paths if path in found}


def paths_of(found: Grouped) -> set[str]:
    """Return the class paths of all the jobs that changes tell of."""
    entries = [entry for told in found.values() for entry in told]
    missing = {path for entry in entries for path in entry.get("missing") or ()}
    return missing | {str(entry["job"]) for entry in entries if entry.get("job")}


def changed_code(hashes: Mapping[str, str], user: Any) -> tuple[set[str], set[str]]:
    """Return the jobs whose code differs from their current revision's: whose a user may see, and all others.

    Args:
        hashes: The hash of the new text of the module of each job, by class path.
        user: Who asks.
    """
    if not hashes:
        return set(), set()
    modules = {path.rpartition(".")[0] for path in hashes}
    records = models.RegisteredJob.objects.order_by().filter(module_name__in=modules)
    current = models.JobRevision.objects.filter(pk__in=records.values("current_revision")).order_by()
    columns = current.values_list("pk", "job__module_name", "job__job_class_name", "source_hash")
    differing = {
        f"{module}.{name}": pk for pk, module, name, old in columns if hashes.get(f"{module}.{name}", old) != old
    }
    visible = set(current.restrict(user, VIEW_SOURCE).values_list("pk", flat=True)) if differing else ()
    seen = {path for path, pk in differing.items() if pk in visible}
    return seen, differing.keys() - seen
