"""What a reconcile changed, in words: read by pages, logs and events alike.

The entries are those of `Reconciliation.changes`. Nothing is decided here, and nothing is escaped: a sentence is plain
text, with names and messages in it that come from the code of jobs.
"""

from __future__ import annotations

import re
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
SHORT_COMMIT = 8
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
NOTHING = "nothing"


@dataclass(frozen=True, eq=False)
class Group:
    """Changes of one kind, as a reader thinks of them.

    Attributes:
        key: A name for the group.
        title: What the group is called on a page.
        actions: The actions that belong to it.
        mark: What an entry of another action holds that tells of such a change, too, in the form in which the database
            asks whether it is contained.
        needs_a_look: Whether somebody has to do something about it.
    """

    key: str
    title: str
    actions: tuple[str, ...]
    mark: Mapping[str, Any] | None = None
    needs_a_look: bool = False

    @property
    def patterns(self) -> list[dict[str, Any]]:
        """What an entry may hold that belongs to the group, or tells of such a change, too."""
        return [*({"action": action} for action in self.actions), *([dict(self.mark)] if self.mark else [])]


# What needs a look comes first.
GROUPS = (
    Group("load_errors", "Cannot be loaded", ("open", "update", "confirm"), needs_a_look=True),
    Group("misfits", "Schedules that will fail", ("misfit",), {"misfits": {}}, needs_a_look=True),
    Group("uninstalled", "Removed, or missing for now", ("uninstall",)),
    Group("suspended", "Switched off", ("suspend",), {"dependents": {"suspended": {}}}),
    Group("restored", "Switched on again", ("restore",), {"dependents": {"restored": {}}}),
    Group("returned", "Restored", ("return",)),
    Group("registered", "New", ("register",)),
    Group("adopted", "Moved or renamed", ("adopt", "propose", "withdraw", "warning")),
    Group("relinked", "Linked again", ("relink",)),
    Group("changed", "Changed", ("change",)),
    Group("drifted", "Overrides whose source changed", ("drift", "in_step"), {"beneath_overrides": {}}),
    Group("overrides_ended", "Overrides that ended", ("end_override",), {"overrides_ended": []}),
    Group("resolved", "Fixed", ("resolve",)),
    Group("refreshed", "Version moved", ("refresh",)),
)
OTHER = Group("other", "Other changes", ())


class ChangeKindChoices(ChoiceSet):
    """What kind of thing a reconcile did."""

    CHOICES = tuple((group.key, group.title) for group in GROUPS)


# What a count of a reconciliation is called in its summary, one and many, in the order of the groups.
COUNTED = {
    "errors_opened": ("{} load error", "{} load errors"),
    "errors_updated": ("{} other load error", "{} other load errors"),
    "misfits": ("{} schedule will fail", "{} schedules will fail"),
    "uninstalled": ("{} removed or missing",) * 2,
    "suspended": ("{} switched off",) * 2,
    "restored": ("{} switched on again",) * 2,
    "returned": ("{} restored",) * 2,
    "registered": ("{} new",) * 2,
    "adopted": ("{} moved",) * 2,
    "changed": ("{} changed",) * 2,
    "drifted": ("{} override drifted", "{} overrides drifted"),
    "overrides_ended": ("{} override ended", "{} overrides ended"),
    "errors_resolved": ("{} fixed",) * 2,
    "refreshed": ("version of {} moved",) * 2,
}
# The labels of sources that a sentence calls otherwise.
SOURCES = {"system": "Nautobot", "local": "JOBS_ROOT"}
ABSENT = {
    "removed": "the class is no longer in the code",
    "load_error": "it cannot be loaded from {source}; it is kept, and comes back when it can be",
    "unconfirmed": (
        "the class is not there, but its source {source} could not be read completely; it is kept, and counts as "
        "removed once that can be"
    ),
    "source_unavailable": "its source {source} could not be read; it is kept, and comes back when it can be",
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
        if entry.get("misfits"):
            yield {**about, "action": "misfit", "fields": {}, "misfits": entry["misfits"]}
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
    told = [one_or_many(counts[name], *texts) for name, texts in COUNTED.items() if counts.get(name)]
    return ", ".join(told) or "Nothing changed"


def one_or_many(number: int, one: str, many: str) -> str:
    """Return a text that has the number in it, with the words that go with it."""
    return (one if number == 1 else many).format(number)


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
    return visible_text(_template(entry).format_map(_Parts(entry)))


def sentence_beside_its_subject(entry: Entry) -> str:
    """Return the same where the name of what it is about is shown beside it: without that name."""
    text = _SUBJECT.sub("", _template(entry)).replace(" of {subject}", "")
    told = _VERB.sub("", visible_text(text.format_map(_Parts(entry))))
    return f"{told[:1].upper()}{told[1:]}"


def _template(entry: Entry) -> str:
    # What is not known may be of a later version.
    return SENTENCES.get(str(entry.get("action")), "{subject}: {action}.")


# How a sentence begins that has its subject at the beginning, and what comes after that and is left out with it.
_SUBJECT = re.compile(r"^\{(subject|module)\}")
_VERB = re.compile(r"^:? (was |is )?")
SENTENCES = {
    "register": "{subject} is {new}.",
    "return": "{subject} was restored: {source} has the class again.{differences}",
    "change": "{subject}{changes}.",
    "uninstall": "{subject} {went}: {absence}.",
    "refresh": "{subject}: {moved}.",
    "misfit": "{schedules} of {subject} will fail: {arguments}.",
    "suspend": "{dependents} of {subject} switched off with the job.",
    "restore": "{dependents} of {subject} switched on again with the job.",
    "close": "{dependents} of {subject} left as found: somebody has changed or deleted them since.",
    "adopt": "{subject} took over the history of {predecessor}.",
    "propose": "{subject} probably moved from {predecessor}; a person has to confirm it.",
    "withdraw": "{subject} probably did not move from {rejected}: that is not proposed any more.",
    # They say it in words of their own.
    "relink": "{subject}: {message}.",
    "warning": "{subject}: {message}.",
    "end_override": "{subject}: override of {field} ended, and the field says what the code says.",
    "drift": "{subject}: {field} (overridden): source {beneath}: drifts.",
    "in_step": "{subject}: {field} (overridden): source {beneath}: in step again.",
    "open": "{module} cannot be loaded: {error}",
    "update": "{module} still cannot be loaded, now for another reason: {error}",
    "confirm": "{module} still cannot be loaded: {error}",
    "resolve": "{module} is fixed: it can be loaded again.",
}


def _new(entry: Entry) -> str:
    if entry.get("absence"):
        return f"registered as a job that is not installed: {_absence(entry)}"
    return f"new in {_source(entry)}"


def _changes(entry: Entry) -> str:
    told = list(_field_changes(entry))
    number = _change(entry, "current_revision").get("new")
    revision = f" (revision {number})" if number else ""
    if _change(entry, "absence"):
        return "; ".join([f"{revision} is still not installed, as {_absence(entry)}", *told])
    return f" changed{revision}: {'; '.join(told)}" if told else f": code changed{revision}"


def _beneath(entry: Entry) -> str:
    change = entry.get("beneath") or {}
    old, new = told_apart(change.get("old"), change.get("new"), MAX_VALUE, _told)
    return f"{old or NOTHING} → {new or NOTHING}, stays {_value(change.get('value'))}"


def _went(entry: Entry) -> str:
    return "was removed" if entry.get("absence") == "removed" else "is missing for now"


def _moved(entry: Entry) -> str:
    moved = _change(entry, "source_version")
    if not moved:
        return "linked to Nautobot's own job again"
    return f"version of {_source(entry)} moved to {_value(short_commits(moved.get('new')))}"


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
    """Say how many of what hangs on the job."""
    numbers = entry.get("numbers") or {}
    counted = [one_or_many(numbers[kind], *words) for kind, words in KINDS.items() if numbers.get(kind)]
    return " and ".join(counted) or "Nothing"


KINDS = {
    "schedules": ("{} schedule", "{} schedules"),
    "job_hooks": ("{} job hook", "{} job hooks"),
    "job_buttons": ("{} job button", "{} job buttons"),
}


def _schedules(entry: Entry) -> str:
    return one_or_many((entry.get("misfits") or {}).get("schedules") or 0, *KINDS["schedules"])


def _arguments(entry: Entry) -> str:
    missing = (entry.get("misfits") or {}).get("missing") or ()
    names = ", ".join(f"'{_text(name, MAX_VALUE)}'" for name in missing)
    return f"{names} {'is' if len(missing) == 1 else 'are'} required, but not stored"


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
    attempted, effective = (short_commits(entry.get(name)) for name in ("source_version", "effective_version"))
    rejected = f"the sync to {attempted or '?'} was rejected"
    if entry.get("still_runs") is False:
        return f" None of the repository's jobs can run from {effective}; {rejected}."
    return f" Runs from {effective}; {rejected}."


def _differences(entry: Entry) -> str:
    told = "; ".join(_field_changes(entry))
    return f" What is different: {told}." if told else ""


def _field_changes(entry: Entry) -> Iterator[str]:
    for field, change in (entry.get("fields") or {}).items():
        if field in SILENT_FIELDS:
            continue
        if field.endswith(FLAG_SUFFIX):
            state = "is overridden" if change.get("new") else "is not overridden any more"
            yield f"{_label(field.removesuffix(FLAG_SUFFIX))} {state}"
        else:
            old, new = (short_commits(change.get(side)) for side in ("old", "new"))
            old, new = told_apart(old, new, MAX_VALUE, _told)
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


def short_commits(value: Any) -> Any:
    """Return a text with the commits in it shortened, as far as nobody reads on; what is no text as it is."""
    return _COMMIT.sub(lambda found: found.group()[:SHORT_COMMIT], value) if isinstance(value, str) else value


# What a sentence may ask for, by its name there.
PARTS: dict[str, Callable[[Entry], str]] = {
    "absence": _absence,
    "action": lambda entry: str(entry.get("action") or "changed"),
    "arguments": _arguments,
    "beneath": _beneath,
    "changes": _changes,
    "dependents": _dependents,
    "differences": _differences,
    "error": _error,
    "field": lambda entry: _label(str(entry.get("field") or "a field")),
    "message": lambda entry: _text(entry.get("message")),
    "module": _of_source,
    "moved": _moved,
    "new": _new,
    "predecessor": _predecessor,
    "rejected": partial(_predecessor, side="old"),
    "schedules": _schedules,
    "source": _source,
    "subject": subject,
    "went": _went,
}
