"""The deletion of the records of uninstalled jobs, and what it costs (rule 19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Model, QuerySet

from nautobot_job_registry import core_bridge, parting
from nautobot_job_registry.constants import STILL_INSTALLED
from nautobot_job_registry.models import JobRun, JobSchedule, RegisteredJob
from nautobot_job_registry.rights import withheld, withheld_message


class InstalledError(Exception):
    """A record cannot be deleted, as its job is installed; the text says so and names it."""


class NotPermittedError(Exception):
    """The right to delete Nautobot's own job is missing; the text says so and names the job."""


@dataclass(frozen=True)
class Dependents:
    """The objects of one kind that hang on jobs: how many, and those of them that the asking user may view."""

    count: int
    objects: Sequence[Model]


@dataclass(frozen=True)
class Impact:
    """What a deletion does to what hangs on the jobs.

    Attributes:
        refusal: Why the records cannot be deleted; empty where they can.
        runs: How many job results are unlinked.
        schedules: The scheduled jobs that are unlinked.
        job_hooks: The job hooks that Nautobot deletes with its own job.
        job_buttons: The job buttons that Nautobot deletes with its own job.
    """

    refusal: str
    runs: int
    schedules: Dependents
    job_hooks: Dependents
    job_buttons: Dependents

    @property
    def can_be_deleted(self) -> bool:
        """Whether nothing speaks against the deletion."""
        return not self.refusal


def impact(jobs: Sequence[RegisteredJob], user: Any) -> Impact:
    """Return what the deletion of records would unlink, and what Nautobot would delete with them.

    Args:
        jobs: The records.
        user: Who asks: of what hangs on the jobs, only the number is told where the user may not view it.
    """
    keys = [job.pk for job in jobs]
    dependents = core_bridge.dependents([job.core_job_id for job in jobs if job.core_job_id], keys)
    return Impact(
        refusal=refusal(jobs),
        runs=dependents["runs"].count() + _only_anchored(JobRun, keys).count(),
        **{kind: _told(dependents[kind], user) for kind in ("schedules", "job_hooks", "job_buttons")},
    )


@dataclass(frozen=True)
class Costs:
    """How many objects of each kind hang on one job."""

    runs: int = 0
    schedules: int = 0
    job_hooks: int = 0
    job_buttons: int = 0


def costs(jobs: Sequence[RegisteredJob]) -> dict[UUID, Costs]:
    """Return what hangs on each of many jobs, in one statement for each kind.

    Args:
        jobs: The records.

    Returns:
        The numbers, by the primary key of the record.
    """
    counts = core_bridge.dependents_by_job([job.core_job_id for job in jobs if job.core_job_id])
    keys = [job.pk for job in jobs]
    anchored = {
        kind: dict(_only_anchored(model, keys).order_by().values_list("job").annotate(number=Count("pk")))
        for kind, model in (("runs", JobRun), ("schedules", JobSchedule))
    }
    return {
        job.pk: Costs(
            **{
                kind: by_job.get(job.core_job_id, 0) + anchored.get(kind, {}).get(job.pk, 0)
                for kind, by_job in counts.items()
            }
        )
        for job in jobs
    }


def _only_anchored(model: type[JobRun | JobSchedule], keys: Sequence[UUID]) -> QuerySet:
    """Return the anchors that alone still hold on to records, as core's row was deleted on its own."""
    link = "job_result__job_model" if model is JobRun else "scheduled_job__job_model"
    return model.objects.filter(job__in=keys, **{link: None})


def _told(objects: QuerySet, user: Any) -> Dependents:
    return Dependents(objects.count(), list(objects.restrict(user, "view").order_by("name")))


def refusal(jobs: Sequence[RegisteredJob]) -> str:
    """Say why records cannot be deleted; nothing where they can."""
    installed = sorted(job.class_path for job in jobs if job.installed)
    return f"{STILL_INSTALLED} Installed: {', '.join(installed)}." if installed else ""


def delete(jobs: Sequence[RegisteredJob], user: Any) -> None:
    """Delete records with Nautobot's own rows of the same jobs, all of them or none.

    Runs and schedules stay; their link becomes null (M9).

    Args:
        jobs: The records.
        user: Who deletes them.

    Raises:
        InstalledError: If any of the jobs is installed.
        NotPermittedError: If the user may not delete Nautobot's own row of any of them (rule 17).
    """
    reason = refusal(jobs)
    if reason:
        raise InstalledError(reason)
    require_right(jobs, user)
    with transaction.atomic():
        keys = [job.pk for job in jobs]
        core_bridge.lock_rows_of(keys)
        # A job that has come back meanwhile is there, whatever was read before.
        stored = list(RegisteredJob.objects.filter(pk__in=keys).order_by("pk").select_for_update(of=("self",)))
        reason = refusal(stored)
        if reason:
            raise InstalledError(reason)
        delete_uninstalled(stored)


def delete_uninstalled(jobs: Sequence[RegisteredJob]) -> None:
    """Delete records with Nautobot's own rows, in the name of nobody who would need a right for it.

    What hangs on them is anchored for all of them at once, and not by the signal for each of them.

    Args:
        jobs: The records; has to run in a transaction.

    Raises:
        ProtectedError: If any of the jobs is installed.
    """
    if not any(job.installed for job in jobs):
        parting.prepare(jobs)
    with parting.nothing_left_to_prepare():
        for job in jobs:
            job.delete()


def require_right(jobs: Sequence[RegisteredJob], user: Any) -> None:
    """Refuse a deletion to those who may not delete Nautobot's own rows of the jobs (rule 17).

    Raises:
        NotPermittedError: If any of them is not theirs to delete.
    """
    missing = withheld(user, "delete", jobs)
    if missing:
        raise NotPermittedError(withheld_message("delete", [job.class_path for job in jobs if job.pk in missing]))
