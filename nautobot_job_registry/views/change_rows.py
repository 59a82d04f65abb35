"""One change on a page: what it says of a job or of a file, and where it leads for whoever may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


def row_of(group: Group, entry: Entry, known: Known) -> Row:
    """Return the row of a change.

    Args:
        group: The kind of the change.
        entry: The change.
        known: What the reader may see of the jobs.
    """
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
