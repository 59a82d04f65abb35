"""The app's own jobs, which can be run and scheduled like any other job."""

from nautobot.apps.jobs import DryRunVar, Job, StringVar, register_jobs

from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.history import retention, sentences
from nautobot_job_registry.models.choices import ReconciliationTriggerChoices
from nautobot_job_registry.reconcile import end_overrides, reconcile, report

name = "Job Registry"


class ReconcileJobRegistry(Job):
    """Makes the job registry say what the code of the jobs says."""

    source = StringVar(
        required=False,
        description="Only this source: system, local, app:NAME or git:SLUG. Empty for all of them.",
    )
    dryrun = DryRunVar(description="Log the plan and write nothing.")

    class Meta:
        name = "Reconcile Job Registry"
        description = "Make the job registry say what the code of the jobs says."
        has_sensitive_variables = False

    def run(self, source: str | None = "", dryrun: bool = False) -> dict[str, int]:
        """Reconcile, and log what changed.

        Args:
            source: The label of the only source to read, or empty for all.
            dryrun: Whether the plan is only logged.

        Returns:
            The counts of the plan.

        Raises:
            UnknownSourceError: If there is no such source; the log names the known ones.
        """
        try:
            outcome = reconcile(
                (source or "").strip() or None,
                dry_run=dryrun,
                trigger=ReconciliationTriggerChoices.JOB,
                user=self.user,
                job_result=self.job_result,
            )
        except UnknownSourceError as error:
            self.logger.error("%s", error)
            raise
        for sentence in sentences.sentences(report.outcome_as_json(outcome)):
            self.logger.info("%s", sentence)
        self.logger.info("%s", report.summary_line(outcome.counts()))
        return outcome.counts()


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
        for sentence in sentences.sentences(report.outcome_as_json(outcome)):
            self.logger.info("%s", sentence)
        ended = outcome.counts()["overrides_ended"]
        self.logger.info("%s overrides %s.", ended, "would end" if dryrun else "ended")
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
