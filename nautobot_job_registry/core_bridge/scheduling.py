"""Schedules of the app's own jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from nautobot.extras.choices import JobExecutionType
from nautobot.extras.models import Job, ScheduledJob

from nautobot_job_registry.core_bridge.arguments import job_arguments


class SchedulingError(Exception):
    """A schedule cannot be made; the text says why, and the way out."""


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
    module_name, _, job_class_name = class_path.rpartition(".")
    job = Job.objects.filter(module_name=module_name, job_class_name=job_class_name, installed=True).first()
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
