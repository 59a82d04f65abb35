"""The deletion of the records of uninstalled jobs: what it costs, and what is kept all the same (rules 19 and 20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Model, QuerySet

from nautobot_job_registry.core_bridge import dependents as core_dependents
from nautobot_job_registry.core_bridge import locks
from nautobot_job_registry.core_bridge.permissions import NotPermittedError, withheld, withheld_message
from nautobot_job_registry.lifecycle.suspensions import suspending
from nautobot_job_registry.models import JobRun, JobSchedule, RegisteredJob
from nautobot_job_registry.models.constants import BATCH_SIZE, STILL_INSTALLED


class InstalledError(Exception):
    """A record cannot be deleted, as its job is installed; the text says so and names it."""


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


def deletion_impact(jobs: Sequence[RegisteredJob], user: Any) -> Impact:
    """Return what the deletion of records would unlink, and what Nautobot would delete with them.

    Args:
        jobs: The records.
        user: Who asks: of what hangs on the jobs, only the number is told where the user may not view it.
    """
    keys = [job.pk for job in jobs]
    dependents = core_dependents.dependents_of([job.core_job_id for job in jobs if job.core_job_id], keys)
    return Impact(
        refusal=deletion_refusal(jobs),
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


def deletion_costs(jobs: Sequence[RegisteredJob]) -> dict[UUID, Costs]:
    """Return what hangs on each of many jobs, in one statement for each kind.

    Args:
        jobs: The records.

    Returns:
        The numbers, by the primary key of the record.
    """
    counts = core_dependents.dependents_by_job([job.core_job_id for job in jobs if job.core_job_id])
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


def deletion_refusal(jobs: Sequence[RegisteredJob]) -> str:
    """Say why records cannot be deleted; nothing where they can."""
    installed = sorted(job.class_path for job in jobs if job.installed)
    return f"{STILL_INSTALLED} Installed: {', '.join(installed)}." if installed else ""


def delete_records(jobs: Sequence[RegisteredJob], user: Any) -> None:
    """Delete records with Nautobot's own rows of the same jobs, all of them or none.

    Runs and schedules stay; their link becomes null (M9).

    Args:
        jobs: The records.
        user: Who deletes them.

    Raises:
        InstalledError: If any of the jobs is installed.
        NotPermittedError: If the user may not delete Nautobot's own row of any of them (rule 17).
    """
    reason = deletion_refusal(jobs)
    if reason:
        raise InstalledError(reason)
    require_right(jobs, user)
    with transaction.atomic():
        keys = [job.pk for job in jobs]
        locks.lock_core_rows_of(keys)
        # A job that has come back meanwhile is there, whatever was read before.
        stored = list(RegisteredJob.objects.filter(pk__in=keys).order_by("pk").select_for_update(of=("self",)))
        reason = deletion_refusal(stored)
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
        keep_what_hangs_on(jobs)
    with nothing_left_to_prepare():
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


_prepared: ContextVar[bool] = ContextVar("job_registry_deletion_is_prepared", default=False)


def keep_what_hangs_on(jobs: Sequence[RegisteredJob]) -> None:
    """Anchor all runs and schedules of records that are about to be deleted, and switch off what would fire at nothing.

    Has to run in the transaction of the deletion, before it has locked a record. Costs a number of statements that
    grows with the batches of runs without an anchor and of schedules, not with each of them.

    Args:
        jobs: The records.
    """
    if not _prepared.get():
        # Core's row is deleted after the record, and locked before it all the same.
        locks.lock_records(job.pk for job in jobs)
        anchor_what_hangs_on(jobs)
        suspending.suspend_schedules(jobs)


@contextmanager
def nothing_left_to_prepare() -> Iterator[None]:
    """Take what is deleted meanwhile for prepared."""
    token = _prepared.set(True)
    try:
        yield
    finally:
        _prepared.reset(token)


def anchor_what_hangs_on(jobs: Sequence[RegisteredJob]) -> None:
    """Anchor the runs and schedules of jobs that have no anchor yet.

    Args:
        jobs: The records.
    """
    by_core = {job.core_job_id: job for job in jobs if job.core_job_id}
    if by_core:
        hanging = core_dependents.dependents_of(by_core.keys())
        runs = hanging["runs"].filter(registry_run=None).order_by()
        schedules = hanging["schedules"].filter(registry_schedule=None).order_by()
        _store(
            JobRun(job_result_id=pk, job=by_core[core], class_path=by_core[core].class_path, created=created)
            for pk, core, created in runs.values_list("pk", "job_model_id", "date_created").iterator(BATCH_SIZE)
        )
        _store(
            JobSchedule(scheduled_job_id=pk, job=by_core[core], class_path=by_core[core].class_path)
            for pk, core in schedules.values_list("pk", "job_model_id")
        )


def _store(rows: Iterable[Any]) -> None:
    """Store anchors batch by batch; one that somebody else made meanwhile stays as it is."""
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH_SIZE)):
        type(batch[0]).objects.bulk_create(batch, ignore_conflicts=True)
