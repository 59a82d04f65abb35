from nautobot.apps.jobs import Job, register_jobs


class Unfinished(Job:
    pass
