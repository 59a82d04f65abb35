"""Several reconciles at once, and one that is killed (rules 10 and 11). Real processes on a real database."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from development import database
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

pytestmark = pytest.mark.slow

PROCESSES = 8
STATE = """
import json
from django.db.models import Count
from nautobot_job_registry.models import *
print(json.dumps({
    "jobs": sorted(RegisteredJob.objects.values_list("module_name", "job_class_name", "description", "installed")),
    "revisions": JobRevision.objects.count(),
    "current": RegisteredJob.objects.filter(current_revision=None).count(),
    "failed": Reconciliation.objects.filter(status="failed").count(),
    "queues": RegisteredJob.job_queues.through.objects.count(),
    "logs": sorted(Reconciliation.objects.values_list("registered", "changed")),
    "open_errors": JobLoadError.objects.filter(resolved_at=None).count(),
}))
"""
RECONCILE = """
from nautobot_job_registry.reconcile import reconcile
import sys
sys.stdin.readline()
reconcile()
"""
# Stops in the middle of applying: records are written, revisions are not.
HANG = """
import time
from nautobot_job_registry.reconcile import store
def hang(*args, **kwargs):
    print("in the middle", flush=True)
    time.sleep(600)
store._write_queues = hang
from nautobot_job_registry.reconcile import reconcile
reconcile()
"""


def write_jobs(folder, description, count=40):
    for number in range(count // 10):
        classes = [
            JobClassSourceFactory(
                name=f"Job{index}", meta={"name": f"Job {number} {index}", "description": description}
            )
            for index in range(10)
        ]
        JobModuleFactory(folder=folder, name=f"jobs_{number}", classes=classes)
    (folder / "broken.py").write_text("1 / 0\n")


def state(instance):
    return json.loads(instance.python(STATE).splitlines()[-1])


def start(instance, code):
    prefix = f"import nautobot; nautobot.setup({str(database.CONFIG)!r})\n"
    environment = database.process_environment(instance.environment)
    return subprocess.Popen(
        [sys.executable, "-c", prefix + code],
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=database.CONFIG.parent.parent,
    )


def reconcile_at_once(instance):
    """Start all processes, let each get ready, and then let them go in one moment."""
    processes = [start(instance, RECONCILE) for _ in range(PROCESSES)]
    time.sleep(1)
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [(process.communicate(timeout=300), process.returncode) for process in processes]
    assert [code for _, code in ended] == [0] * PROCESSES, [output[1][-2000:] for output, code in ended if code]


def test_reconciles_at_once_end_in_one_state(real_instance):
    write_jobs(real_instance.jobs_root, "old")
    real_instance.python("from nautobot_job_registry.factory import empty_registry; empty_registry()")
    reconcile_at_once(real_instance)
    first = state(real_instance)
    assert len(first["jobs"]) == len({tuple(job[:2]) for job in first["jobs"]})
    assert len([job for job in first["jobs"] if job[0].startswith("jobs_")]) == 40
    assert (first["revisions"], first["current"], first["failed"]) == (len(first["jobs"]), 0, 0)
    assert first["open_errors"] == 1
    assert [registered for registered, _ in first["logs"] if registered][-1] == len(first["jobs"])

    write_jobs(real_instance.jobs_root, "new")
    reconcile_at_once(real_instance)
    second = state(real_instance)
    assert {job[2] for job in second["jobs"] if job[0].startswith("jobs_")} == {"new"}
    assert second["revisions"] == first["revisions"] + 40
    assert (second["failed"], second["open_errors"]) == (0, 1)
    assert [changed for _, changed in second["logs"] if changed] == [40]
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0


def test_killed_reconcile_leaves_the_database_as_it_was(real_instance):
    write_jobs(real_instance.jobs_root, "old")
    real_instance.nautobot_server("reconcile_jobs")
    before = state(real_instance)
    write_jobs(real_instance.jobs_root, "new", count=60)
    process = start(real_instance, HANG)
    for line in process.stdout:
        if line.strip() == "in the middle":
            break
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL
    process.communicate()
    assert state(real_instance) == before
    real_instance.nautobot_server("reconcile_jobs", timeout=120)
    after = state(real_instance)
    assert {job[2] for job in after["jobs"] if job[0].startswith("jobs_")} == {"new"}
    assert len([job for job in after["jobs"] if job[0].startswith("jobs_")]) == 60
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0


# Everybody at once

# How long they work; longer by hand: `STRESS_SECONDS=180 ./dev test -- -k everybody -s`.
SECONDS = float(os.environ.get("STRESS_SECONDS") or 10)
ROLES = ["reconciles"] * PROCESSES + ["edits"] * 2 + ["saves", "refreshes", "syncs"]
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
PREPARE = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("editor", password="editor")
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute({DEADLOCKS!r})
    print(cursor.fetchone()[0])
"""
SEEN = f"""
import json, time
from django.db import connection
from nautobot.extras.models import Job
from nautobot_job_registry.models import *
from nautobot_job_registry.reconcile import reconcile
reconcile()
columns = ("module_name", "job_class_name", "time_limit", "enabled", "description")
def rows(model):
    return {{f"{{row[0]}}.{{row[1]}}": row[2:] for row in model.objects.values_list(*columns)}}
time.sleep(1)
with connection.cursor() as cursor:
    cursor.execute({DEADLOCKS!r})
    deadlocks = cursor.fetchone()[0]
failed = [row.error[-600:] for row in Reconciliation.objects.filter(status="failed")]
print(json.dumps({{"core": rows(Job), "ours": rows(RegisteredJob), "deadlocks": deadlocks, "failed": failed,
                  "empty": reconcile(dry_run=True).plan.is_empty}}))
"""


def everybody(instance, shares):
    """Let all of them work, and return what each of them told."""
    roles = [(role, next(shares) if role in ("edits", "saves") else []) for role in ROLES]
    root = database.CONFIG.parent.parent
    ended = subprocess.run(
        [sys.executable, "-m", "tests.lifecycle.stress", str(SECONDS), json.dumps(roles)],
        env={**database.process_environment(instance.environment), "PYTHONPATH": str(root)},
        text=True,
        check=False,
        capture_output=True,
        cwd=root,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"role"')]


def change_sources(folder, ended):
    """Change what the code of all jobs says, again and again."""
    for number in itertools.count():
        write_jobs(folder, f"source {number}")
        if ended.wait(0.7):
            return


@pytest.mark.minutes
def test_everybody_writes_at_once_and_nothing_is_lost(real_instance):
    write_jobs(real_instance.jobs_root, "source")
    real_instance.nautobot_server("reconcile_jobs")
    before = int(real_instance.python(PREPARE).splitlines()[-1])
    paths = [f"jobs_{module}.Job{number}" for module in range(4) for number in range(10)]
    # Whoever keeps in mind what was accepted has jobs of their own.
    shares = iter([paths[:13], paths[13:26], paths[26:]])
    ended = threading.Event()
    changing = threading.Thread(target=change_sources, args=(real_instance.jobs_root, ended))
    changing.start()
    try:
        told = everybody(real_instance, shares)
    finally:
        ended.set()
        changing.join()
    seen = json.loads(real_instance.python(SEEN).splitlines()[-1])
    counts = Counter()
    for one in told:
        for what, number in one.items():
            if isinstance(number, int):
                counts[f"{one['role']} {what}"] += number
    shown = "\n".join([f"deadlocks: {seen['deadlocks'] - before}", *map(str, counts.items()), *seen["failed"]])
    print(shown)
    wrong = [what for what in counts if not what.endswith((" done", " reconciled", " 200", " 503"))]
    assert not wrong and not seen["failed"], shown
    # There were more than one each second. What is left is of others, which save many rows in an order of their own.
    assert seen["deadlocks"] - before <= 2, shown
    assert seen["empty"]
    for one in told:
        for path, accepted in one.get("accepted", {}).items():
            assert seen["ours"][path][:2] == seen["core"][path][:2] == accepted, path
        for path, words in one.get("said", {}).items():
            assert seen["ours"][path][2] == seen["core"][path][2] == words, path
