"""Rows of the registry: read into the engine's records, written in bulk from a plan (rules 5 to 9)."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import CharField, Max
from django.db.models.functions import Cast
from django.utils import timezone
from nautobot.extras.choices import ObjectChangeActionChoices
from nautobot.extras.models import JobQueue

from nautobot_job_registry.core_bridge import rows as core_rows
from nautobot_job_registry.core_bridge.change_log import log_changes
from nautobot_job_registry.engine.descriptor import JobDescriptor, Source, SourceType
from nautobot_job_registry.engine.fields import RECORD_COLUMNS, shorten
from nautobot_job_registry.engine.plan import CORE_PREFIX, ActionKind, JobAction
from nautobot_job_registry.engine.records import LONG_AGO, CoreState, JobKey, JobRecord, RegistryState
from nautobot_job_registry.lifecycle.moves import handover
from nautobot_job_registry.models import JobRevision, Reconciliation, RegisteredJob
from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.models.sql import write_columns
from nautobot_job_registry.overrides import ledger
from nautobot_job_registry.reconcile import load_error_rows
from nautobot_job_registry.reconcile.plan import Plan

# The columns whose rows are of another table, by the lookup that reads what planning knows of them.
LOOKUPS = {"git_repository": "git_repository_id", "default_job_queue": "default_job_queue__name"}
# The queues of a record come first, and are read by a statement of their own.
READ_COLUMNS = tuple(LOOKUPS.get(name, name) for name in RECORD_COLUMNS[1:])
# What is written as it stands in a plan, and what is written as a key.
PLAIN_COLUMNS = frozenset({*RECORD_COLUMNS, "core_decisions"} - {*LOOKUPS, "job_queues"})
KEY_COLUMNS = {"git_repository": "git_repository_id", "core_job": "core_job_id"}
KEYS_READ = (
    "module_name",
    "job_class_name",
    Cast("id", CharField()),
    Cast("core_job_id", CharField()),
    "created",
)
REVISION_COLUMNS = ("number", "metadata_hash", "source_hash")


def read_records() -> dict[JobKey, JobRecord]:
    """Read all records, in two statements, or one where there are none yet; what has ended is not among it."""
    rows = RegisteredJob.objects.order_by()
    revision = (f"current_revision__{name}" for name in REVISION_COLUMNS)
    values = list(rows.values_list(*KEYS_READ, *revision, *READ_COLUMNS))
    queues = _queue_names() if values else {}
    return {row[:2]: _record(row, queues.get(row[2], ())) for row in values}


def read_state(
    records: dict[JobKey, JobRecord], *, declaring: Collection[str] = (), of_sources: bool = True
) -> RegistryState:
    """Read what else planning needs, in a number of statements that does not depend on the number of jobs (rule 8).

    Args:
        records: The records, as they were just read.
        declaring: The names of the classes whose code says what they have been before.
        of_sources: Whether what only a plan of the sources needs is read, too: load errors, and what jobs have been.
    """
    ended, collisions = ledger.machine_made_overrides(timezone.now())
    jobs = records | {key: replace(records[key], ended=said) for key, said in ended.items() if key in records}
    core = core_rows.news_of_core()
    for state in core.values():
        if state.held_by in jobs:
            jobs[state.held_by] = replace(jobs[state.held_by], core_job_text=None, has_lost_core_job=True)
    cleared = [key for key, state in core.items() if key in jobs and _clears_any(jobs[key], state)]
    # The queue that was the default one is among the others, and leaves them with the end of its override.
    requeued = [key for key, fields in ended.items() if "default_job_queue" in fields]
    said = _said_of([*cleared, *requeued])
    return RegistryState(
        jobs=jobs,
        core=core,
        errors=load_error_rows.open_load_errors() if of_sources else {},
        collisions=collisions,
        said=said,
        pasts=handover.read_pasts(declaring) if of_sources else {},
    )


def _clears_any(record: JobRecord, core: CoreState) -> bool:
    return core.known is not None and bool(set(record.overridden) - core.overridden)


def _said_of(keys: list[JobKey]) -> dict[JobKey, dict[str, Any]]:
    """Return what the current revisions say of some jobs, and of others in the same modules."""
    if not keys:
        return {}
    rows = JobRevision.objects.filter(pk__in=RegisteredJob.objects.values("current_revision"))
    modules = {module_name for module_name, _ in keys}
    columns = ("job__module_name", "job__job_class_name", "metadata")
    found = rows.filter(job__module_name__in=modules).order_by().values_list(*columns)
    return {(module_name, name): metadata for module_name, name, metadata in found}


def _queue_names() -> dict[str, list[str]]:
    """Return the names of the queues of each record, by its key as text."""
    names: dict[str, list[str]] = defaultdict(list)
    through = RegisteredJob.job_queues.through.objects.order_by()
    for job_id, queue in through.values_list(Cast("registeredjob_id", CharField()), "jobqueue__name"):
        names[job_id].append(queue)
    return names


def _record(row: tuple[Any, ...], queues: Collection[str]) -> JobRecord:
    job_id, core_job, created, number, metadata_hash, source_hash = row[2:8]
    return JobRecord(
        id_text=job_id,
        key=row[:2],
        values=(tuple(sorted(queues)), *row[8:]),
        revision_number=number or 0,
        metadata_hash=metadata_hash or "",
        source_hash=source_hash or "",
        core_job_text=core_job,
        created=created or LONG_AGO,
    )


def last_numbers(record_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the number of the last revision of each of some records, whichever the current one is, in one statement.

    Args:
        record_ids: The primary keys of the records.
    """
    rows = JobRevision.objects.filter(job__in=record_ids).order_by()
    return dict(rows.values_list("job").annotate(last=Max("number")))


def apply_plan(
    plan: Plan,
    *,
    now: datetime,
    repositories: Mapping[str, uuid.UUID],
    user: Any = None,
    detail: str = "",
    reconciliation: Reconciliation | None = None,
) -> dict[JobKey, RegisteredJob]:
    """Write a plan, in a number of statements that grows with batches and not with jobs (rule 8).

    Args:
        plan: What is to be done.
        now: The time that is written for all of it.
        repositories: The primary key of each Git repository that provides jobs, by its slug.
        user: Who is named in the change log, if anybody.
        detail: What is said in the change log about the occasion.
        reconciliation: The row of the log that new revisions point at, stored already.

    Returns:
        The records that were written, by their key.
    """
    queues = core_rows.queues_by_name(_named_queues(plan.jobs))
    core_jobs = core_rows.make_core_rows(plan.jobs, queues)
    jobs = _write_jobs(plan.jobs, queues, core_jobs, now, reconciliation)
    _write_queues(plan.jobs, jobs, queues)
    core_rows.settle_core_rows(plan.jobs, queues, now)
    ledger.note_overrides(plan.jobs, jobs)
    load_error_rows.write_load_errors(plan.errors, repositories, now)
    if not plan.is_first:
        _write_change_log([action for action in plan.jobs if action.is_logged], jobs, user, detail)
    return jobs


def _named_queues(actions: Iterable[JobAction]) -> set[str]:
    names: set[str] = set()
    for action in actions:
        names.update(action.columns["job_queues"])
        names.add(action.columns["default_job_queue"])
    return {name for name in names if name}


def _write_jobs(
    actions: Iterable[JobAction],
    queues: dict[str, JobQueue],
    core_jobs: Mapping[JobKey, uuid.UUID],
    now: datetime,
    reconciliation: Reconciliation | None = None,
) -> dict[JobKey, RegisteredJob]:
    """Make and change records and make their revisions, and return the records by their key."""
    _let_go_of_core(actions)
    made = [action for action in actions if action.record_id is None]
    known = {action.record_id: action for action in actions if action.record_id is not None}
    rows = [_new_row(action, queues, now) for action in made]
    changed = list(RegisteredJob.objects.filter(pk__in=list(known)))
    for row in changed:
        _fill(row, known[row.pk], queues, now)
    jobs = {(row.module_name, row.job_class_name): row for row in (*rows, *changed)}
    for key, pk in core_jobs.items():
        jobs[key].core_job_id = pk
    revisions = {
        a.key: _revision(jobs[a.key].pk, a.revision, a.descriptor, reconciliation)
        for a in actions
        if a.revision and a.descriptor
    }
    if connection.features.can_defer_constraint_checks:
        _point_at(revisions, jobs)
    RegisteredJob.objects.bulk_create(rows, batch_size=BATCH_SIZE)
    JobRevision.objects.bulk_create(revisions.values(), batch_size=BATCH_SIZE)
    _point_at(revisions, jobs)
    _write_changed(changed, known)
    if not connection.features.can_defer_constraint_checks:
        RegisteredJob.objects.bulk_update(rows, ["current_revision"], batch_size=BATCH_SIZE)
    return jobs


def _write_changed(rows: Iterable[RegisteredJob], actions: Mapping[uuid.UUID, JobAction]) -> None:
    """Store what changes in records, kind by kind: most of what happens to one of them happens to all of its kind."""
    by_kind: dict[ActionKind, list[RegisteredJob]] = defaultdict(list)
    for row in rows:
        by_kind[actions[row.pk].kind].append(row)
    for alike in by_kind.values():
        write_columns(alike, _changed_fields([actions[row.pk] for row in alike]), BATCH_SIZE)


def _let_go_of_core(actions: Iterable[JobAction]) -> None:
    """Let records go of rows of core's that are another job's now, before the records of those jobs get them."""
    losing = [action.record_id for action in actions if action.lets_go_of_core]
    if losing:
        RegisteredJob.objects.filter(pk__in=losing).update(core_job=None)


def _point_at(revisions: Mapping[JobKey, JobRevision], jobs: Mapping[JobKey, RegisteredJob]) -> None:
    """Make new revisions the current ones of their jobs, without saving."""
    for key, revision in revisions.items():
        jobs[key].current_revision_id = revision.pk


def _changed_fields(actions: Iterable[JobAction]) -> list[str]:
    """Return the columns that any of the actions changes: few, as a rule, which keeps the statements small."""
    names = {change.field for action in actions for change in action.changes}
    names = {name for name in names if name != "job_queues" and not name.startswith(CORE_PREFIX)}
    if "installed" in names:
        names.add("uninstalled_at")
    if any(action.is_logged for action in actions):
        names.add("last_updated")
    return sorted(names)


def _new_row(action: JobAction, queues: dict[str, JobQueue], now: datetime) -> RegisteredJob:
    module_name, job_class_name = action.key
    attributes = _attributes(action, queues)
    return RegisteredJob(
        module_name=module_name,
        job_class_name=job_class_name,
        uninstalled_at=None if attributes["installed"] else now,
        **attributes,
    )


def _fill(row: RegisteredJob, action: JobAction, queues: dict[str, JobQueue], now: datetime) -> None:
    for name, value in _attributes(action, queues).items():
        setattr(row, name, value)
    if row.installed:
        row.uninstalled_at = None
    elif action.kind is ActionKind.UNINSTALL:
        row.uninstalled_at = now
    if action.is_logged:
        row.last_updated = now


def _attributes(action: JobAction, queues: dict[str, JobQueue]) -> dict[str, Any]:
    """Return what a plan says about a record, as the attributes of the row."""
    columns = action.columns
    attributes = {name: columns[name] for name in columns.keys() & PLAIN_COLUMNS}
    attributes |= {KEY_COLUMNS[name]: columns[name] for name in columns.keys() & KEY_COLUMNS.keys()}
    queue = queues.get(columns["default_job_queue"])
    return attributes | {"default_job_queue_id": queue.pk if queue else None}


def _revision(
    job_id: uuid.UUID, number: int, descriptor: JobDescriptor, reconciliation: Reconciliation | None
) -> JobRevision:
    """Return a new revision, not stored yet."""
    return JobRevision(
        job_id=job_id,
        reconciliation=reconciliation,
        number=number,
        metadata=descriptor.metadata,
        metadata_hash=descriptor.metadata_hash,
        source_code=descriptor.source_code.text,
        source_hash=descriptor.source_hash,
        source_version=shorten("source_version", descriptor.source_version),
    )


def _write_queues(actions: Iterable[JobAction], jobs: dict[JobKey, RegisteredJob], queues: dict[str, JobQueue]) -> None:
    """Put the queues of the records whose queues changed in place."""
    through = RegisteredJob.job_queues.through
    changed = [action for action in actions if _changes_queues(action)]
    old = [jobs[action.key].pk for action in changed if action.record_id is not None]
    if old:
        through.objects.filter(registeredjob_id__in=old).delete()
    rows = [
        through(registeredjob_id=jobs[action.key].pk, jobqueue_id=queues[name].pk)
        for action in changed
        for name in action.columns["job_queues"]
    ]
    through.objects.bulk_create(rows, batch_size=BATCH_SIZE)


def _changes_queues(action: JobAction) -> bool:
    return action.record_id is None or any(change.field == "job_queues" for change in action.changes)


def _write_change_log(actions: list[JobAction], jobs: dict[JobKey, RegisteredJob], user: Any, detail: str) -> None:
    """Make one entry for each record that was made or changed (rule 9)."""
    log_changes({jobs[action.key].pk: _change_log_action(action.record_id is None) for action in actions}, user, detail)


def _change_log_action(is_new: bool) -> str:
    return ObjectChangeActionChoices.ACTION_CREATE if is_new else ObjectChangeActionChoices.ACTION_UPDATE


def with_sources(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries of `Reconciliation.changes` with the source of each job named, in at most one statement.

    Args:
        changes: The entries. What a plan does to records names the source; what it does to other things does not.
    """
    nameless = {entry["job"] for entry in changes if "job" in entry and "source" not in entry}
    if not nameless:
        return changes
    modules = {class_path.rpartition(".")[0] for class_path in nameless}
    rows = RegisteredJob.objects.order_by().filter(module_name__in=modules)
    columns = ("module_name", "job_class_name", "source_type", "source_name")
    labels = {
        f"{module_name}.{name}": Source(SourceType(source_type), source_name).label
        for module_name, name, source_type, source_name in rows.values_list(*columns)
    }
    # What an entry says itself is left as it is.
    return [{"source": labels.get(entry["job"], ""), **entry} if "job" in entry else entry for entry in changes]
