from nautobot.apps.jobs import Job, register_jobs

name = None


class WithoutGrouping(Job):
    def run(self):
        pass


register_jobs(WithoutGrouping)
