"""A class moves to another module of a Git repository (rule 21): a real repository, real syncs, a real worker."""

import json

import pytest

from development import processes
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

pytestmark = pytest.mark.slow

SLUG = "moved_jobs"
COMMON = """
import json, time
from django.contrib.auth import get_user_model
from django.utils import timezone
from nautobot.extras.datasources.git import enqueue_pull_git_repository_and_refresh_data
from nautobot.extras.models import GitRepository, Job, JobResult, ScheduledJob
from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.models import JobRun, JobSchedule, Reconciliation, RegisteredJob

def wait(result):
    end = time.monotonic() + 240
    while result.status not in ("SUCCESS", "FAILURE") and time.monotonic() < end:
        time.sleep(0.5)
        result.refresh_from_db()
    assert result.status == "SUCCESS", (result.status, result.traceback)
    return result

def sync(user):
    wait(enqueue_pull_git_repository_and_refresh_data(GitRepository.objects.get(slug="moved_jobs"), user))

def record(module):
    return RegisteredJob.objects.get(module_name=f"moved_jobs.jobs.{module}", job_class_name="Backup")
"""
BEFORE = (
    COMMON
    + """
user = get_user_model().objects.create_superuser("admin", "admin@example.com", "admin")
GitRepository(
    name="Moved jobs", slug="moved_jobs", remote_url=%r, branch="main",
    provided_contents=["extras.job", "nautobot_job_registry.registeredjob"],
).save()
sync(user)
job = record("old")
job.enabled = True
job.time_limit, job.time_limit_override = 77, True
job.save()
run = wait(JobResult.enqueue_job(job.core_job, user, **job_arguments({})))
schedule = ScheduledJob.create_schedule(
    job.core_job, user, name="Nightly", start_time=timezone.localtime(), interval="daily", **job_arguments({})
)
print(json.dumps({"run": str(run.pk), "task": schedule.task}))
"""
)
AFTER = (
    COMMON
    + """
from django.test import Client
from nautobot.core.celery import app
from nautobot.core.celery.schedulers import NautobotDatabaseScheduler, NautobotScheduleEntry
from nautobot.users.models import Token

user = get_user_model().objects.get(username="admin")
sync(user)
old, new = record("old"), record("new")
told = {"absence": old.absence, "proposed": new.predecessor == old, "name_before": new.name}
headers = {"Authorization": f"Token {Token.objects.create(user=user).key}", "Host": "localhost"}
url = f"/api/plugins/job-registry/registered-jobs/{new.pk}/adopt/"
response = Client().post(url, {}, content_type="application/json", headers=headers)
told["status"] = response.status_code
new = record("new")
schedule = ScheduledJob.objects.get(name="Nightly")
told["task"], told["linked"] = schedule.task, schedule.job_model == new.core_job
# Core has switched the schedule off with the old job; an operator switches it on.
schedule.enabled = True
if hasattr(schedule, "state"):
    schedule.state = "active"
schedule.save()
schedule.refresh_from_db()
# What the scheduler does when it is time.
NautobotDatabaseScheduler(app=app, lazy=True).apply_async(NautobotScheduleEntry(schedule, app=app))
end = time.monotonic() + 240
while not JobResult.objects.filter(scheduled_job=schedule).exists() and time.monotonic() < end:
    # Before Nautobot 3.2 it is the worker that makes the row.
    time.sleep(0.5)
run = wait(JobResult.objects.filter(scheduled_job=schedule).latest())
told["ran"] = [run.task_name, run.job_model == new.core_job, run.result]
told["name"], told["enabled"], told["time_limit"] = new.name, new.core_job.enabled, new.core_job.time_limit
told["revisions"] = list(new.revisions.order_by("number").values_list("number", flat=True))
moved = new.runs.filter(class_path="moved_jobs.jobs.old.Backup")
told["runs"] = [str(pk) for pk in moved.values_list("job_result", flat=True)]
told["schedules"] = list(new.schedules.values_list("class_path", flat=True))
told["old_is_gone"] = not RegisteredJob.objects.filter(pk=old.pk).exists()
sync(user)
last = Reconciliation.objects.filter(trigger="git_sync").latest()
told["next_sync"] = [last.status, last.registered, last.changed, last.adopted]
print(json.dumps(told))
"""
)


def job_text(value):
    source = JobClassSourceFactory(name="Backup", body=f"answer = {value!r}", meta={"name": "Back up"})
    source.text = source.text.replace("return kwargs", "return self.answer")
    return JobModuleFactory.build(name="jobs", classes=[source])


def last_line(output):
    return json.loads(output.strip().splitlines()[-1])


def test_moved_class_is_proposed_adopted_and_its_schedule_runs_in_the_worker(real_instance, git_server):
    repository = git_server.repository(SLUG)
    files = {"__init__.py": "", "jobs/__init__.py": "", "jobs/old.py": job_text("old code")}
    repository.commit("Begin", files)
    with processes.worker(real_instance.environment, real_instance.folder / "worker.log"):
        before = last_line(real_instance.python(BEFORE % repository.url, timeout=600))
        assert before["task"] == "moved_jobs.jobs.old.Backup"
        (repository.work_tree / "jobs" / "old.py").unlink()
        repository.commit("Move", {"jobs/new.py": job_text("new code")})
        told = last_line(real_instance.python(AFTER, timeout=600))
    assert (told["absence"], told["proposed"], told["name_before"]) == ("removed", True, "Back up")
    assert (told["status"], told["task"], told["linked"]) == (200, "moved_jobs.jobs.new.Backup", True)
    assert told["ran"] == ["moved_jobs.jobs.new.Backup", True, "new code"]
    assert (told["name"], told["enabled"], told["time_limit"]) == ("Back up", True, 77.0)
    assert (told["revisions"], told["schedules"]) == ([1, 2], ["moved_jobs.jobs.new.Backup"])
    assert before["run"] in told["runs"]
    assert told["old_is_gone"]
    assert told["next_sync"] == ["succeeded", 0, 0, 0]
