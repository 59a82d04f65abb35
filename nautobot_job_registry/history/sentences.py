"""What a reconcile changed, in words: read by pages, logs and events alike.

The entries are those of `Reconciliation.changes`. Nothing is decided here, and nothing is escaped: a sentence is plain
text, with names and messages in it that come from the code of jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nautobot.apps.choices import ChoiceSet

Entry = Mapping[str, Any]

MAX_TEXT = 200
MAX_VALUE = 60
# The fields whose change is told by the sentence itself, or tells nothing to a reader.
SILENT_FIELDS = frozenset({"installed", "absence", "current_revision", "core_job", "core_decisions", "git_repository"})
FLAG_SUFFIX = "_override"


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
    "overrides_ended": "{} overrides ended",
    "errors_resolved": "{} can be loaded again",
    "refreshed": "{} at another version",
}
# The labels of sources that a sentence calls otherwise.
SOURCES = {"system": "Nautobot", "local": "JOBS_ROOT"}
ABSENT = {
    "removed": "its source {source} was read completely and the class is not there",
    "load_error": "the class could not be loaded from {source}; this counts as a temporary absence",
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


def sentence(entry: Entry) -> str:
    """Return what one entry of `Reconciliation.changes` says, as a sentence."""
    tell = SENTENCES.get(str(entry.get("action")), _something)
    return tell(entry)


def _registered(entry: Entry) -> str:
    if entry.get("absence"):
        return f"{subject(entry)} was registered as a job that is not installed: {_absence(entry)}."
    return f"{subject(entry)} was registered: it is in {_source(entry)}."


def _returned(entry: Entry) -> str:
    return f"{subject(entry)} came back: {_source(entry)} has the class again.{_and_changes(entry)}"


def _changed(entry: Entry) -> str:
    told = list(_field_changes(entry))
    absence = (entry.get("fields") or {}).get("absence")
    if absence:
        told.insert(0, f"it is still not installed, as {_absence(entry)}")
    if not told:
        told.append("its code")
    return f"{subject(entry)} changed: {'; '.join(told)}.{_revision(entry)}"


def _uninstalled(entry: Entry) -> str:
    verb = "was removed" if entry.get("absence") == "removed" else "is not installed for now"
    return f"{subject(entry)} {verb}: {_absence(entry)}."


def _refreshed(entry: Entry) -> str:
    moved = (entry.get("fields") or {}).get("source_version")
    if moved is None:
        return f"{subject(entry)} stayed the same, and was linked to Nautobot's own job anew."
    return f"{subject(entry)} stayed the same, and its source {_source(entry)} moved to {_value(moved.get('new'))}."


def _suspended(entry: Entry) -> str:
    return f"{_dependents(entry)} switched off, because the job went away."


def _restored(entry: Entry) -> str:
    return f"{_dependents(entry)} switched on again, because the job is back."


def _closed(entry: Entry) -> str:
    return f"{_dependents(entry)} left as found, because somebody has changed or deleted them since."


def _adopted(entry: Entry) -> str:
    return f"{subject(entry)} took over the past of {_predecessor(entry)}."


def _proposed(entry: Entry) -> str:
    return f"{subject(entry)} may be what {_predecessor(entry)} was before; a person has to confirm it."


def _withdrawn(entry: Entry) -> str:
    return f"{subject(entry)} is not proposed any more to be what {_predecessor(entry, 'old')} was before."


def _told(entry: Entry) -> str:
    """Tell what the entry says in words of its own."""
    return f"{subject(entry)}: {_text(entry.get('message'))}."


def _predecessor(entry: Entry, side: str = "new") -> str:
    change = (entry.get("fields") or {}).get("predecessor") or {}
    return str(change.get(side) or entry.get("predecessor") or "another record")


def _override_ended(entry: Entry) -> str:
    field = str(entry.get("field") or "")
    what = f"The override of {_label(field)}" if field else "An override"
    return f"{what} on {subject(entry)} ended, and the field says what the source says."


def _opened(entry: Entry) -> str:
    return f"{_of_source(entry)} could not be loaded: {_error(entry)}"


def _updated(entry: Entry) -> str:
    return f"{_of_source(entry)} can still not be loaded, and the error is another one: {_error(entry)}"


def _confirmed(entry: Entry) -> str:
    return f"{_of_source(entry)} can still not be loaded: {_error(entry)}"


def _resolved(entry: Entry) -> str:
    return f"{_of_source(entry)} can be loaded again."


def _something(entry: Entry) -> str:
    """Tell what can be told of an entry whose action is not known here: one of a later version, for example."""
    return f"{subject(entry)}: {entry.get('action') or 'changed'}."


SENTENCES = {
    "register": _registered,
    "return": _returned,
    "change": _changed,
    "uninstall": _uninstalled,
    "refresh": _refreshed,
    "suspend": _suspended,
    "restore": _restored,
    "close": _closed,
    "adopt": _adopted,
    "propose": _proposed,
    "withdraw": _withdrawn,
    "relink": _told,
    "warning": _told,
    "end_override": _override_ended,
    "open": _opened,
    "update": _updated,
    "confirm": _confirmed,
    "resolve": _resolved,
}


def _source(entry: Entry) -> str:
    source = str(entry.get("source") or "its source")
    return SOURCES.get(source, source)


def _of_source(entry: Entry) -> str:
    return f"{subject(entry)} of {_source(entry)}" if entry.get("source") else subject(entry)


def _absence(entry: Entry) -> str:
    return ABSENT.get(str(entry.get("absence")), UNKNOWN_ABSENCE).format(source=_source(entry))


def _dependents(entry: Entry) -> str:
    """Name what hangs on the job, one of them or so many, with the verb that goes with it."""
    numbers = entry.get("numbers")
    if not numbers:
        return f"{_dependent(entry)} was"
    kinds = (("schedules", "schedule"), ("job_hooks", "job hook"), ("job_buttons", "job button"))
    counted = [(numbers[kind], name) for kind, name in kinds if numbers.get(kind)]
    told = " and ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counted)
    verb = "were" if sum(count for count, _ in counted) > 1 else "was"
    return f"{told or 'Nothing'} of {subject(entry)} {verb}"


def _dependent(entry: Entry) -> str:
    kind = str(entry.get("kind") or entry.get("object_type") or "dependent").replace("_", " ")
    name = entry.get("object") or entry.get("name")
    named = f"The {kind} {name!r}" if name else f"A {kind}"
    return f"{named} of {subject(entry)}"


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
    return f" Nautobot rejected the sync to {attempted}; jobs still run from {effective}."


def _and_changes(entry: Entry) -> str:
    told = "; ".join(_field_changes(entry))
    return f" What is different: {told}." if told else ""


def _revision(entry: Entry) -> str:
    number = ((entry.get("fields") or {}).get("current_revision") or {}).get("new")
    return f" It is revision {number}." if number else ""


def _field_changes(entry: Entry) -> Iterator[str]:
    for field, change in (entry.get("fields") or {}).items():
        if field in SILENT_FIELDS:
            continue
        if field.endswith(FLAG_SUFFIX):
            state = "is overridden" if change.get("new") else "is not overridden any more"
            yield f"{_label(field.removesuffix(FLAG_SUFFIX))} {state}"
        else:
            yield f"{_label(field)} from {_value(change.get('old'))} to {_value(change.get('new'))}"


def _label(field: str) -> str:
    return field.replace("_", " ")


def _value(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return _text(", ".join(map(str, value)) or "nothing", MAX_VALUE)
    return _text(value, MAX_VALUE)


def _text(value: Any, length: int = MAX_TEXT) -> str:
    """Return a text on one line, cut where it is too long for a sentence, without a full stop at its end."""
    text = " ".join(str(value or "").split()).rstrip(".")
    return text if len(text) <= length else f"{text[: length - 1]}…"
