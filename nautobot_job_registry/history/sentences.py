"""What a reconcile changed, in words: read by pages, logs and events alike.

The entries are those of `Reconciliation.changes`. Nothing is decided here, and nothing is escaped: a sentence is plain
text, with names and messages in it that come from the code of jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from nautobot.apps.choices import ChoiceSet

from nautobot_job_registry.engine.text import visible_text
from nautobot_job_registry.history.values import one_line, told_apart, whole_text

Entry = Mapping[str, Any]

MAX_TEXT = 200
MAX_VALUE = 60
# The fields whose change is told by the sentence itself, or tells nothing to a reader.
SILENT_FIELDS = frozenset({"installed", "absence", "current_revision", "core_job", "core_decisions", "git_repository"})
FLAG_SUFFIX = "_override"
NOTHING = "nothing"


@dataclass(frozen=True)
class Group:
    """Changes of one kind, as a reader thinks of them.

    Attributes:
        key: A name for the group.
        title: What the group is called on a page.
        actions: The actions that belong to it.
        mark: What an entry of another action holds that tells of such a change, too, in the form in which the database
            asks whether it is contained.
    """

    key: str
    title: str
    actions: tuple[str, ...]
    mark: Mapping[str, Any] | None = None

    @property
    def patterns(self) -> list[dict[str, Any]]:
        """What an entry may hold that belongs to the group, or tells of such a change, too."""
        return [*({"action": action} for action in self.actions), *([dict(self.mark)] if self.mark else [])]


# What needs a look comes first.
GROUPS = (
    Group("load_errors", "Could not be loaded", ("open", "update", "confirm")),
    Group("uninstalled", "Went away", ("uninstall",)),
    Group("suspended", "Switched off", ("suspend",), {"dependents": {"suspended": {}}}),
    Group("restored", "Switched on again", ("restore",), {"dependents": {"restored": {}}}),
    Group("returned", "Came back", ("return",)),
    Group("registered", "New", ("register",)),
    Group("adopted", "Took over the past of another record", ("adopt", "propose", "withdraw", "relink", "warning")),
    Group("changed", "Changed", ("change",)),
    Group("drifted", "Overrides whose source changed", ("drift", "in_step"), {"beneath_overrides": {}}),
    Group("overrides_ended", "Overrides that ended", ("end_override",), {"overrides_ended": []}),
    Group("resolved", "Can be loaded again", ("resolve",)),
    Group("refreshed", "Only the version of the source moved", ("refresh",)),
)
OTHER = Group("other", "Other changes", ())


class ChangeKindChoices(ChoiceSet):
    """What kind of thing a reconcile did."""

    CHOICES = tuple((group.key, group.title) for group in GROUPS)


# What a count of a reconciliation is called in its summary, in the order of the groups.
COUNTED = {
    "errors_opened": "{} could not be loaded",
    "errors_updated": "{} with another load error",
    "uninstalled": "{} went away",
    "suspended": "{} switched off",
    "restored": "{} switched on again",
    "returned": "{} came back",
    "registered": "{} new",
    "adopted": "{} took over a past",
    "changed": "{} changed",
    "drifted": "{} overrides drifted",
    "overrides_ended": "{} overrides ended",
    "errors_resolved": "{} can be loaded again",
    "refreshed": "{} at another version",
}
# The labels of sources that a sentence calls otherwise.
SOURCES = {"system": "Nautobot", "local": "JOBS_ROOT"}
ABSENT = {
    "removed": "its source {source} was read completely and the class is not there",
    "load_error": "the class could not be loaded from {source}; this counts as a temporary absence",
    "unconfirmed": (
        "the class is not there, and its source {source} could not be read completely; this counts as a temporary "
        "absence until it can be"
    ),
    "source_unavailable": "its source {source} could not be read; this counts as a temporary absence",
}
UNKNOWN_ABSENCE = "the class was not found in {source}"


# The actions of what an entry tells of schedules, hooks and buttons under `dependents`, by its key there.
DEPENDENT_ACTIONS = {"suspended": "suspend", "restored": "restore", "left": "close"}


def facets(changes: Iterable[Entry]) -> Iterator[Entry]:
    """Yield what the entries of `Reconciliation.changes` tell of, one thing at a time, in their order.

    One entry may tell that a job was removed, that an override of it ended, and that its schedules went off.
    """
    for entry in changes:
        dependents = entry.get("dependents") or {}
        if entry.get("action") not in DEPENDENT_ACTIONS.values() or not dependents:
            yield entry
        about = {"job": entry.get("job"), "source": entry.get("source", "")}
        for field in entry.get("overrides_ended") or ():
            change = (entry.get("fields") or {}).get(field)
            yield {**about, "action": "end_override", "field": field, "fields": {field: change} if change else {}}
        for field, change in (entry.get("beneath_overrides") or {}).items():
            action = "drift" if change.get("drifts") else "in_step"
            yield {**about, "action": action, "field": field, "fields": {}, "beneath": change}
        for name, numbers in dependents.items():
            yield {**about, "action": DEPENDENT_ACTIONS[name], "fields": {}, "numbers": numbers}


def group_of(entry: Entry) -> Group:
    """Return the group that an entry belongs to."""
    return next((group for group in GROUPS if entry.get("action") in group.actions), OTHER)


def subject(entry: Entry) -> str:
    """Return the class path, or the name of the module, that an entry is about."""
    return str(entry.get("load_error") or entry.get("job") or "")


def counts_summary(counts: Mapping[str, Any]) -> str:
    """Return what a reconcile changed, in one line.

    Args:
        counts: The counts of a `Reconciliation`, by the name of the column.
    """
    told = [text.format(counts[name]) for name, text in COUNTED.items() if counts.get(name)]
    return ", ".join(told) or "Nothing changed"


def sentences(changes: Iterable[Entry]) -> Iterator[str]:
    """Yield one sentence for each thing that the entries tell of, in their order."""
    return map(sentence, facets(changes))


class _Parts(dict[str, str]):
    """The parts of a sentence about an entry, each made when the sentence asks for it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def __missing__(self, name: str) -> str:
        return PARTS[name](self.entry)


def sentence(entry: Entry) -> str:
    """Return what one entry of `Reconciliation.changes` says, as a sentence."""
    # What is not known may be of a later version.
    text = SENTENCES.get(str(entry.get("action")), "{subject}: {action}.")
    return visible_text(text.format_map(_Parts(entry)))


SENTENCES = {
    "register": "{subject} was registered{where}.",
    "return": "{subject} came back: {source} has the class again.{differences}",
    "change": "{subject} changed: {changes}.{revision}",
    "uninstall": "{subject} {went}: {absence}.",
    "refresh": "{subject} stayed the same, and {moved}.",
    "suspend": "{dependents} switched off, because the job went away.",
    "restore": "{dependents} switched on again, because the job is back.",
    "close": "{dependents} left as found, because somebody has changed or deleted them since.",
    "adopt": "{subject} took over the past of {predecessor}.",
    "propose": "{subject} may be what {predecessor} was before; a person has to confirm it.",
    "withdraw": "{subject} is not proposed any more to be what {rejected} was before.",
    # They say it in words of their own.
    "relink": "{subject}: {message}.",
    "warning": "{subject}: {message}.",
    "end_override": "The override of {field} on {subject} ended, and the field says what the source says.",
    "drift": "The source of {subject} changed {beneath}; the override stays, and is drifted.",
    "in_step": "The source of {subject} changed {beneath}, as it was when the override was set; the override stays.",
    "open": "{module} could not be loaded: {error}",
    "update": "{module} can still not be loaded, and the error is another one: {error}",
    "confirm": "{module} can still not be loaded: {error}",
    "resolve": "{module} can be loaded again.",
}


def _where(entry: Entry) -> str:
    if entry.get("absence"):
        return f" as a job that is not installed: {_absence(entry)}"
    return f": it is in {_source(entry)}"


def _changes(entry: Entry) -> str:
    told = list(_field_changes(entry))
    if _change(entry, "absence"):
        told.insert(0, f"it is still not installed, as {_absence(entry)}")
    if not told and entry.get("beneath_overrides"):
        told.append(f"what its source says of {', '.join(map(_label, entry['beneath_overrides']))}")
    return "; ".join(told) or "its code"


def _beneath(entry: Entry) -> str:
    change = entry.get("beneath") or {}
    said = f"{_label(str(entry.get('field') or 'a field'))} from {_value(change.get('old'))} to"
    return f"{said} {_value(change.get('new'))} beneath an override that says {_value(change.get('value'))}"


def _went(entry: Entry) -> str:
    return "was removed" if entry.get("absence") == "removed" else "is not installed for now"


def _moved(entry: Entry) -> str:
    moved = _change(entry, "source_version")
    if not moved:
        return "was linked to Nautobot's own job anew"
    return f"its source {_source(entry)} moved to {_value(moved.get('new'))}"


def _predecessor(entry: Entry, side: str = "new") -> str:
    return str(_change(entry, "predecessor").get(side) or "another record")


def _change(entry: Entry, field: str) -> Mapping[str, Any]:
    """Return what a field said before, and says now; nothing where the entry does not tell of it."""
    return (entry.get("fields") or {}).get(field) or {}


def _source(entry: Entry) -> str:
    source = str(entry.get("source") or "its source")
    return SOURCES.get(source, source)


def _of_source(entry: Entry) -> str:
    return f"{subject(entry)} of {_source(entry)}" if entry.get("source") else subject(entry)


def _absence(entry: Entry) -> str:
    return ABSENT.get(str(entry.get("absence")), UNKNOWN_ABSENCE).format(source=_source(entry))


def _dependents(entry: Entry) -> str:
    """Say how many of what hangs on the job, with the verb that goes with it."""
    numbers = entry.get("numbers") or {}
    kinds = (("schedules", "schedule"), ("job_hooks", "job hook"), ("job_buttons", "job button"))
    counted = [(numbers[kind], name) for kind, name in kinds if numbers.get(kind)]
    told = " and ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counted)
    verb = "were" if sum(count for count, _ in counted) > 1 else "was"
    return f"{told or 'Nothing'} of {subject(entry)} {verb}"


def _error(entry: Entry) -> str:
    raised = ": ".join(part for part in (entry.get("exception_type"), _text(entry.get("message"))) if part)
    where = entry.get("file_path") or ""
    if where and entry.get("line"):
        where = f"{where}, line {entry['line']}"
    told = f"{raised} ({where})" if where else raised
    return f"{told}.{_author(entry)}{_rejected(entry)}"


def _author(entry: Entry) -> str:
    if not entry.get("commit_author"):
        return ""
    return f" The last commit to touch the file is {_text(entry.get('commit_subject'))!r} by {entry['commit_author']}."


def _rejected(entry: Entry) -> str:
    if not entry.get("effective_version"):
        return ""
    attempted, effective = entry.get("source_version") or "?", entry["effective_version"]
    if entry.get("still_runs") is False:
        return f" Nautobot rejected the sync to {attempted}; none of the repository's jobs can be run from {effective}."
    return f" Nautobot rejected the sync to {attempted}; jobs still run from {effective}."


def _differences(entry: Entry) -> str:
    told = "; ".join(_field_changes(entry))
    return f" What is different: {told}." if told else ""


def _revision(entry: Entry) -> str:
    number = _change(entry, "current_revision").get("new")
    return f" It is revision {number}." if number else ""


def _field_changes(entry: Entry) -> Iterator[str]:
    for field, change in (entry.get("fields") or {}).items():
        if field in SILENT_FIELDS:
            continue
        if field.endswith(FLAG_SUFFIX):
            state = "is overridden" if change.get("new") else "is not overridden any more"
            yield f"{_label(field.removesuffix(FLAG_SUFFIX))} {state}"
        else:
            old, new = told_apart(change.get("old"), change.get("new"), MAX_VALUE, _told)
            yield f"{_label(field)} from {old or NOTHING} to {new or NOTHING}"


def _label(field: str) -> str:
    return field.replace("_", " ")


def _value(value: Any) -> str:
    return one_line(_told(value), MAX_VALUE) or NOTHING


def _told(value: Any) -> str:
    text = whole_text(value)
    return _sentence_part(text.lower() if isinstance(value, bool) else text)


def _text(value: Any, length: int = MAX_TEXT) -> str:
    """Return a text on one line, cut where it is too long for a sentence, without a full stop at its end."""
    return one_line(_sentence_part(value), length)


def _sentence_part(text: Any) -> str:
    return " ".join(str(text or "").split()).rstrip(".")


# What a sentence may ask for, by its name there.
PARTS: dict[str, Callable[[Entry], str]] = {
    "absence": _absence,
    "action": lambda entry: str(entry.get("action") or "changed"),
    "beneath": _beneath,
    "changes": _changes,
    "dependents": _dependents,
    "differences": _differences,
    "error": _error,
    "field": lambda entry: _label(str(entry.get("field") or "a field")),
    "message": lambda entry: _text(entry.get("message")),
    "module": _of_source,
    "moved": _moved,
    "predecessor": _predecessor,
    "rejected": partial(_predecessor, side="old"),
    "revision": _revision,
    "source": _source,
    "subject": subject,
    "went": _went,
    "where": _where,
}
