from nautobot.apps.jobs import Job, register_jobs


class NumberForName(Job):
    class Meta:
        name = 123

    def run(self):
        pass


class Fine(Job):
    def run(self):
        pass


register_jobs(NumberForName, Fine)
