from nautobot.apps.jobs import Job, register_jobs


class Good(Job):
    def run(self):
        pass


register_jobs(Good)
