"""Core's own rows of jobs and queues; the only module that writes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from nautobot.extras.choices import JobQueueTypeChoices
from nautobot.extras.models import Job, JobButton, JobHook, JobQueue, JobResult, ScheduledJob

from nautobot_job_registry.choices import OverrideOriginChoices
from nautobot_job_registry.engine.adoption import Decisions, changed_overrides, merge
from nautobot_job_registry.engine.fields import (
    FLAG_FIELDS,
    NAME_MAX_LENGTH,
    OVERRIDABLE_FIELDS,
    VALUE_FIELDS,
    override_flag,
)
from nautobot_job_registry.engine.records import CoreState, JobKey, undecided
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.field_override import overrides_come_from

COLUMNS = (
    "id",
    "module_name",
    "job_class_name",
    "enabled",
    "default_job_queue__name",
    "registered_job__core_decisions",
    *VALUE_FIELDS,
    *FLAG_FIELDS,
    *(override_flag(field) for field in OVERRIDABLE_FIELDS),
)

# The columns in which somebody decides: what core's row says of them is kept in mind from its reading to its saving.
DECIDED_COLUMNS = (
    "enabled",
    "default_job_queue_id",
    *VALUE_FIELDS,
    *(override_flag(field) for field in OVERRIDABLE_FIELDS),
)


def _tells_anything() -> Q:
    flags = Q(*((override_flag(field), True) for field in OVERRIDABLE_FIELDS), _connector=Q.OR)
    news = Q(registered_job=None) | flags
    for enabled in (True, False):
        news |= Q(enabled=enabled) & ~Q(registered_job__core_decisions=undecided(enabled))
    return news


TELLS_ANYTHING = _tells_anything()


def news_of_core() -> dict[JobKey, CoreState]:
    """Read those of core's rows that tell anything new, in at most two statements.

    Left out are the rows of which the record that points at them knows all that was decided there; that they are many
    is what keeps a reconcile with nothing to do cheap. Rows with an override are always read.
    """
    rows = list(Job.objects.filter(TELLS_ANYTHING).order_by().values(*COLUMNS))
    queues = _queue_names([row["id"] for row in rows])
    states = (_state(row, tuple(sorted(queues.get(row["id"], ())))) for row in rows)
    return {state.key: state for state in states}


def _queue_names(job_ids: list[object]) -> dict[object, list[str]]:
    names: dict[object, list[str]] = defaultdict(list)
    if job_ids:
        through = Job.job_queues.through.objects.order_by().filter(job_id__in=job_ids)
        for job_id, name in through.values_list("job_id", "job_queue__name"):
            names[job_id].append(name)
    return names


def _state(values: dict, queues: tuple[str, ...]) -> CoreState:
    overridable = {field: values[field] for field in VALUE_FIELDS}
    overridable["job_queues"] = queues
    overridable["default_job_queue"] = values["default_job_queue__name"]
    return CoreState(
        id=values["id"],
        key=(values["module_name"], values["job_class_name"]),
        enabled=values["enabled"],
        values=overridable,
        overridden=frozenset(field for field in OVERRIDABLE_FIELDS if values[override_flag(field)]),
        flags={field: values[field] for field in FLAG_FIELDS},
        known=values["registered_job__core_decisions"],
    )


def queues_by_name(names: Iterable[str]) -> dict[str, JobQueue]:
    """Return the queues of the given names; those that the sources name and that are missing are made, as core does.

    Args:
        names: Names of queues.
    """
    wanted = set(names)
    found = {queue.name: queue for queue in JobQueue.objects.filter(name__in=wanted)}
    missing = [JobQueue(name=name, queue_type=JobQueueTypeChoices.TYPE_CELERY) for name in sorted(wanted - set(found))]
    if not missing:
        return found
    JobQueue.objects.bulk_create(missing, ignore_conflicts=True)
    return {queue.name: queue for queue in JobQueue.objects.filter(name__in=wanted)}


def permitted_jobs(user: Any, action: str, job_ids: Collection[UUID]) -> set[UUID]:
    """Return those of core's rows on which a user may do something, in one statement.

    Args:
        user: Who asks.
        action: `change`, `delete` or `run`.
        job_ids: The primary keys of core's rows.
    """
    return set(Job.objects.restrict(user, action).filter(pk__in=job_ids).values_list("pk", flat=True))


def delete_job(job_id: UUID) -> None:
    """Delete core's row of a job: links of runs and schedules become null, hooks and buttons go with it.

    Core's own `delete()` refuses the jobs that Nautobot brings, also those that are no longer there; this does not.
    """
    QuerySet.delete(Job.objects.filter(pk=job_id))


def dependents(job_ids: Collection[UUID]) -> dict[str, QuerySet]:
    """Return what hangs on core's rows of jobs, kind by kind.

    Args:
        job_ids: The primary keys of core's rows.
    """
    return {
        "runs": JobResult.objects.filter(job_model__in=job_ids),
        "schedules": ScheduledJob.objects.filter(job_model__in=job_ids),
        "job_hooks": JobHook.objects.filter(job__in=job_ids),
        "job_buttons": JobButton.objects.filter(job__in=job_ids),
    }


_quiet: ContextVar[bool] = ContextVar("job_registry_writes_core", default=False)


@contextmanager
def _quietly() -> Iterator[None]:
    """Take what is saved meanwhile for our own writing, which the other side is not told of."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


# From the registry to core


def push(record: RegisteredJob) -> None:
    """Write to core's row what was decided in a record since it last agreed with it, in the same transaction (rule 16).

    Only what differs from what the record remembers of core's row is written: an edit of the rest that was made there
    and that nobody told us of is for the next reconcile. No job code is loaded.

    Args:
        record: The record, as it has been saved.
    """
    if _quiet.get() or not record.core_job_id:
        return
    ours = {"enabled": record.enabled, "overrides": record.overrides}
    known = record.core_decisions or undecided(False)
    changed = changed_overrides(known["overrides"], ours["overrides"])
    if not changed and ours["enabled"] == known["enabled"]:
        return
    job = record.core_job
    columns = {"enabled", "last_updated", *(override_flag(field) for field in changed), *changed} - {"job_queues"}
    with _whole(), _quietly():
        job.enabled = record.enabled
        for field in changed:
            _write_field(job, record, field)
        _save(job, columns)
        if "job_queues" in changed:
            job.job_queues.set(record.job_queues.all())
        overrides = {name: value for name, value in known["overrides"].items() if name not in changed}
        overrides |= {name: ours["overrides"][name] for name in changed if name in ours["overrides"]}
        if "name" in changed and job.name_override:
            overrides["name"] = job.name
        record.core_decisions = {"enabled": record.enabled, "overrides": overrides}
        RegisteredJob.objects.filter(pk=record.pk).update(core_decisions=record.core_decisions)


def _write_field(job: Job, record: RegisteredJob, field: str) -> None:
    overridden = getattr(record, override_flag(field))
    if field == "name":
        job.name = _free_name(record.name, job)
        overridden = overridden or job.name != record.name
    elif field == "default_job_queue":
        job.default_job_queue = record.default_job_queue or job.default_job_queue
    elif field != "job_queues":
        setattr(job, field, getattr(record, field))
    setattr(job, override_flag(field), overridden)


def _free_name(name: str, job: Job) -> str:
    """Return a name that no other row of core's has, in the way core numbers them."""
    others = Job.objects.exclude(pk=job.pk)
    free, number = name, 2
    while others.filter(name=free).exists():
        suffix = f" ({number})"
        free, number = f"{name[: NAME_MAX_LENGTH - len(suffix)]}{suffix}", number + 1
    return free


def _save(job: Job, columns: Collection[str]) -> None:
    """Save core's row by its own way, which for a job that is not installed switches off what hangs on it (rule 18).

    Only what was decided is written, so that an edit that is made there at the same time is not undone.
    """
    if job.installed:
        job.save(update_fields=columns)
    else:
        super(Job, job).save(update_fields=columns)


def _whole() -> AbstractContextManager[Any]:
    """Write all or nothing; where a transaction is open that is its business."""
    return nullcontext() if connection.in_atomic_block else transaction.atomic()


# From core to the registry


def remember(job: Job) -> None:
    """Keep in mind what a row of core's says as it is read, without reading more of it."""
    job.__dict__["_registry_decisions"] = _said(job)


def pull(job: Job) -> None:
    """Take over what was decided in core's row, with the record's own decisions kept (rule 16).

    Costs no statement where nothing was decided since the row was read.

    Args:
        job: Core's row, as it has been saved.
    """
    said = _said(job)
    if _quiet.get() or job.__dict__.get("_registry_decisions") == said:
        return
    job.__dict__["_registry_decisions"] = said
    pull_anyway(job)


def pull_anyway(job: Job) -> None:
    """Take over what was decided in core's row, whether its columns have changed or not: its queues may have."""
    records = RegisteredJob.objects.select_related("current_revision").defer("current_revision__source_code")
    record = records.filter(core_job=job.pk).first()
    if _quiet.get() or record is None:
        return
    queues = tuple(sorted(job.job_queues.values_list("name", flat=True))) if job.job_queues_override else ()
    values = {name: getattr(job, name) for name in (*VALUE_FIELDS, *FLAG_FIELDS, "id", "module_name", "job_class_name")}
    values |= {override_flag(name): getattr(job, override_flag(name)) for name in OVERRIDABLE_FIELDS}
    values |= {"enabled": job.enabled, "default_job_queue__name": job.default_job_queue.name}
    state = _state({**values, "registered_job__core_decisions": record.core_decisions}, queues)
    known = record.core_decisions or undecided(False)
    if state.decisions != known:
        _take_over(record, merge(Decisions(record.enabled, record.overrides), known, state), state)


def _take_over(record: RegisteredJob, decisions: Decisions, state: CoreState) -> None:
    record.enabled = decisions.enabled
    for field in OVERRIDABLE_FIELDS:
        setattr(record, override_flag(field), field in decisions.values)
    for field, value in decisions.values.items():
        if field == "default_job_queue":
            record.default_job_queue = queues_by_name([value])[value]
        elif field != "job_queues":
            setattr(record, field, value)
    record.core_decisions = state.decisions
    with _quietly(), overrides_come_from(OverrideOriginChoices.CORE):
        record.save()
        if "job_queues" in decisions.values:
            record.job_queues.set(queues_by_name(decisions.values["job_queues"]).values())


def _said(job: Job) -> tuple[Any, ...]:
    return tuple(job.__dict__.get(name) for name in DECIDED_COLUMNS)
