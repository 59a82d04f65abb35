"""Jobs of a Git repository."""

from nautobot.apps.jobs import Job, register_jobs

name = "Compliance"


class CheckCompliance(Job):
    """Compares configurations."""

    class Meta:
        name = "Check compliance"
        description = "Compares configurations with what is intended."
        time_limit = 900

    def run(self):
        """Compare."""


register_jobs(CheckCompliance)
