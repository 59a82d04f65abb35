"""The life cycle of jobs, told and checked step by step, on the Nautobot that the environment names."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import nautobot

from development import database
from development.git_server import ExampleRepository, GitServer

nautobot.setup(str(database.CONFIG))

from django.contrib.auth import get_user_model  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402
from nautobot.extras.datasources.git import enqueue_pull_git_repository_and_refresh_data  # noqa: E402
from nautobot.extras.models import GitRepository, Job, JobResult  # noqa: E402

from nautobot_job_registry import needs  # noqa: E402
from nautobot_job_registry.factory import empty_registry  # noqa: E402
from nautobot_job_registry.models import JobLoadError, Reconciliation, RegisteredJob  # noqa: E402

DEVELOPMENT = Path(__file__).resolve().parent
JOBS_ROOT = Path(os.environ["NAUTOBOT_JOBS_ROOT"])
SLUG = "example_network_jobs"
SECONDS_FOR_A_SYNC = 120
BACKUP = ("backups", "BackUpConfigurations")
REPORT = ("reports", "CountDevices")
COMPLIANCE = (f"{SLUG}.jobs.compliance", "CheckCompliance")


class StepFailedError(Exception):
    """Something that a step promised did not hold."""


def tell(repositories: GitServer, started: float) -> bool:
    """Tell the story from its beginning, whatever an earlier run has left.

    Args:
        repositories: The server of the example Git repository.
        started: When the demo was started, by `time.monotonic()`.

    Returns:
        Whether every step held.
    """
    repository = _set_the_stage(repositories)
    steps: list[Callable[[], None]] = [
        first_registration,
        an_override,
        a_change_in_the_source,
        a_broken_file,
        the_fix,
        a_removal,
        the_return,
        lambda: a_git_sync(repository),
        the_dashboard,
    ]
    print(f"\nThe story begins after {time.monotonic() - started:.0f} s", flush=True)
    try:
        for step in steps:
            step()
    except StepFailedError as error:
        print(f"  ✗ {error}", flush=True)
        return False
    print(f"\nEvery step held. The story took {time.monotonic() - started:.0f} s with all preparations.", flush=True)
    return True


# Telling and checking


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
    if ended.returncode > 1:
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


# The steps


def _set_the_stage(repositories: GitServer) -> ExampleRepository:
    for path in JOBS_ROOT.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(DEVELOPMENT / "example_jobs", JOBS_ROOT, dirs_exist_ok=True)
    repository = repositories.repository(SLUG)
    repository.copy_in(DEVELOPMENT / "example_repository")
    repository.commit("Check compliance")
    shutil.rmtree(Path(os.environ["NAUTOBOT_GIT_ROOT"]) / SLUG, ignore_errors=True)
    users = get_user_model().objects
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", "admin@example.com", "admin")
    provided = ["extras.job", "nautobot_job_registry.registeredjob"]
    values = {"name": "Example network jobs", "branch": "main", "current_head": "", "provided_contents": provided}
    GitRepository.objects.update_or_create(slug=SLUG, defaults={**values, "remote_url": repository.url})
    empty_registry()
    return repository


def first_registration() -> None:
    """Register the jobs of all four kinds of source by an upgrade."""
    title("1. The first upgrade registers the jobs of all four kinds of source.")
    check("the upgrade ends with 0", run("post_upgrade").returncode == 0)
    for source, name in (("system", "nautobot"), ("app", "example_jobs_app"), ("git", SLUG), ("local", "JOBS_ROOT")):
        count = RegisteredJob.objects.filter(source_type=source, source_name=name, installed=True).count()
        check(f"{count} jobs of {source} {name}", count > 0)
    ours = set(RegisteredJob.objects.filter(installed=True).values_list("module_name", "job_class_name"))
    core = set(Job.objects.filter(installed=True).values_list("module_name", "job_class_name"))
    check(f"all {len(core)} jobs that Nautobot has installed are registered, and no other", ours == core)


def an_override() -> None:
    """Override a field."""
    title("2. An operator gives a job a description of their own.")
    record = job(BACKUP)
    record.description, record.description_override = "Ask the network team first.", True
    record.validated_save()
    check("the record says 'Ask the network team first.'", job(BACKUP).description == "Ask the network team first.")
    check("the source's words are kept beside it", "every device" in job(BACKUP).source_values["description"])


def a_change_in_the_source() -> None:
    """Change the source: what is overridden stays, and the rest follows."""
    title("3. The source changes: the override stays, the rest follows.")
    edit("backups", "soft_time_limit = 600", "soft_time_limit = 1200")
    edit("backups", "every device", "every device there is")
    checked = run("reconcile_jobs", "--check")
    line = next((line for line in checked.stdout.splitlines() if " soft_time_limit " in line), "")
    check("--check ends with 1", checked.returncode == 1)
    check(f"it names job, field, old and new value: {' '.join(line.split())}", "600" in line and "1200" in line)
    check("nothing has changed yet", job(BACKUP).soft_time_limit == 600)
    reconcile()
    check("the time limit has followed", job(BACKUP).soft_time_limit == 1200)
    check("the description is still the operator's", job(BACKUP).description == "Ask the network team first.")
    check("there is a second revision", job(BACKUP).current_revision.number == 2)
    check("--check ends with 0 now", run("reconcile_jobs", "--check").returncode == 0)


def a_broken_file() -> None:
    """Break a file: only its own job is harmed."""
    title("4. Somebody breaks a file: only its own job is harmed.")
    edit("backups", 'name = "Backups"', 'name = "Backups"\nimport a_library_that_is_not_there')
    reconcile()
    record = job(BACKUP)
    check("its job is absent because of a load error", (record.installed, record.absence) == (False, "load_error"))
    error = JobLoadError.objects.get(resolved_at=None)
    check(f"the error is named: {error.message}, line {error.line} of {Path(error.file_path).name}", error.line == 6)
    check("the job beside it is installed", job(REPORT).installed)
    check("the override is still there", record.description_override)


def the_fix() -> None:
    """Mend the file."""
    title("5. The file is mended.")
    edit("backups", "\nimport a_library_that_is_not_there", "")
    reconcile()
    check("the job is back", job(BACKUP).installed and not job(BACKUP).absence)
    check("the error is resolved and kept", JobLoadError.objects.filter(resolved_at=None).count() == 0)
    check("no revision was made for it", job(BACKUP).current_revision.number == 2)


def a_removal() -> None:
    """Remove a file: the record stays, and so do its runs."""
    title("6. The file of a job that has run is removed: the record stays, and so do its runs.")
    user = get_user_model().objects.get(username="admin")
    result = JobResult.objects.create(name="A run", user=user, job_model=job(BACKUP).core_job)
    (JOBS_ROOT / "backups.py").unlink()
    check("the upgrade ends with 0", run("migrate").returncode == 0)
    record = job(BACKUP)
    check("the record says that the job was removed", (record.installed, record.absence) == (False, "removed"))
    result.refresh_from_db()
    check("the run still points at the job", result.job_model == record.core_job and record.core_job is not None)


def the_return() -> None:
    """Bring the file back."""
    title("7. The file returns: the same record is installed again.")
    before = job(BACKUP).pk
    shutil.copy(DEVELOPMENT / "example_jobs" / "backups.py", JOBS_ROOT)
    check("the upgrade ends with 0", run("migrate").returncode == 0)
    record = job(BACKUP)
    check("it is the same record, installed", record.pk == before and record.installed)
    check("the override is still there", record.description == "Ask the network team first.")


def a_git_sync(repository: ExampleRepository) -> None:
    """Sync a Git repository in the worker: its commit is picked up."""
    title("8. A commit is picked up by a sync of the Git repository, in a real worker.")
    path = "jobs/compliance.py"
    text = (repository.work_tree / path).read_text().replace("what is intended", "what was agreed")
    repository.commit("Say it better", {path: text})
    user = get_user_model().objects.get(username="admin")
    result = enqueue_pull_git_repository_and_refresh_data(GitRepository.objects.get(slug=SLUG), user)
    end = time.monotonic() + SECONDS_FOR_A_SYNC
    while result.status not in ("SUCCESS", "FAILURE") and time.monotonic() < end:
        time.sleep(0.5)
        result.refresh_from_db()
    check(f"the sync ended with {result.status}", result.status == "SUCCESS")
    record = job(COMPLIANCE)
    check("the description has followed", record.description == "Compares configurations with what was agreed.")
    check(f"the record names the commit {repository.head[:8]}", record.source_version == repository.head)
    check("there is a second revision", record.current_revision.number == 2)


def the_dashboard() -> None:
    """Look at the page that says what the story has left to do."""
    title("At the end, the dashboard says what needs somebody now.")
    client = Client(SERVER_NAME="localhost")
    client.force_login(get_user_model().objects.get(username="admin"))
    answer = client.get(reverse("plugins:nautobot_job_registry:dashboard"))
    check("the page is there", answer.status_code == 200)
    page = answer.content.decode()
    for need in needs.NEEDS:
        check(f"{need.title}: {need.count()}", f'id="need-{need.key}"' in page)
    today = needs.reconciles_by_day(Reconciliation.objects.all())[-1].counts
    check(f"{today['succeeded']} reconciles of today succeeded, {today['failed']} failed", today["succeeded"] > 0)
