from nautobot.apps.jobs import Job, register_jobs

from .second import TWO


class First(Job):
    def run(self):
        return TWO


ONE = 1
register_jobs(First)
