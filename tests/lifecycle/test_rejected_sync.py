"""A Git sync with one broken file out of three: rejected, told of, mended. A real worker, a real clone over HTTP."""

import json

import pytest

from development import processes
from development.git_server import serving
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

pytestmark = pytest.mark.slow

SECONDS = 540
BROKEN = "# One line.\nimport nothing_of_that_name\n"
# Core's own callback ends the sync before it asks anybody else.
FAILING_SQL = """from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT * FROM no_such_table")
"""
STORY = """
import json, sys, time
from pathlib import Path
from django.contrib.auth import get_user_model
from django.test import Client
from development.git_server import ExampleRepository
from nautobot.extras.datasources.git import enqueue_pull_git_repository_and_refresh_data
from nautobot.extras.models import GitRepository, Job
from nautobot_job_registry.models import JobLoadError, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile

told = json.loads(INPUT)
upstream = ExampleRepository.create(Path(told["folder"]), "real", told["url"])
user = get_user_model().objects.create_superuser("operator", "operator@example.com", "operator")
client = Client(HTTP_HOST="localhost")
client.force_login(user)

def sync():
    result = enqueue_pull_git_repository_and_refresh_data(GitRepository.objects.get(slug="real"), user)
    end = time.monotonic() + 180
    while result.status not in ("SUCCESS", "FAILURE") and time.monotonic() < end:
        time.sleep(0.5)
        result.refresh_from_db()
    return result.status

def records():
    return list(RegisteredJob.objects.filter(source_name="real").order_by("module_name").values_list(
        "module_name", "installed", "absence", "source_version", "description", "last_updated"))

def rest():
    answer = client.get("/api/plugins/job-registry/load-errors/?resolved=false").json()
    return [{key: row[key] for key in told["keys"]} for row in answer["results"]]

def page(obj):
    return client.get(obj.get_absolute_url()).content.decode()

def tell():
    job = RegisteredJob.objects.get(module_name="real.jobs.second")
    repository = GitRepository.objects.get(slug="real")
    return {
        "rest": rest(), "records": records(), "head": repository.current_head, "upstream": upstream.head,
        "core": list(Job.objects.filter(module_name__startswith="real.").values_list("installed", flat=True)),
        "pages": {"job": page(job), "repository": page(repository)},
        "feed": list(Reconciliation.objects.order_by("started").values_list("status", flat=True)),
        "resolved": JobLoadError.objects.filter(resolved_at__isnull=False).count(),
    }

steps = []
upstream.commit("Begin", told["good"])
GitRepository.objects.create(
    name="real", slug="real", remote_url=upstream.url, branch="main", provided_contents=["extras.job"])
for message, files in told["commits"]:
    if message:
        upstream.commit(message, files)
    steps.append({"status": sync(), **tell()})
print(json.dumps(steps, default=str))
"""


def job_text(name, description="good"):
    classes = [JobClassSourceFactory(name=name, meta={"name": name, "description": description})]
    return JobModuleFactory.build(name="jobs", classes=classes)


def test_load_error_survives_a_rejected_sync_and_a_good_one_resolves_it(real_instance, tmp_path):
    good = {f"jobs/{name}.py": job_text(name.title()) for name in ("first", "second", "third")}
    commits = [
        ("", {}),
        ("Use a new library", {"jobs/second.py": BROKEN, "jobs/first.py": job_text("First", "changed")}),
        ("", {}),
        ("Take it back", {"jobs/second.py": job_text("Second", "mended")}),
        ("Ask the database", {"jobs/third.py": FAILING_SQL}),
    ]
    commit = ["source_version", "effective_version", "commit_author", "commit_subject"]
    with (
        serving(tmp_path / "git_server") as server,
        processes.worker(real_instance.environment, tmp_path / "worker.log"),
    ):
        told = {
            "folder": str(server.folder),
            "url": f"{server.url}/real.git",
            "good": {"__init__.py": "", "jobs/__init__.py": "", **good},
            "commits": commits,
            "keys": ["module_name", "file_path", "line", *commit],
        }
        story = f"INPUT = {json.dumps(told)!r}\n{STORY}"
        output = real_instance.python(story, timeout=SECONDS)
    begun, broken, again, mended, spoiled = json.loads(output.splitlines()[-1])

    assert (begun["status"], begun["rest"]) == ("SUCCESS", [])
    assert [row[1:3] for row in begun["records"]] == [[True, ""]] * 3

    assert broken["status"] == "FAILURE"
    assert broken["head"] == begun["head"] != broken["upstream"]
    (error,) = broken["rest"]
    assert error.pop("file_path").endswith("/real/jobs/second.py")
    assert error == {
        "module_name": "real.jobs.second",
        "line": 2,
        "source_version": broken["upstream"],
        "effective_version": begun["head"],
        "commit_author": "Example",
        "commit_subject": "Use a new library",
    }
    for name, page in broken["pages"].items():
        for words in ("nothing_of_that_name", "rejected", "Example", broken["upstream"]):
            assert words in page.replace("<wbr>", ""), f"{words} is not on the page of the {name}"
    assert broken["records"] == begun["records"]
    assert broken["core"] == [True] * 3
    assert broken["feed"][-2:] == ["succeeded", "rejected"]

    assert (again["status"], again["records"]) == ("FAILURE", begun["records"])
    assert [row["module_name"] for row in again["rest"]] == ["real.jobs.second"]

    assert (mended["status"], mended["rest"], mended["resolved"]) == ("SUCCESS", [], 1)
    assert mended["head"] == mended["upstream"]
    assert [row[4] for row in mended["records"]] == ["changed", "mended", "good"]
    assert {row[3] for row in mended["records"]} == {mended["upstream"]}
    assert "nothing_of_that_name" not in mended["pages"]["repository"]

    assert (spoiled["status"], spoiled["records"]) == ("FAILURE", mended["records"])
    (error,) = spoiled["rest"]
    assert (error["module_name"], error["line"]) == ("real.jobs.third", 3)
    assert (error["source_version"], error["effective_version"]) == (spoiled["upstream"], mended["head"])
    assert error["commit_subject"] == "Ask the database"
    assert "no_such_table" in spoiled["pages"]["repository"]
