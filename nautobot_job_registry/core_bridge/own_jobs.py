"""The app's own jobs in Nautobot: scheduled, and run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from nautobot.apps.utils import get_worker_count
from nautobot.extras.choices import JobExecutionType, JobQueueTypeChoices
from nautobot.extras.models import Job, JobResult, ScheduledJob

from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.core_bridge.permissions import NotPermittedError


class SchedulingError(Exception):
    """A schedule cannot be made; the text says why, and the way out."""


class NotBegunError(Exception):
    """A run that was asked for is not begun, and nothing was changed."""


class NotRunnableError(NotBegunError):
    """Nautobot's own record of the job says that it cannot be run now, or not from here."""


class NotEnabledError(NotRunnableError):
    """The job is not enabled."""


class NeedsApprovalError(NotRunnableError):
    """A run of the job has to be approved, which is asked for on the job's own page."""


class NoWorkerError(NotBegunError):
    """No worker is there that would run the job."""


def schedule_hourly(class_path: str, name: str, user: Any) -> tuple[ScheduledJob, bool]:
    """Have a job run at each full hour; a schedule that is there already, whatever became of it, is left as it is.

    The job is enabled, as one that is not would never run.

    Args:
        class_path: The dotted path of the job.
        name: The name of a schedule that is made.
        user: In whose name the job is going to run.

    Returns:
        The schedule, and whether it was made.

    Raises:
        SchedulingError: If Nautobot does not know the job, or another schedule has the name.
    """
    known = ScheduledJob.objects.filter(task=class_path, interval=JobExecutionType.TYPE_HOURLY).first()
    if known is not None:
        return known, False
    job = _rows(class_path).filter(installed=True).first()
    if job is None:
        raise SchedulingError(f"Nautobot does not know the job {class_path}: run `nautobot-server post_upgrade` first.")
    if ScheduledJob.objects.filter(name=name).exists():
        raise SchedulingError(f"There is another schedule with the name {name!r}: rename or delete it first.")
    if not job.enabled:
        job.enabled = True
        job.save()
    start = timezone.localtime().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    timing = {"start_time": start, "interval": JobExecutionType.TYPE_HOURLY}
    schedule = ScheduledJob.create_schedule(job, user, name=name, **timing, **job_arguments({"dryrun": False}))
    return schedule, True


def schedule_of(class_path: str) -> ScheduledJob | None:
    """Return a schedule that would run a job of the app's now, if there is one."""
    rows = ScheduledJob.objects.filter(task=class_path, enabled=True, job_model__enabled=True)
    return rows.exclude(interval=JobExecutionType.TYPE_FUTURE).order_by("start_time").first()


def run_form(class_path: str, user: Any) -> str:
    """Return the address of Nautobot's form that runs and schedules a job; empty for those who may not run it."""
    job = _rows(class_path).restrict(user, "run").filter(installed=True).first()
    return reverse("extras:job_run", kwargs={"pk": job.pk}) if job is not None else ""


def job_to_run(class_path: str, user: Any) -> Job:
    """Return Nautobot's own record of a job that a user may run, and that can be run.

    Args:
        class_path: The dotted path of the job.
        user: Who wants to run it.

    Raises:
        NotPermittedError: If the user may not run it.
        NotRunnableError: If it is not installed or not enabled.
    """
    job = _rows(class_path).select_related("default_job_queue").first()
    if job is None or not job.installed:
        raise NotRunnableError(
            f"Nautobot does not know the job {class_path}: run `nautobot-server post_upgrade` first."
        )
    if not may_run(class_path, user):
        raise NotPermittedError(f"You have not the right to run the job {job.name!r}.")
    if not job.enabled:
        raise NotEnabledError(
            f"The job {job.name!r} is not enabled. Somebody who may change it has to enable it first: "
            f"Jobs → Jobs → {job.name} → Edit → Enabled."
        )
    return job


def own_job(class_path: str, user: Any, action: str) -> Job | None:
    """Return Nautobot's own record of a job, if a user may do something with it.

    Args:
        class_path: The dotted path of the job.
        user: Who asks.
        action: `view`, `change` or `run`.
    """
    return _rows(class_path).restrict(user, action).first()


def enable(class_path: str, user: Any) -> None:
    """Enable a job, as its own page does: the registry takes it over with the same save.

    Args:
        class_path: The dotted path of the job.
        user: Who wants it; needs the right to change the job, before and after.

    Raises:
        NotPermittedError: If the user has not that right; nothing was changed.
    """
    refusal = NotPermittedError(f"You have not the right to change the job {class_path}.")
    with transaction.atomic():
        job = own_job(class_path, user, "change")
        if job is None:
            raise refusal
        job.enabled = True
        job.save()
        if own_job(class_path, user, "change") is None:
            raise refusal


def may_run(class_path: str, user: Any) -> bool:
    """Return whether a user has the right to run a job, whatever its state."""
    return _rows(class_path).restrict(user, "run").exists()


def run_own_job(class_path: str, user: Any, arguments: Mapping[str, Any]) -> JobResult:
    """Have a worker run a job in the name of a user.

    Args:
        class_path: The dotted path of the job.
        user: Who runs it.
        arguments: The values of its variables, by their names.

    Returns:
        The run, which has not ended yet.

    Raises:
        NotPermittedError: If the user may not run it.
        NotRunnableError: If the job is not installed or not enabled, or if a run needs an approval.
        NoWorkerError: If no worker listens to the default queue of the job.
    """
    job = job_to_run(class_path, user)
    if _needs_approval(job, user, arguments):
        raise NeedsApprovalError(f"A run of the job {job.name!r} needs an approval: ask for it on the job's own page.")
    queue = job.default_job_queue
    if queue.queue_type == JobQueueTypeChoices.TYPE_CELERY and not get_worker_count(queue=queue):
        raise NoWorkerError(
            f"Nothing was done: no worker listens to the queue {queue.name!r}. Start one, and try again."
        )
    return JobResult.enqueue_job(job, user, job_queue=queue, **job_arguments(arguments))


def _rows(class_path: str) -> QuerySet[Job]:
    module_name, _, job_class_name = class_path.rpartition(".")
    return Job.objects.filter(module_name=module_name, job_class_name=job_class_name)


def _needs_approval(job: Job, user: Any, arguments: Mapping[str, Any]) -> bool:
    """Ask core whether a run has to be approved, which it says of a schedule that is there only."""
    with transaction.atomic():
        queue = job.default_job_queue
        schedule = ScheduledJob.create_schedule(job, user, job_queue=queue, **job_arguments(arguments))
        needed = schedule.has_approval_workflow_definition()
        transaction.set_rollback(True)
    return needed
