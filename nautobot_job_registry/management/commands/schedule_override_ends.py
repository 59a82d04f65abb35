"""The command that has overrides end by themselves."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from nautobot.extras.models import ScheduledJob

from nautobot_job_registry.core_bridge import own_jobs
from nautobot_job_registry.engine.text import log_text
from nautobot_job_registry.management.database import require_database, told_where_given_up
from nautobot_job_registry.models.attempts import try_again
from nautobot_job_registry.models.constants import END_OVERRIDES_JOB

SCHEDULE_NAME = "End overrides of jobs"


class Command(BaseCommand):
    """Schedule the job that reverts the overrides whose end has come, at each full hour."""

    help = "Schedule the job that reverts the overrides whose end has come, at each full hour. Can be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--user", required=True, help="the name of the user in whose name the job runs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the schedule, or say that it is there.

        Raises:
            CommandError: If there is no such user, or the schedule cannot be made.
        """
        require_database()
        user = get_user_model().objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['user']!r}.", returncode=2)
        try:
            with told_where_given_up():
                schedule, is_new = try_again(lambda: _schedule(user), what="the making of the schedule")
        except own_jobs.SchedulingError as error:
            raise CommandError(log_text(str(error))) from error
        self.stdout.write(_told(schedule, is_new))


def _schedule(user: Any) -> tuple[ScheduledJob, bool]:
    with transaction.atomic():
        return own_jobs.schedule_hourly(END_OVERRIDES_JOB, SCHEDULE_NAME, user)


def _told(schedule: ScheduledJob, is_new: bool) -> str:
    if is_new:
        return f"Scheduled {schedule.name!r} at each full hour, first at {schedule.start_time:%Y-%m-%d %H:%M %Z}."
    if schedule.enabled:
        return f"The schedule {schedule.name!r} is there already."
    return (
        f"The schedule {schedule.name!r} is there already, but it is not enabled: enable it at Jobs → Scheduled Jobs."
    )
