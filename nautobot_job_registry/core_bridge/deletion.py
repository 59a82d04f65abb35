"""What hangs on core's row of a job, and its deletion."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from nautobot.extras.models import Job, JobButton, JobHook, JobResult, ScheduledJob


def delete_job(job_id: UUID) -> None:
    """Delete core's row of a job: links of runs and schedules become null, hooks and buttons go with it.

    Core's own `delete()` refuses the jobs that Nautobot brings, also those that are no longer there; this does not.
    """
    delete_jobs([job_id])


def delete_jobs(job_ids: Collection[UUID]) -> None:
    """Delete core's rows of many jobs, as `delete_job` does."""
    QuerySet.delete(Job.objects.filter(pk__in=job_ids))


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


def dependents_by_job(job_ids: Collection[UUID]) -> dict[str, dict[UUID, int]]:
    """Return how many objects of each kind hang on each of core's rows of jobs, in one statement for each kind.

    Args:
        job_ids: The primary keys of core's rows.
    """
    counts = {}
    for kind, objects in dependents(job_ids).items():
        link = "job" if kind in ("job_hooks", "job_buttons") else "job_model"
        counts[kind] = dict(objects.order_by().values_list(link).annotate(number=Count("pk")))
    return counts


def switch_off_schedules(
    job_ids: Collection[UUID], record_ids: Collection[UUID]
) -> Iterator[tuple[ScheduledJob, dict]]:
    """Switch off the schedules of jobs that are about to be deleted, as core does when a job is uninstalled.

    Without its job a schedule fires at nothing: core's scheduler writes an error and marks it as failed.

    Args:
        job_ids: The primary keys of core's rows of the jobs.
        record_ids: The primary keys of the records of the jobs.

    Yields:
        Each schedule that was enabled, as it is now, with its state before.
    """
    of_jobs = Q(job_model__in=job_ids) | Q(registry_schedule__job__in=record_ids)
    schedules = ScheduledJob.objects.filter(of_jobs, enabled=True).select_related("registry_schedule")
    for schedule in schedules.order_by("name"):
        before = schedule_state(schedule)
        schedule.enabled = False
        schedule.save()
        yield schedule, before


def schedule_state(schedule: ScheduledJob) -> dict:
    """Return what the switching off of a schedule changes; core knows a `state` since 3.1."""
    names = ("enabled", "state")
    return {name: getattr(schedule, name) for name in names if hasattr(schedule, name)}
