"""What every step of the story uses: words, checks, commands, syncs."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from nautobot.extras.datasources.git import enqueue_pull_git_repository_and_refresh_data
from nautobot.extras.models import GitRepository, JobResult

from development import database
from nautobot_job_registry.models import RegisteredJob

DEVELOPMENT = Path(__file__).resolve().parent.parent
JOBS_ROOT = Path(os.environ["NAUTOBOT_JOBS_ROOT"])
SLUG = "example_network_jobs"
BACKUP = ("backups", "BackUpConfigurations")
REPORT = ("reports", "CountDevices")
COMPLIANCE = (f"{SLUG}.jobs.compliance", "CheckCompliance")
SECONDS_FOR_A_RUN = 180


class StepFailedError(Exception):
    """Something that a step promised did not hold."""


def title(text: str) -> None:
    """Begin a step."""
    print(f"\n{text}", flush=True)


def check(words: str, held: bool) -> None:
    """Say what was checked.

    Raises:
        StepFailedError: If it did not hold.
    """
    if not held:
        raise StepFailedError(words)
    print(f"  ✓ {words}", flush=True)


def job(key: tuple[str, str]) -> RegisteredJob:
    """Return the record of a job as it is now."""
    return RegisteredJob.objects.get(module_name=key[0], job_class_name=key[1])


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the real `nautobot-server`, and say so."""
    print(f"  $ nautobot-server {' '.join(arguments)}", flush=True)
    ended = database.nautobot_server({}, *arguments, check=False)
    if ended.returncode > ("--check" in arguments):
        print(ended.stdout[-2000:], ended.stderr[-4000:], flush=True)
    return ended


def reconcile() -> None:
    """Reconcile by the command."""
    check("the command ends with 0", run("reconcile_jobs").returncode == 0)


def edit(module: str, old: str, new: str) -> None:
    """Change a job file, and say so."""
    path = JOBS_ROOT / f"{module}.py"
    path.write_text(path.read_text().replace(old, new))
    print(f"  ~ {path.name}: {new!r} in place of {old!r}", flush=True)


def admin() -> Any:
    """Return the user in whose name everything is done."""
    return get_user_model().objects.get(username="admin")


def ended(results: QuerySet) -> JobResult:
    """Wait until the one run among some has ended in the worker, which makes the row itself before Nautobot 3.2."""
    end = time.monotonic() + SECONDS_FOR_A_RUN
    while not results.filter(status__in=("SUCCESS", "FAILURE")).exists() and time.monotonic() < end:
        time.sleep(0.5)
    return results.get()


def sync() -> str:
    """Sync the example repository in the real worker, and return how that ended."""
    print(f"  $ sync of {SLUG}", flush=True)
    repository = GitRepository.objects.get(slug=SLUG)
    result = enqueue_pull_git_repository_and_refresh_data(repository, admin())
    return str(ended(JobResult.objects.filter(pk=result.pk)).status)
