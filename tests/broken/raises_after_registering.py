from nautobot.apps.jobs import Job, register_jobs

name = "Raises late"


class RegisteredInTime(Job):
    def run(self):
        pass


register_jobs(RegisteredInTime)
raise RuntimeError("too late")
