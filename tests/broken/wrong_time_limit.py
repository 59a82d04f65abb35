from nautobot.apps.jobs import Job, register_jobs


class TextForLimit(Job):
    class Meta:
        soft_time_limit = "x"

    def run(self):
        pass


register_jobs(TextForLimit)
