"""The two sides of a job, core's row and the record, as they are stored, and locked for whoever saves one of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from nautobot.extras.models import Job

from nautobot_job_registry.core_bridge.rows import OURS_ALONE, SHARED_FLAGS, SHARED_VALUES, core_state, is_our_own_write
from nautobot_job_registry.engine.agreement import ENABLED, NOT_OVERRIDDEN, Agreement, Decisions
from nautobot_job_registry.engine.fields import FLAG_FIELDS, override_flag
from nautobot_job_registry.engine.records import CoreState
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.sql import read_locked

# What is read with a record.
JOINED = ("current_revision", "default_job_queue")


def lock_both(record: RegisteredJob) -> tuple[Job | None, RegisteredJob | None]:
    """Lock core's row and the record, in this order and by one statement, and return both as they are stored."""
    links = [f"registered_job__{name}" for name in JOINED]
    rows = Job.objects.filter(registered_job=record.pk).select_related("default_job_queue", *links)
    rows = rows.defer("registered_job__current_revision__source_code")
    job = read_locked(rows, "registered_job", links=links, is_there=record.core_job_id is not None)
    return (job, job.registered_job) if job is not None else (None, locked_record(pk=record.pk))


def core_row(pk: Any) -> Job | None:
    """Lock core's row with a primary key, and return it; None where somebody has deleted it."""
    return read_locked(Job.objects.select_related("default_job_queue").filter(pk=pk), is_there=True)


def lock_before_queues(job: Job) -> None:
    """Lock core's row before queues are taken from it, which core does before it writes the row, and we after it.

    Args:
        job: The row whose queues are about to be taken away.
    """
    if not is_our_own_write() and transaction.get_connection(job._state.db).in_atomic_block:
        core_row(job.pk)


def locked_record(**values: Any) -> RegisteredJob | None:
    """Lock the one record with these values, and return it, if there is one."""
    rows = RegisteredJob.objects.filter(**values).select_related(*JOINED).defer("current_revision__source_code")
    return read_locked(rows, links=JOINED)


def state(job: Job, record: RegisteredJob) -> CoreState:
    """Return what a row of core's says, as the record knows it; queues are read only where somebody chose them."""
    queues: Collection[str] = ()
    if job.job_queues_override:
        queues = tuple(sorted(job.job_queues.values_list("name", flat=True)))
    names = (*SHARED_VALUES, *FLAG_FIELDS, *SHARED_FLAGS, "id", "module_name", "job_class_name", "enabled")
    values = {name: getattr(job, name) for name in names}
    values |= {f"registered_job__{name}": getattr(record, name) for name in OURS_ALONE}
    values["default_job_queue__name"] = job.default_job_queue.name
    values["registered_job__core_decisions"] = record.core_decisions
    return core_state(values, tuple(queues))


def with_decided(core: Decisions, job: Job, known: Agreement, decided: Collection[str]) -> Decisions:
    """Return what core's row says, with what was decided with it where an old picture has been stored since.

    Outside of a transaction the row is free between its save and what is done about that, and a refresh of core's that
    had read it before may write its columns back. The queues are rows of their own, which it leaves alone.

    Args:
        core: What is stored.
        job: The row as somebody has saved it.
        known: What the record remembers of it, as it did before that save.
        decided: The fields that were decided.
    """
    stored, agreed = core.by_field, known.agreed.by_field
    enabled, values = core.enabled, dict(core.values)
    for name in set(decided) - {"job_queues"}:
        there = stored.get(name, NOT_OVERRIDDEN)
        if there != agreed.get(name, NOT_OVERRIDDEN) and there not in known.before.get(name, ()):
            # That is no old picture: somebody has been quicker.
            continue
        if name == ENABLED:
            enabled = job.enabled
        elif getattr(job, override_flag(name)):
            values[name] = job.default_job_queue.name if name == "default_job_queue" else getattr(job, name)
        else:
            values.pop(name, None)
    return Decisions(enabled, values)
