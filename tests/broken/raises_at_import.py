from nautobot.apps.jobs import Job, register_jobs

raise RuntimeError("no configuration")


class NeverDefined(Job):
    pass


register_jobs(NeverDefined)
