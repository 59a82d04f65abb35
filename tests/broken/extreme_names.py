from nautobot.apps.jobs import Job, register_jobs

name = "g" * 300


class LongName(Job):
    class Meta:
        name = "n" * 130

    def run(self):
        pass


Long = type("L" * 130, (Job,), {"__module__": __name__, "run": lambda self: None})
register_jobs(LongName, Long)
