"""Jobs of a JOBS_ROOT folder."""

from nautobot.apps.jobs import DryRunVar, Job, StringVar, register_jobs

name = "Backups"


class BackUpConfigurations(Job):
    """Saves the configuration of devices."""

    dryrun = DryRunVar()
    site = StringVar(label="Site", default="all")

    class Meta:
        name = "Back up configurations"
        description = "Saves the configuration of every device."
        soft_time_limit = 600

    def run(self, dryrun, site):
        """Say what would be saved."""
        self.logger.info("Saving the configurations of %s", site)


register_jobs(BackUpConfigurations)
