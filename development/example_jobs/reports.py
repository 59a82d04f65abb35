"""Another module of the same folder: what happens to its neighbour does not harm it."""

from nautobot.apps.jobs import Job, register_jobs

name = "Reports"


class CountDevices(Job):
    """Counts devices."""

    class Meta:
        name = "Count devices"
        description = "Tells how many devices there are."
        read_only = True

    def run(self):
        """Count."""
        from nautobot.dcim.models import Device

        return Device.objects.count()


register_jobs(CountDevices)
