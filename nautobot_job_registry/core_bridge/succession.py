"""What moves in core's own tables when a job takes over the past of another one (rule 21)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import CharField, OuterRef, Q, Subquery
from django.db.models.functions import Cast
from nautobot.extras.models import Job, JobButton, JobHook, JobResult, ScheduledJob

from nautobot_job_registry.constants import BATCH_SIZE
from nautobot_job_registry.core_bridge.columns import shared
from nautobot_job_registry.core_bridge.links import tell_scheduler
from nautobot_job_registry.core_bridge.queues import assign_queues
from nautobot_job_registry.engine.fields import VALUE_FIELDS, override_flag
from nautobot_job_registry.engine.records import undecided
from nautobot_job_registry.engine.succession import merged_custom_fields
from nautobot_job_registry.expressions import mapped
from nautobot_job_registry.models import JobSchedule, RegisteredJob


def move_dependents(core_jobs: Mapping[UUID, UUID]) -> None:
    """Hang the runs, hooks and buttons of core's jobs on other jobs, in a statement for each kind.

    Args:
        core_jobs: The primary key of core's row of the new job, by that of the old one.
    """
    if core_jobs:
        JobResult.objects.filter(job_model__in=core_jobs).update(job_model=mapped("job_model", core_jobs))
        for model in (JobHook, JobButton):
            model.objects.filter(job__in=core_jobs).update(job=mapped("job", core_jobs))


def merge_custom_fields(core_jobs: Mapping[UUID, UUID]) -> None:
    """Give core's jobs the values of custom fields that the old ones have and they have not, in two statements at most.

    Args:
        core_jobs: The primary key of core's row of the new job, by that of the old one.
    """
    rows = Job.objects.in_bulk([*core_jobs, *core_jobs.values()]) if core_jobs else {}
    changed = []
    for old, new in core_jobs.items():
        merged = merged_custom_fields(rows[new]._custom_field_data, rows[old]._custom_field_data)
        if merged != rows[new]._custom_field_data:
            rows[new]._custom_field_data = merged
            changed.append(rows[new])
    Job.objects.bulk_update(changed, ["_custom_field_data"], batch_size=BATCH_SIZE)


def let_schedules_follow(record_ids: Collection[UUID], core_jobs: Collection[UUID]) -> None:
    """Have core's schedules run the job that they are anchored to: its class path is the task that the scheduler sends.

    Args:
        record_ids: The primary keys of the records of the jobs.
        core_jobs: The primary keys of core's rows of the old and the new jobs: what a person has pointed at another
            job meanwhile stays as it is.
    """
    left = Q(job_model=None) | Q(job_model__in=core_jobs)
    anchors = JobSchedule.objects.order_by().filter(scheduled_job=OuterRef("pk"))
    moved = ScheduledJob.objects.filter(left, registry_schedule__job__in=record_ids).update(
        task=Subquery(anchors.values("class_path")[:1]), job_model=Subquery(anchors.values("job__core_job")[:1])
    )
    if moved:
        tell_scheduler()


def taken_names(except_for: Collection[UUID]) -> set[str]:
    """Return the names that core's jobs have.

    Args:
        except_for: The primary keys of the jobs that do not count.
    """
    return set(Job.objects.order_by().exclude(pk__in=except_for).values_list("name", flat=True))


def write_decisions(changed: Mapping[RegisteredJob, Collection[str]], now: datetime) -> None:
    """Write to core's rows what was decided in records, in bulk, and have the records remember it.

    The names that some of the rows give up are free before others take them. Core's `save()` is not called, and nothing
    of its change log or events comes of it: a single edit goes through `push()`.

    Args:
        changed: The fields whose override was made, changed or cleared, by the record; its `enabled` is always
            written. Its memory of core's row is set and not stored.
        now: The time that is written.
    """
    rows = {job.pk: job for job in Job.objects.filter(pk__in=[record.core_job_id for record in changed])}
    names = {"enabled", "last_updated"}
    queues: dict[UUID, list[UUID]] = {}
    for record, fields in changed.items():
        row = rows[record.core_job_id]
        row.enabled, row.last_updated = record.enabled, now
        for field in shared(set(fields)):
            setattr(row, override_flag(field), getattr(record, override_flag(field)))
            names.add(override_flag(field))
            if field in VALUE_FIELDS:
                setattr(row, field, getattr(record, field))
                names.add(field)
        if "default_job_queue" in fields and record.default_job_queue_id:
            row.default_job_queue_id = record.default_job_queue_id
            names.add("default_job_queue")
        if "job_queues" in fields:
            queues[row.pk] = [queue.pk for queue in record.job_queues.all()]
        record.core_decisions = _remembered(record, fields)
    renamed = [record.core_job_id for record, fields in changed.items() if "name" in fields]
    if len(renamed) > 1:
        Job.objects.filter(pk__in=renamed).update(name=Cast("pk", CharField()))
    Job.objects.bulk_update(rows.values(), sorted(names), batch_size=BATCH_SIZE)
    assign_queues(queues)


def _remembered(record: RegisteredJob, fields: Collection[str]) -> dict:
    known = record.core_decisions or undecided(False)
    overrides = {field: value for field, value in known["overrides"].items() if field not in fields}
    overrides |= {field: value for field, value in record.overrides.items() if field in fields}
    return {**undecided(record.enabled), "overrides": overrides}
