"""The code of jobs changes, breaks, goes and comes back."""

import shutil
from pathlib import Path

from nautobot.extras.models import Job, JobResult

from development.git_server import ExampleRepository
from development.story.telling import (
    BACKUP,
    COMPLIANCE,
    DEVELOPMENT,
    JOBS_ROOT,
    REPORT,
    SLUG,
    admin,
    check,
    edit,
    job,
    reconcile,
    run,
    sync,
    title,
)
from nautobot_job_registry.models import JobLoadError, RegisteredJob


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
    core = job(BACKUP).core_job
    check("Nautobot's own job says it, too", core.description == "Ask the network team first.")
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
    result = JobResult.objects.create(name="A run", user=admin(), job_model=job(BACKUP).core_job)
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
    check("the sync ends well", sync() == "SUCCESS")
    record = job(COMPLIANCE)
    check("the description has followed", record.description == "Compares configurations with what was agreed.")
    check(f"the record names the commit {repository.head[:8]}", record.source_version == repository.head)
    check("there is a second revision", record.current_revision.number == 2)
