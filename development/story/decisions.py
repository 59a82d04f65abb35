"""What is decided in the registry is what Nautobot runs, and ends when it is to end."""

import time
from datetime import timedelta

from django.utils import timezone
from nautobot.extras.models import Job

from development.story.telling import REPORT, check, job, reconcile, run, title

SECONDS_TO_THE_END = 2


def an_edit_in_core() -> None:
    """Edit Nautobot's own job: the registry knows."""
    title("9. Somebody edits Nautobot's own record of a job: the registry knows at once.")
    core = Job.objects.get(pk=job(REPORT).core_job_id)
    core.enabled, core.time_limit, core.time_limit_override = True, 90, True
    core.save()
    record = job(REPORT)
    check("the job is enabled in the registry", record.enabled)
    check("the time limit is 90 s", record.time_limit == 90 and record.time_limit_override)
    override = record.field_overrides.get(field="time_limit")
    check(f"the ledger says where it was made: {override.get_origin_display()}", override.origin == "core")
    check("--check ends with 0: both sides agree", run("reconcile_jobs", "--check").returncode == 0)


def an_override_that_ends() -> None:
    """Override a field for a while: it reverts by itself."""
    title("10. An override for a while, with a reason: it ends by itself.")
    record = job(REPORT)
    record.hidden, record.hidden_override = True, True
    record.override_reason = "Until the change freeze is over"
    record.override_expires_at = timezone.now() + timedelta(seconds=SECONDS_TO_THE_END)
    record.validated_save()
    override = job(REPORT).field_overrides.get(field="hidden")
    check(f"the reason is kept: {override.reason}", override.reason == "Until the change freeze is over")
    check("the job is hidden in Nautobot", job(REPORT).core_job.hidden)
    time.sleep(SECONDS_TO_THE_END)
    reconcile()
    record = job(REPORT)
    check("the flag is clear, and the source's value is back", not record.hidden_override and not record.hidden)
    check("the job is shown in Nautobot again", not record.core_job.hidden)
    check("the other override is still there", record.time_limit == 90)
