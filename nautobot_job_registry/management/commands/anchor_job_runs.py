"""The door from the command line into the anchoring of runs and schedules from before the app was installed."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from nautobot_job_registry.management.database import require_database, told_where_given_up
from nautobot_job_registry.runs import backfill

SECONDS_BETWEEN_LINES = 5


class Command(BaseCommand):
    """Anchor the runs and schedules that are not anchored yet."""

    help = (
        "Hold the runs and schedules from before the app was installed to their registered jobs. It can be interrupted "
        "and called again, and be called while Nautobot runs."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--batch-size",
            type=int,
            default=backfill.DEFAULT_BATCH_SIZE,
            metavar="N",
            help=f"how many are anchored at once (default: {backfill.DEFAULT_BATCH_SIZE})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Anchor, and say how far it has come.

        Raises:
            CommandError: If the database is not ready, or the size of a batch is none.
        """
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be 1 or more.", returncode=2)
        require_database()
        with told_where_given_up():
            for kind in (backfill.SCHEDULES, backfill.RUNS):
                anchored = self._anchor(kind, options["batch_size"])
                self.stdout.write(f"{anchored} {kind.name} anchored.")

    def _anchor(self, kind: backfill.Backfill, batch_size: int) -> int:
        total, done, anchored = kind.count(), 0, 0
        started = told = time.monotonic()
        for read, found in kind.batches(batch_size):
            done, anchored = done + read, anchored + found
            now = time.monotonic()
            if now - told >= SECONDS_BETWEEN_LINES:
                told = now
                self.stderr.write(f"{kind.name}: {done} of about {total}, {done / (now - started):.0f} per second")
        return anchored
