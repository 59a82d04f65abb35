"""The door from the command line into the reconcile."""

import json
import sys
from contextlib import redirect_stdout
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.management.database import require_database, told_where_given_up
from nautobot_job_registry.models.choices import ReconciliationTriggerChoices
from nautobot_job_registry.reconcile import reconcile, report
from nautobot_job_registry.reconcile.plan import Plan
from nautobot_job_registry.sources import discovery
from nautobot_job_registry.sources.origins import LOCAL


class Command(BaseCommand):
    """Make the job registry say what the code of the jobs says."""

    help = "Make the job registry say what the code of the jobs says."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="print the plan and write nothing")
        parser.add_argument(
            "--check", action="store_true", help="print the plan, write nothing, and exit 1 if there is something to do"
        )
        parser.add_argument("--source", help="only this source: system, local, app:NAME or git:SLUG")
        parser.add_argument(
            "--confirm-empty",
            action="store_true",
            help="with --source local: JOBS_ROOT is meant to be empty, so that the jobs that it held are removed",
        )
        parser.add_argument("--format", choices=("table", "json"), default="table", help="how the plan is printed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reconcile, and print what was or would be done.

        Raises:
            CommandError: Exit 2 for an unknown source, and for `--confirm-empty` with another one than `local`; exit 1
                where the database is not ready, or for `--check` where there is something to do.
        """
        only_plan = options["dry_run"] or options["check"]
        if options["confirm_empty"] and options["source"] != LOCAL.label:
            raise CommandError("--confirm-empty is about JOBS_ROOT: say --source local with it.", returncode=2)
        require_database()
        try:
            if options["source"] == "":
                # What an unset variable of a script leaves is not a wish for all sources.
                raise UnknownSourceError("", discovery.known_sources())
            # What a job file prints as it is loaded is no part of the plan.
            with told_where_given_up(), redirect_stdout(sys.stderr):
                outcome = reconcile(
                    options["source"],
                    dry_run=only_plan,
                    trigger=ReconciliationTriggerChoices.COMMAND,
                    confirm_empty=options["confirm_empty"],
                )
        except UnknownSourceError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(self._rendered(outcome.plan, options["format"]))
        if options["check"] and not outcome.plan.is_empty:
            raise SystemExit(1)

    def _rendered(self, plan: Plan, style: str) -> str:
        if style == "json":
            return json.dumps({"changes": report.plan_as_json(plan), "counts": plan.counts()}, indent=2, default=str)
        return report.plan_as_table(plan)
