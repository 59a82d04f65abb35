from nautobot.apps.jobs import JobButtonReceiver, JobHookReceiver, register_jobs


class Both(JobHookReceiver, JobButtonReceiver):
    pass


register_jobs(Both)
