"""What hangs on core's row of a job, and its deletion."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from nautobot.extras.models import Job, JobButton, JobHook, JobResult, ScheduledJob

from nautobot_job_registry import bulk_edits


def delete_job(job_id: UUID) -> None:
    """Delete core's row of a job: links of runs and schedules become null, hooks and buttons go with it.

    Core's own `delete()` refuses the jobs that Nautobot brings, also those that are no longer there; this does not.
    """
    delete_jobs([job_id])


def delete_jobs(job_ids: Collection[UUID]) -> None:
    """Delete core's rows of many jobs, as `delete_job` does; each row that goes is logged (rules 9 and 19)."""
    with bulk_edits.logged_at_once():
        QuerySet.delete(Job.objects.filter(pk__in=job_ids))


def dependents(job_ids: Collection[UUID], record_ids: Collection[UUID] = ()) -> dict[str, QuerySet]:
    """Return what hangs on core's rows of jobs, kind by kind.

    Args:
        job_ids: The primary keys of core's rows.
        record_ids: The primary keys of records, to have the schedules that only their anchor still ties to one.
    """
    schedules = Q(job_model__in=job_ids)
    if record_ids:
        schedules |= Q(job_model=None, registry_schedule__job__in=record_ids)
    return {
        "runs": JobResult.objects.filter(job_model__in=job_ids),
        "schedules": ScheduledJob.objects.filter(schedules),
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
