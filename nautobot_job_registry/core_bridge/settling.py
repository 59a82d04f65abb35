"""Core's rows made to say what the registry has decided, in bulk (rules 8 and 16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import CharField, QuerySet
from django.db.models.functions import Cast
from nautobot.extras.models import Job, JobQueue

from nautobot_job_registry.constants import BATCH_SIZE
from nautobot_job_registry.core_bridge.columns import shared
from nautobot_job_registry.core_bridge.queues import assign_queues
from nautobot_job_registry.engine.fields import FLAG_FIELDS
from nautobot_job_registry.engine.plan import JobAction
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.locking import locked


def lock(actions: Iterable[JobAction]) -> None:
    """Lock the rows that are going to be written, before anything else is locked.

    Whoever saves a job, here or in core, locks core's row first and the record then; so does a reconcile.
    """
    keys = [action.core_id for action in actions if action.core_columns and action.core_id]
    if keys:
        _lock(Job.objects.filter(pk__in=keys))


def lock_rows_of(record_ids: Iterable[UUID]) -> None:
    """Lock the rows of records that are going to be locked next: see `lock`.

    Args:
        record_ids: The primary keys of the records.
    """
    _lock(Job.objects.filter(registered_job__in=list(record_ids)))


def _lock(rows: QuerySet) -> None:
    list(locked(rows.order_by("pk")).values_list("pk"))


def make_rows(actions: Iterable[JobAction], queues: Mapping[str, JobQueue]) -> dict[JobKey, UUID]:
    """Make the rows that core could not make itself, or not yet, and return their primary keys.

    The names that other rows are going to give up are free before.

    Args:
        actions: What a plan does to records.
        queues: The queues that it names.
    """
    actions = list(actions)
    renamed = [action.core_id for action in actions if action.core_id and "name" in action.core_columns]
    if renamed:
        Job.objects.filter(pk__in=renamed).update(name=Cast("pk", CharField()))
    missing = [action for action in actions if action.makes_core_row]
    if not missing:
        return {}
    Job.objects.bulk_create((_new_row(a, queues) for a in missing), batch_size=BATCH_SIZE, ignore_conflicts=True)
    keys = {action.key for action in missing}
    modules = {module_name for module_name, _ in keys}
    rows = Job.objects.filter(module_name__in=modules).order_by().values_list("module_name", "job_class_name", "pk")
    made = {(module_name, name): pk for module_name, name, pk in rows if (module_name, name) in keys}
    assign_queues({made[a.key]: _queue_keys(a, queues) for a in missing if a.key in made}, are_new=True)
    return made


def _new_row(action: JobAction, queues: Mapping[str, JobQueue]) -> Job:
    module_name, job_class_name = action.key
    flags = {name: action.columns[name] for name in FLAG_FIELDS}
    return Job(
        module_name=module_name, job_class_name=job_class_name, installed=True, **flags, **_attributes(action, queues)
    )


def _attributes(action: JobAction, queues: Mapping[str, JobQueue], names: Iterable[str] = ()) -> dict[str, Any]:
    """Return columns of a record as the attributes of core's row; those of the plan where none are named."""
    columns = {name: action.columns[name] for name in _own_columns(names or action.core_columns)}
    if "default_job_queue" in columns:
        queue = queues.get(columns.pop("default_job_queue"))
        if queue is not None:
            columns["default_job_queue_id"] = queue.pk
    return columns


def _own_columns(names: Iterable[str]) -> set[str]:
    """Return those of some columns that core's row itself has: its queues are rows of their own."""
    return shared(set(names)) - {"job_queues"}


def settle(actions: Iterable[JobAction], queues: Mapping[str, JobQueue], now: datetime) -> None:
    """Write what the plan says to core's rows, in a number of statements that grows with batches, not with jobs.

    Nothing is read, and no job code is loaded.

    Args:
        actions: What a plan does to records.
        queues: The queues that it names.
        now: The time that is written.
    """
    changed = [action for action in actions if action.core_id and action.core_columns and not action.makes_core_row]
    _update(changed, queues, now)
    # Core gave up on a row that it could not store, though its class is there.
    is_back = [action.core_id for action in changed if action.collisions and action.descriptor]
    if is_back:
        Job.objects.filter(pk__in=is_back).update(installed=True)
    requeued = [action for action in changed if "job_queues" in action.core_columns]
    assign_queues({action.core_id: _queue_keys(action, queues) for action in requeued if action.core_id})


def _queue_keys(action: JobAction, queues: Mapping[str, JobQueue]) -> list[UUID]:
    return [queues[name].pk for name in action.columns["job_queues"]]


def _update(actions: Iterable[JobAction], queues: Mapping[str, JobQueue], now: datetime) -> None:
    """Write the columns that any of the rows changes to all of those rows: both sides say the same of each of them.

    A row whose default queue is not known keeps the one that core has, where it cannot be without one.
    """
    writing = [action for action in actions if _own_columns(action.core_columns)]
    names = {name for action in writing for name in _own_columns(action.core_columns)}
    has_queue = [queues.get(action.columns["default_job_queue"]) is not None for action in writing]
    for is_known, written in ((True, names), (False, names - {"default_job_queue"})):
        alike = [action for action, known in zip(writing, has_queue, strict=True) if known is is_known]
        rows = [Job(pk=action.core_id, last_updated=now, **_attributes(action, queues, written)) for action in alike]
        if rows:
            Job.objects.bulk_update(rows, sorted({*written, "last_updated"}), batch_size=BATCH_SIZE)
