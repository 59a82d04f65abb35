"""The door from the command line into the retention of the registry's history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from nautobot_job_registry.history import retention
from nautobot_job_registry.management.database import require_database, told_where_given_up


class Command(BaseCommand):
    """Drop the history of the job registry that is older than the settings say."""

    help = "Drop the history of the job registry that is older than the settings say."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="print how much would be dropped and drop nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Drop it, and print how much it was.

        Raises:
            CommandError: If the database is not ready.
        """
        require_database()
        with told_where_given_up():
            for dropped in retention.clean_up(dry_run=options["dry_run"]):
                self.stdout.write(dropped.text(dry_run=options["dry_run"]))
