"""The jobs of the app: a plain one, and one of each kind of receiver."""

from nautobot.apps.jobs import Job, JobButtonReceiver, JobHookReceiver, register_jobs

name = "Example app"


class CheckConnectivity(Job):
    """Checks connections."""

    class Meta:
        name = "Check connectivity"
        description = "Asks each device whether it answers."

    def run(self):
        """Check."""


class OnDeviceChange(JobHookReceiver):
    """Hears of changes."""

    class Meta:
        name = "On device change"

    def receive_job_hook(self, change, action, changed_object):
        """Take note."""
        self.logger.info("%s: %s", action, changed_object)


class RestartDevice(JobButtonReceiver):
    """Hears of a button."""

    class Meta:
        name = "Restart device"

    def receive_job_button(self, obj):
        """Take note."""
        self.logger.info("Restarting %s", obj)


jobs = [CheckConnectivity, OnDeviceChange, RestartDevice]
register_jobs(*jobs)
