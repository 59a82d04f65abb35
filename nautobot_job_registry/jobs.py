"""The app's own jobs, which can be run and scheduled like any other job."""

import logging
from typing import Any

from django import forms
from nautobot.apps.jobs import DryRunVar, Job, StringVar, register_jobs

from nautobot_job_registry.engine.errors import PlanMovedError, UnknownSourceError
from nautobot_job_registry.history import retention, sentences
from nautobot_job_registry.models.choices import ReconciliationTriggerChoices
from nautobot_job_registry.reconcile import end_overrides, on_request, reconcile, report, shown_plans

name = "Job Registry"


class NeverFilledIn(forms.HiddenInput):
    """An input that a form does not show, and that says nothing of an earlier run that is made again by hand."""

    def format_value(self, value: Any) -> None:
        """Leave it empty."""


class ReconcileJobRegistry(Job):
    """Makes the job registry say what the code of the jobs says."""

    source = StringVar(
        required=False,
        description="Only this source: system, local, app:NAME or git:SLUG. Empty for all of them.",
    )
    dryrun = DryRunVar(description="Log the plan and write nothing.")
    # The page with the plan says it, and nobody who runs the job by hand has to.
    plan_digest = StringVar(
        required=False,
        widget=NeverFilledIn,
        description="Only the plan that was shown with this digest is carried out. Empty for whatever there is to do.",
    )

    class Meta:
        name = "Reconcile Job Registry"
        description = "Make the job registry say what the code of the jobs says."
        has_sensitive_variables = False

    def run(self, source: str | None = "", dryrun: bool = False, plan_digest: str | None = "") -> dict[str, int]:
        """Reconcile, and log what changed.

        Args:
            source: The label of the only source to read, or empty for all.
            dryrun: Whether the plan is only logged.
            plan_digest: The digest of the plan that is to be carried out, if it has to be one that was shown.

        Returns:
            The counts of the plan; none where it has moved since it was shown.

        Raises:
            UnknownSourceError: If there is no such source; the log names the known ones.
        """
        scope = (source or "").strip() or None
        try:
            outcome = reconcile(
                scope,
                dry_run=dryrun,
                trigger=ReconciliationTriggerChoices.JOB,
                user=self.user,
                job_result=self.job_result,
                plan_digest=(plan_digest or "").strip(),
            )
        except UnknownSourceError as error:
            self.logger.error("%s", error)
            raise
        except PlanMovedError as error:
            page = on_request.plan_address(scope or on_request.ALL)
            self.fail("%s Look at [the new plan](%s).", shown_plans.what_moved(error, self.user), page)
            return {}
        log_outcome(self.logger, outcome)
        told = {"object": outcome.reconciliation} if outcome.reconciliation else {}
        self.logger.info("%s", report.summary_line(outcome.counts()), extra=told)
        return outcome.counts()


def log_outcome(logger: Any, outcome: Any) -> None:
    """Log what a reconcile did, sentence by sentence; what needs a look as a warning."""
    for entry in sentences.facets(report.outcome_as_json(outcome)):
        level = logging.WARNING if sentences.group_of(entry).needs_a_look else logging.INFO
        # Nautobot groups a log by the function that says something.
        logger.log(level, "%s", sentences.sentence(entry), stacklevel=2)


class EndOverrides(Job):
    """Reverts the overrides whose end has come."""

    dryrun = DryRunVar(description="Log what would end and write nothing.")

    class Meta:
        name = "End Overrides of Jobs"
        description = (
            "Revert the overrides in the job registry whose end has come. `nautobot-server schedule_override_ends` "
            "schedules this job."
        )
        has_sensitive_variables = False

    def run(self, dryrun: bool = False) -> dict[str, int]:
        """Clear the overrides whose end has come, and log each.

        Args:
            dryrun: Whether the plan is only logged.

        Returns:
            How many overrides ended, or would end.
        """
        outcome = end_overrides(dry_run=dryrun, user=self.user, job_result=self.job_result)
        log_outcome(self.logger, outcome)
        ended = outcome.counts()["overrides_ended"]
        told = sentences.one_or_many(ended, "{} override", "{} overrides")
        self.logger.info("%s %s.", told, "would end" if dryrun else "ended")
        return {"overrides_ended": ended}


class CleanUpJobRegistry(Job):
    """Drops the history of the job registry that is older than the settings say."""

    dryrun = DryRunVar(description="Log how much would be dropped and drop nothing.")

    class Meta:
        name = "Clean Up Job Registry"
        description = "Drop the history of the job registry that is older than the settings say."
        has_sensitive_variables = False

    def run(self, dryrun: bool = False) -> dict[str, int]:
        """Drop it, and log how much it was.

        Args:
            dryrun: Whether it is only counted.

        Returns:
            How many rows were dropped, or would be, of each kind.
        """
        counts = {}
        for dropped in retention.clean_up(dry_run=dryrun):
            self.logger.info("%s", dropped.text(dry_run=dryrun))
            counts[dropped.retention.what] = dropped.count
        return counts


jobs = [ReconcileJobRegistry, EndOverrides, CleanUpJobRegistry]
register_jobs(*jobs)
