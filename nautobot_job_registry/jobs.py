"""The app's own job: a reconcile that can be run and scheduled like any other job."""

from nautobot.apps.jobs import DryRunVar, Job, StringVar, register_jobs

from nautobot_job_registry import report, wording
from nautobot_job_registry.choices import ReconciliationTriggerChoices
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.reconcile import reconcile

name = "Job Registry"


class ReconcileJobRegistry(Job):
    """Makes the job registry say what the code of the jobs says."""

    source = StringVar(
        required=False,
        description="Only this source: system, local, app:NAME or git:SLUG. Empty for all of them.",
    )
    dryrun = DryRunVar(description="Log the plan and write nothing.")

    class Meta:
        """Meta attributes."""

        name = "Reconcile Job Registry"
        description = "Make the job registry say what the code of the jobs says."
        has_sensitive_variables = False

    def run(self, source="", dryrun=False):
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
                source.strip() or None,
                dry_run=dryrun,
                trigger=ReconciliationTriggerChoices.JOB,
                user=self.user,
                job_result=self.job_result,
            )
        except UnknownSourceError as error:
            self.logger.error("%s", error)
            raise
        for sentence in wording.sentences(report.plan_as_json(outcome.plan)):
            self.logger.info("%s", sentence)
        self.logger.info("%s", report.summary(outcome.plan))
        return outcome.plan.counts()


jobs = [ReconcileJobRegistry]
register_jobs(*jobs)
