"""The links of core's runs, schedules, hooks and buttons to core's jobs (rules 20 and 21)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from nautobot.extras.models import JobButton, JobHook, JobResult, ScheduledJob, ScheduledJobs

from nautobot_job_registry.models import JobRun, JobSchedule
from nautobot_job_registry.models.sql import mapped


def link_runs_and_schedules(record_ids: Collection[UUID]) -> None:
    """Link core's runs and schedules that have lost their job to the core job of the record that they are anchored to.

    Costs three statements at the most, whatever the number of runs.

    Args:
        record_ids: The primary keys of the records.
    """
    runs = JobRun.objects.order_by().filter(job_result=OuterRef("pk"))
    JobResult.objects.filter(job_model=None, registry_run__job__in=record_ids).update(
        job_model=Subquery(runs.values("job__core_job")[:1])
    )
    schedules = JobSchedule.objects.order_by().filter(scheduled_job=OuterRef("pk"))
    linked = ScheduledJob.objects.filter(job_model=None, registry_schedule__job__in=record_ids).update(
        job_model=Subquery(schedules.values("job__core_job")[:1])
    )
    if linked:
        tell_scheduler()


def tell_scheduler() -> None:
    """Have the scheduler read its schedules again, as it has to after a change that no signal told it of."""
    ScheduledJobs.update_changed()


def move_dependents(core_jobs: Mapping[UUID, UUID]) -> None:
    """Hang the runs, hooks and buttons of core's jobs on other jobs, in a statement for each kind.

    Args:
        core_jobs: The primary key of core's row of the new job, by that of the old one.
    """
    if core_jobs:
        JobResult.objects.filter(job_model__in=core_jobs).update(job_model=mapped("job_model", core_jobs))
        for model in (JobHook, JobButton):
            model.objects.filter(job__in=core_jobs).update(job=mapped("job", core_jobs))


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
