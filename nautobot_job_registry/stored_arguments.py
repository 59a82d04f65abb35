"""The schedules of a job whose stored arguments do not fit the inputs that the job asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from nautobot.extras.models import ScheduledJob

from nautobot_job_registry.engine.arguments import ArgumentProblem, argument_problems
from nautobot_job_registry.models import JobRevision, RegisteredJob

# A job with more schedules than this has its first ones looked at, by name: the page has to stay quick.
MAX_SCHEDULES = 500


@dataclass(frozen=True)
class Misfit:
    """A schedule that does not fit, and why.

    Attributes:
        schedule: The schedule.
        problems: What does not fit; at least one.
    """

    schedule: ScheduledJob
    problems: tuple[ArgumentProblem, ...]


def misfits(job: RegisteredJob, revision: JobRevision | None, user: Any) -> list[Misfit]:
    """Return the schedules of a job that do not fit what a revision asks for, in one statement.

    The values of the arguments are not told, as they may be secret.

    Args:
        job: The job.
        revision: What the source says; without one, nothing can be told.
        user: Who asks: only schedules that the user may view are looked at.
    """
    variables: Iterable[Mapping[str, Any]] | None = revision and revision.metadata.get("variables")
    if variables is None:
        return []
    found = (Misfit(row, argument_problems(variables, row.kwargs)) for row in _schedules(job, user)[:MAX_SCHEDULES])
    return [misfit for misfit in found if misfit.problems]


def _schedules(job: RegisteredJob, user: Any) -> QuerySet:
    """Return the schedules that will run, or may be switched on again: not those that ran once and are done."""
    of_job = Q(task=job.class_path)
    if job.core_job_id is not None:
        of_job |= Q(job_model=job.core_job_id)
    rows = ScheduledJob.objects.restrict(user, "view").filter(of_job)
    return rows.exclude(one_off=True, last_run_at__isnull=False).order_by("name").only("name", "enabled", "kwargs")
