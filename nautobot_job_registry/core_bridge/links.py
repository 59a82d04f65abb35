"""The links of core's runs and schedules to core's jobs, as the anchors have them (rules 20 and 21)."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import OuterRef, Subquery
from nautobot.extras.models import JobResult, ScheduledJob, ScheduledJobs

from nautobot_job_registry.models import JobRun, JobSchedule


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
