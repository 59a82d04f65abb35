"""Two real workers, one of which still has the previous code on its disk: each run names what was executed."""

import json
import shutil

import pytest

from development import processes
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

pytestmark = pytest.mark.slow

SLUG = "evident_jobs"
LOCAL, SYNCED = "evident_local.Backup", f"{SLUG}.jobs.Synced"
PREPARE = """
from django.contrib.auth import get_user_model
from nautobot.core.celery import app
from nautobot.extras.models import GitRepository, Job, JobQueue, JobResult
from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.reconcile import reconcile
users = get_user_model().objects
user = users.filter(username="operator").first() or users.create_superuser("operator", password="x")
"""
SYNC = (
    PREPARE
    + """
row = dict(name="Evident", remote_url={url!r}, branch="main", provided_contents=["extras.job"])
repository, _ = GitRepository.objects.get_or_create(slug={slug!r}, defaults=row)
sync = Job.objects.get(module_name="nautobot.core.jobs", job_class_name="GitRepositorySync")
result = JobResult.execute_job(sync, user, **job_arguments(dict(repository=repository.pk)))
assert result.status == "SUCCESS", (result.traceback, list(result.job_log_entries.values_list("message")))
from django.apps import apps
from nautobot.extras.signals import refresh_job_models
refresh_job_models(sender=None, apps=apps)
reconcile()
Job.objects.filter(job_class_name__in=["Backup", "Synced"]).update(enabled=True)
"""
)
RUN = (
    PREPARE
    + """
import json, time
from django.test import Client
from nautobot.users.models import Token
from nautobot_job_registry.models import *

def finished(result):
    for _ in range(600):
        result.refresh_from_db()
        if result.status in ("SUCCESS", "FAILURE"):
            assert result.status == "SUCCESS", result.traceback
            return
        time.sleep(0.5)
    raise AssertionError("No worker ran it.")

def told(result):
    finished(result)
    run = JobRun.objects.get(job_result=result)
    number = run.revision and run.revision.number
    return dict(worker=run.worker, revision=number, skewed=run.is_skewed, version=run.source_version,
                hash=run.code_hash, path=run.class_path)

answer = dict(current={}, runs=[])
for name in ("Backup", "Synced"):
    job = Job.objects.get(job_class_name=name)
    registered = RegisteredJob.objects.get(core_job=job)
    answer["current"][registered.class_path] = registered.current_revision.number
    for queue in ("fresh", "stale"):
        row, _ = JobQueue.objects.get_or_create(name=queue, defaults=dict(queue_type="celery"))
        answer["runs"].append(told(JobResult.enqueue_job(job, user, job_queue=row, **job_arguments({}))))
        answer["runs"][-1]["queue"] = queue

# By REST, as a user asks for it.
headers = dict(HTTP_AUTHORIZATION="Token " + Token.objects.create(user=user).key, HTTP_HOST="localhost")
url = f"/api/extras/jobs/{job.pk}/run/"
asked = Client().post(url, {"data": {}}, content_type="application/json", **headers)
assert asked.status_code == 201, asked.content
answer["by_rest"] = told(JobResult.objects.get(pk=asked.json()["job_result"]["id"]))
schedule = dict(name="Yearly", interval="custom", crontab="0 0 1 1 *")
asked = Client().post(url, {"data": {}, "schedule": schedule}, content_type="application/json", **headers)
assert asked.status_code == 201, asked.content
anchor = JobSchedule.objects.get(scheduled_job=asked.json()["scheduled_job"]["id"])
answer["schedule"] = [anchor.class_path, anchor.job == registered]
print(json.dumps(answer))
"""
)
WAIT_FOR_BOTH = """
import time
from nautobot.core.celery import app
for _ in range(300):
    if len(app.control.ping(timeout=1)) == 2:
        break
else:
    raise AssertionError("The workers did not start.")
"""


def write_local(folder, description):
    folder.mkdir(parents=True, exist_ok=True)
    classes = [JobClassSourceFactory(name="Backup", meta={"description": description})]
    JobModuleFactory(folder=folder, name="evident_local", classes=classes)


def commit(repository, description):
    # A job with inputs that may be secret cannot be scheduled.
    meta = {"description": description, "has_sensitive_variables": False}
    classes = [JobClassSourceFactory(name="Synced", meta=meta)]
    return repository.commit(description, {"__init__.py": "", "jobs.py": JobModuleFactory.build(classes=classes)})


def test_each_run_names_the_code_that_its_worker_had_loaded(real_instance, git_server, tmp_path):
    fresh = real_instance.environment
    # It reaches no Git server: a dead proxy stands for a network that is down.
    stale = {**fresh, "http_proxy": "http://127.0.0.1:9"}
    for kind in ("JOBS", "GIT"):
        stale[f"NAUTOBOT_{kind}_ROOT"] = str(tmp_path / "stale" / kind.lower())
    repository = git_server.repository(SLUG)
    old_commit = commit(repository, "old")
    write_local(real_instance.jobs_root, "old")
    real_instance.python(SYNC.format(url=repository.url, slug=SLUG))
    for kind in ("JOBS", "GIT"):
        shutil.copytree(fresh[f"NAUTOBOT_{kind}_ROOT"], stale[f"NAUTOBOT_{kind}_ROOT"])

    workers = (
        processes.worker(fresh, tmp_path / "fresh.log", "--queues", "fresh,default", "--hostname", "fresh@here"),
        processes.worker(stale, tmp_path / "stale.log", "--queues", "stale", "--hostname", "stale@here"),
    )
    with workers[0], workers[1]:
        real_instance.python(WAIT_FOR_BOTH)
        new_commit = commit(repository, "new")
        write_local(real_instance.jobs_root, "new")
        real_instance.python(SYNC.format(url=repository.url, slug=SLUG))
        answer = json.loads(real_instance.python(RUN).splitlines()[-1])

    assert answer["current"] == {LOCAL: 2, SYNCED: 2}
    found = {(run["path"], run["queue"]): run for run in answer["runs"]}
    versions = {
        (LOCAL, "fresh"): "",
        (LOCAL, "stale"): "",
        (SYNCED, "fresh"): new_commit,
        (SYNCED, "stale"): old_commit,
    }
    for (path, queue), run in found.items():
        is_fresh = queue == "fresh"
        assert run["worker"] == f"{queue}@here"
        assert (run["revision"], run["skewed"]) == ((2, False) if is_fresh else (1, True)), run
        assert run["version"] == versions[path, queue]
        assert run["hash"]
    assert (answer["by_rest"]["revision"], answer["by_rest"]["skewed"]) == (2, False)
    assert answer["schedule"] == [SYNCED, True]
