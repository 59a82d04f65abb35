"""What is decided on one side is in force on the other (rule 16)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from nautobot.extras.models import Job

from nautobot_job_registry.choices import OverrideOriginChoices
from nautobot_job_registry.core_bridge.queues import queues_by_name
from nautobot_job_registry.core_bridge.reading import (
    core_state,
)
from nautobot_job_registry.engine.adoption import Decisions, changed_overrides, merge
from nautobot_job_registry.engine.fields import (
    FLAG_FIELDS,
    NAME_MAX_LENGTH,
    OVERRIDABLE_FIELDS,
    VALUE_FIELDS,
    override_flag,
)
from nautobot_job_registry.engine.records import CoreState, undecided
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.field_override import overrides_come_from

# The columns in which somebody decides: what core's row says of them is kept in mind from its reading to its saving.
DECIDED_COLUMNS = (
    "enabled",
    "default_job_queue_id",
    *VALUE_FIELDS,
    *(override_flag(field) for field in OVERRIDABLE_FIELDS),
)
_quiet: ContextVar[bool] = ContextVar("job_registry_writes_core", default=False)


@contextmanager
def _quietly() -> Iterator[None]:
    """Take what is saved meanwhile for our own writing, which the other side is not told of."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_writing() -> bool:
    """Return whether the registry itself is just writing what was decided, on either side."""
    return _quiet.get()


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
    state = core_state({**values, "registered_job__core_decisions": record.core_decisions}, queues)
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
