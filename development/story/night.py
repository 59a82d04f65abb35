"""The story of a night: the repository breaks, a file is removed and comes back, and the schedule holds on."""

from datetime import timedelta

from django.utils import timezone
from nautobot.core.celery import app
from nautobot.core.celery.schedulers import NautobotDatabaseScheduler, NautobotScheduleEntry
from nautobot.extras.models import JobResult, ScheduledJob

from development.git_server import ExampleRepository
from development.story.telling import COMPLIANCE, admin, check, ended, job, sync, title
from nautobot_job_registry.models import JobLoadError, JobRun, Suspension

PATH = "jobs/compliance.py"
SCHEDULE = "Compliance every night"


def schedule() -> ScheduledJob:
    """Return the schedule as it is now."""
    return ScheduledJob.objects.get(name=SCHEDULE)


def the_repository_breaks(repository: ExampleRepository) -> None:
    """Break the repository: the sync is rejected, the schedule survives, and the reason is known."""
    title("11. In the evening: a job of the repository is scheduled, and somebody breaks its file.")
    record = job(COMPLIANCE)
    record.enabled = True
    record.validated_save()
    core = job(COMPLIANCE).core_job
    check("the job is enabled, in Nautobot too", core.enabled)
    ScheduledJob.objects.filter(name=SCHEDULE).delete()
    ScheduledJob.create_schedule(
        core, admin(), name=SCHEDULE, interval="daily", start_time=timezone.now() + timedelta(days=1), job_kwargs={}
    )
    good = (repository.work_tree / PATH).read_text()
    repository.commit("Break it late in the evening", {PATH: good + "\nthis is no Python\n"})
    check("Nautobot rejects the sync", sync() == "FAILURE")
    check("the job is still installed, and its schedule is on", job(COMPLIANCE).installed and schedule().enabled)
    error = JobLoadError.objects.get(resolved_at=None, module_name=COMPLIANCE[0])
    check(f"the error has survived: {error.exception_type}, line {error.line}", bool(error.line))
    check(f"it names {error.commit_author}: {error.commit_subject}", error.commit_subject.startswith("Break it"))
    repository.commit("Mend it", {PATH: good})
    check("the sync after the fix ends well", sync() == "SUCCESS")
    error.refresh_from_db()
    check("the error is resolved and kept", not error.is_open)


def the_file_is_removed(repository: ExampleRepository) -> None:
    """Remove the file: the schedule is suspended, visibly."""
    title("12. At midnight: the file is removed, and the schedule goes off with it.")
    text = (repository.work_tree / PATH).read_text()
    repository.remove(PATH)
    repository.commit("Remove it")
    check("the sync ends well", sync() == "SUCCESS")
    check("the record says that the job was removed", job(COMPLIANCE).absence == "removed")
    check("the schedule is off", not schedule().enabled)
    suspension = Suspension.objects.get(object_id=schedule().pk, outcome="suspended")
    check(f"it is in the list of what is suspended: {suspension}", suspension.job == job(COMPLIANCE))
    repository.commit("Bring it back", {PATH: text})


def the_schedule_runs() -> None:
    """Sync the return: the schedule is on again, and runs."""
    title("13. In the morning: the file is back, and the schedule runs.")
    check("the sync ends well", sync() == "SUCCESS")
    check("the job is installed and enabled", job(COMPLIANCE).installed and job(COMPLIANCE).enabled)
    check("the schedule is on again", schedule().enabled)
    known = set(JobResult.objects.values_list("pk", flat=True))
    NautobotDatabaseScheduler(app=app, lazy=True).apply_async(NautobotScheduleEntry(schedule(), app=app))
    result = ended(JobResult.objects.exclude(pk__in=known).filter(scheduled_job=schedule()))
    check(f"the scheduler's run ends with {result.status}", result.status == "SUCCESS")
    evidence = JobRun.objects.get(job_result=result)
    current = job(COMPLIANCE).current_revision
    check(f"the run names the code that the worker {evidence.worker} had: {current}", evidence.revision == current)
    check("it was the current code", not evidence.is_skewed)
