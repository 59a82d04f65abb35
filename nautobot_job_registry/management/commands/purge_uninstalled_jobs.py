"""The door from the command line into the clean-up of removed jobs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from nautobot_job_registry.history.sentences import one_or_many
from nautobot_job_registry.lifecycle import purge
from nautobot_job_registry.management.database import require_database, told_where_given_up
from nautobot_job_registry.management.durations import DurationError, parse_duration
from nautobot_job_registry.models.attempts import try_again
from nautobot_job_registry.reconcile.report import as_table

NOT_CONFIRMED = "Nothing was deleted, as that was not confirmed."
HEADINGS = ("Job", "Removed on", "Runs unlinked", "Schedules unlinked", "Hooks deleted", "Buttons deleted")


class Command(BaseCommand):
    """Delete the records of jobs that were removed long ago."""

    help = (
        "Delete the records of jobs that were removed long ago, with Nautobot's own jobs. Runs, logs, files and "
        "schedules stay. Jobs that are absent for a time only (load error, source unavailable) are never touched."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--older-than",
            required=True,
            metavar="TIME",
            help="how long ago a job has to have been removed: a number and h, d or w, such as 36h, 90d or 12w",
        )
        parser.add_argument("--dry-run", action="store_true", help="print what would be deleted and delete nothing")
        parser.add_argument(
            "--no-input", "--noinput", action="store_false", dest="interactive", help="do not ask for a confirmation"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what a clean-up deletes, ask, and delete it.

        Raises:
            CommandError: Exit 2 for a length of time that cannot be read; exit 1 where the database is not ready, or
                where the deletion was not confirmed.
        """
        try:
            older_than = parse_duration(options["older_than"])
        except DurationError as error:
            raise CommandError(f"--older-than: {error}", returncode=2) from error
        require_database()
        found = purge.plan_purge(older_than)
        self.stdout.write(shown(found))
        if not found.jobs or options["dry_run"]:
            return
        if options["interactive"] and not _is_confirmed(len(found.jobs)):
            raise CommandError(NOT_CONFIRMED)
        with told_where_given_up():
            deleted = try_again(lambda: purge.carry_out_purge(found), what="the clean-up")
        self.stdout.write(f"Deleted {_records(len(deleted))}.")


def shown(found: purge.Purge) -> str:
    """Return a clean-up as a table, with what it costs in its last line."""
    if not found.jobs:
        return "Nothing to delete: no job was removed that long ago."
    rows = [
        (
            job.class_path,
            f"{job.uninstalled_at:%Y-%m-%d}",
            *map(str, (costs.runs, costs.schedules, costs.job_hooks, costs.job_buttons)),
        )
        for job, costs in found.costs()
    ]
    sums = [sum(int(row[column]) for row in rows) for column in range(2, len(HEADINGS))]
    words = ("{} run", "{} runs"), ("{} schedule", "{} schedules"), ("{} hook", "{} hooks"), ("{} button", "{} buttons")
    runs, schedules, hooks, buttons = (one_or_many(number, *text) for number, text in zip(sums, words, strict=True))
    total = f"{_records(len(rows))}: {runs} and {schedules} lose their link, {hooks} and {buttons} are deleted."
    return f"{as_table([HEADINGS, *rows])}\n\n{total}"


def _records(number: int) -> str:
    return one_or_many(number, "{} record", "{} records")


def _is_confirmed(count: int) -> bool:
    try:
        return input(f"Delete {_records(count)} for good? Type yes to go on: ").strip().lower() == "yes"
    except EOFError:
        return False
