"""The schedules whose stored arguments do not fit the inputs that a job asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from nautobot.extras.models import ScheduledJob

from nautobot_job_registry.engine.arguments import ArgumentProblem, argument_problems, missing_arguments
from nautobot_job_registry.engine.plan import JobAction
from nautobot_job_registry.models import JobRevision, JobSchedule, RegisteredJob

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


@dataclass(frozen=True)
class PlannedMisfit:
    """A schedule that will fail with the code that a plan is about.

    Attributes:
        class_path: The dotted path of the job.
        schedule_id: The primary key of Nautobot's own row of the schedule.
        missing: The inputs that the code requires and the schedule has not stored, by name.
    """

    class_path: str
    schedule_id: UUID
    missing: tuple[str, ...]


def planned_misfits(actions: Sequence[JobAction], comes_on: Collection[UUID]) -> tuple[PlannedMisfit, ...]:
    """Return the schedules that will fail with the new code of jobs, in one statement; none where no input is required.

    Args:
        actions: What is planned for the jobs; those with a new revision are looked at.
        comes_on: The primary keys of schedules that are off, and are switched on with the plan.
    """
    asked = {action.class_path: action for action in actions if _required(action)}
    if not asked:
        return ()
    records = {action.record_id: path for path, action in asked.items() if action.record_id}
    rows = JobSchedule.objects.filter(Q(job__in=list(records)) | Q(job=None)).will_run(comes_on)
    columns = ("job", "class_path", "scheduled_job", "scheduled_job__kwargs")
    found = []
    for job, class_path, schedule, stored in rows.order_by("scheduled_job__name").values_list(*columns):
        path = records.get(job, class_path)
        missing = missing_arguments(_required(asked.get(path)), stored)
        if missing:
            found.append(PlannedMisfit(path, schedule, missing))
    return tuple(sorted(found, key=lambda misfit: misfit.class_path))


def _required(action: JobAction | None) -> list[Mapping[str, Any]]:
    """Return the inputs that a job requires of which there is a new revision."""
    if action is None or action.revision is None or action.descriptor is None:
        return []
    return [one for one in action.descriptor.metadata.get("variables") or () if one.get("required")]
