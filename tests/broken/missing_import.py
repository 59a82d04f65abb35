from nautobot.apps.jobs import Job, register_jobs
import a_library_that_nobody_has


class NeedsLibrary(Job):
    def run(self):
        a_library_that_nobody_has.work()


register_jobs(NeedsLibrary)
