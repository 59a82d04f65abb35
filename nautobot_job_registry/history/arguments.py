"""The arguments that schedules have stored, held against the inputs that a job asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db.models import Q, QuerySet
from nautobot.extras.models import ScheduledJob

from nautobot_job_registry.models import JobRevision, RegisteredJob


class ArgumentProblemKind(str, Enum):
    """Why a stored argument does not fit."""

    UNKNOWN = "unknown"
    MISSING = "missing"


@dataclass(frozen=True)
class ArgumentProblem:
    """One argument that does not fit.

    Attributes:
        kind: Why.
        argument: Its name.
    """

    kind: ArgumentProblemKind
    argument: str

    @property
    def message(self) -> str:
        """What it means for the next run, as a sentence."""
        if self.kind is ArgumentProblemKind.UNKNOWN:
            return f"'{self.argument}' is stored, but the job has no such input: the value is ignored."
        return f"'{self.argument}' is required, but not stored: the run fails, unless run() has a default for it."


def argument_problems(
    variables: Iterable[Mapping[str, Any]], stored: Mapping[str, Any] | None
) -> tuple[ArgumentProblem, ...]:
    """Compare the inputs that a job asks for with the arguments that a schedule has stored.

    Nautobot hands on what is stored, without what the job has no input for; the default of an input fills the form
    only, and not a run.

    Args:
        variables: The input variables, as the metadata of a revision hold them.
        stored: The arguments of the schedule, by name.

    Returns:
        The problems, those of unknown arguments first, each kind by name; none where all of it fits.
    """
    inputs = {str(variable.get("name")): variable for variable in variables}
    arguments = stored or {}
    unknown = sorted(name for name in arguments if name not in inputs)
    missing = sorted(name for name, found in inputs.items() if found.get("required") and arguments.get(name) is None)
    return (
        *(ArgumentProblem(ArgumentProblemKind.UNKNOWN, name) for name in unknown),
        *(ArgumentProblem(ArgumentProblemKind.MISSING, name) for name in missing),
    )


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
