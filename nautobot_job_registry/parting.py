"""What is done before records are deleted, so that nothing is lost with them (rules 19 and 20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

from nautobot_job_registry import core_bridge, suspensions
from nautobot_job_registry.constants import BATCH_SIZE
from nautobot_job_registry.models import JobRun, JobSchedule, RegisteredJob

_prepared: ContextVar[bool] = ContextVar("job_registry_deletion_is_prepared", default=False)


def prepare(jobs: Sequence[RegisteredJob]) -> None:
    """Anchor all runs and schedules of records that are about to be deleted, and switch off what would fire at nothing.

    Has to run in the transaction of the deletion. Costs a number of statements that grows with the batches of runs
    without an anchor and of schedules, not with each of them.

    Args:
        jobs: The records.
    """
    if not _prepared.get():
        anchor(jobs)
        suspensions.suspend_schedules(jobs)


@contextmanager
def nothing_left_to_prepare() -> Iterator[None]:
    """Take what is deleted meanwhile for prepared."""
    token = _prepared.set(True)
    try:
        yield
    finally:
        _prepared.reset(token)


def anchor(jobs: Sequence[RegisteredJob]) -> None:
    """Anchor the runs and schedules of jobs that have no anchor yet.

    Args:
        jobs: The records.
    """
    by_core = {job.core_job_id: job for job in jobs if job.core_job_id}
    if by_core:
        hanging = core_bridge.dependents(by_core.keys())
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
