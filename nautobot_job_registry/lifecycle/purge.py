"""The clean-up of records whose jobs were removed long ago (rule 19)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from nautobot.extras.choices import ObjectChangeActionChoices

from nautobot_job_registry.core_bridge import change_log, locks
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.acting_user import acting_user
from nautobot_job_registry.models.choices import AbsenceChoices

LOG_DETAIL = "Job Registry: purge_uninstalled_jobs"


@dataclass(frozen=True)
class Purge:
    """The records that a clean-up deletes.

    Attributes:
        jobs: The records, ordered by class path.
    """

    jobs: tuple[RegisteredJob, ...]

    def costs(self) -> Iterator[tuple[RegisteredJob, deletion.Costs]]:
        """Yield each record with what its deletion does to what hangs on it."""
        costs = deletion.deletion_costs(self.jobs)
        for job in self.jobs:
            yield job, costs[job.pk]


def plan_purge(older_than: timedelta) -> Purge:
    """Return the records of jobs that were removed longer ago than that; a temporary absence is never among them.

    Args:
        older_than: How long ago the job has to have been removed, at least.
    """
    end = timezone.now() - older_than
    jobs = RegisteredJob.objects.filter(
        installed=False, absence=AbsenceChoices.REMOVED, uninstalled_at__isnull=False, uninstalled_at__lte=end
    )
    return Purge(tuple(jobs.order_by("module_name", "job_class_name")))


def carry_out_purge(purge: Purge) -> Sequence[RegisteredJob]:
    """Delete the records of a clean-up, all of them or none, and return those that were deleted.

    One that came back since it was planned, if only for a while, or that was deleted already, is left out.

    Args:
        purge: What was planned.
    """
    with transaction.atomic():
        locks.lock_core_rows_of(job.pk for job in purge.jobs)
        found = RegisteredJob.objects.select_for_update(of=("self",)).order_by("pk")
        planned = {job.pk: job.uninstalled_at for job in purge.jobs}
        removed = found.filter(pk__in=planned, installed=False, absence=AbsenceChoices.REMOVED)
        jobs = [job for job in removed if job.uninstalled_at == planned[job.pk]]
        if acting_user() is None:
            # Nautobot logs what a user does; the command has none.
            gone = {job.pk: ObjectChangeActionChoices.ACTION_DELETE for job in jobs}
            change_log.log_changes(gone, None, LOG_DETAIL)
        deletion.delete_uninstalled(jobs)
    return jobs
