"""An instance with something to see: jobs of all kinds of source, overrides, drift, a broken file, a removed job."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from development import database, git_server

DEVELOPMENT = Path(__file__).resolve().parent
USERNAME = "admin"
# Of an instance on loopback.
PASSWORD = "admin"  # noqa: S105
SLUG = "example_network_jobs"
# The instance's own variable: with it, Nautobot has the app that brings example jobs.
VARIABLES = {"NAUTOBOT_JOB_REGISTRY_EXAMPLE_APP": "1", "PYTHONDONTWRITEBYTECODE": "1"}
# What is shown of time does not move, so that a picture differs only where a page does.
MOMENT = "2026-01-05 09:00:00"
BROKEN = "import a_library_that_is_not_installed\n"
EXTRA_JOBS = {
    "inventory": {"CountDevices": "ImportInventory", "Count devices": "Import inventory"},
    "cleanup": {"CountDevices": "CleanUp", "Count devices": "Clean up addresses"},
}

# What changes in the source of the job that is shown, so that a schedule no longer fits.
CHANGES = {
    "soft_time_limit = 600": "soft_time_limit = 900",
    "import DryRunVar, Job, ": "import DryRunVar, IntegerVar, Job, ",
    'default="all")': 'default="all")\n    days = IntegerVar(label="Days to keep")',
    "site):": "site, days):",
    "Saving the configurations of %s": "Saving the configurations of %s, for %s days",
    '", site)': '", site, days)',
}

BEGIN = f"""
from django.contrib.auth import get_user_model
from nautobot.extras.models import GitRepository
get_user_model().objects.create_superuser({USERNAME!r}, "admin@example.com", {PASSWORD!r})
provided = ["extras.job", "nautobot_job_registry.registeredjob"]
GitRepository.objects.create(
    name="Example network jobs", slug={SLUG!r}, branch="main", provided_contents=provided, remote_url="{{url}}"
)
"""
DECIDE = f"""
from django.contrib.auth import get_user_model
from nautobot.apps.change_logging import web_request_context
from django.utils import timezone
from nautobot.extras.models import ScheduledJob
from nautobot_job_registry.models import RegisteredJob
with web_request_context(get_user_model().objects.get(username={USERNAME!r})):
    job = RegisteredJob.objects.get(job_class_name="BackUpConfigurations")
    job.soft_time_limit, job.soft_time_limit_override = 1800, True
    job.description, job.description_override = "Saves every night what runs on the devices.", True
    job.enabled = True
    job.validated_save()
    ScheduledJob.objects.create(
        name="Every night",
        task=job.class_path,
        job_model=job.core_job,
        interval="daily",
        start_time=timezone.now(),
        kwargs={{"dryrun": False, "site": "all"}},
    )
"""
SET_DATES = f"""
from datetime import datetime, timezone
from django.db.models import QuerySet
from nautobot_job_registry.models import FieldOverride, JobRevision, Reconciliation, RegisteredJob
moment = datetime.fromisoformat({MOMENT!r}).replace(tzinfo=timezone.utc)
RegisteredJob.objects.update(created=moment, last_updated=moment)
# Its own manager refuses: a revision is never changed. These are examples that nobody relies on.
QuerySet(JobRevision).update(created=moment)
FieldOverride.objects.update(created=moment)
Reconciliation.objects.update(started=moment, finished=moment)
"""


def prepare(instance: Mapping[str, str], folder: Path) -> None:
    """Put the example jobs into an instance, and let some of them change, break and go.

    Args:
        instance: The variables of an instance whose database is ready, `VARIABLES` among them.
        folder: Where the Git repository of the example is kept.
    """
    jobs_root = Path(instance["NAUTOBOT_JOBS_ROOT"])
    _write_jobs(jobs_root)
    with git_server.serving(folder) as repositories:
        repository = repositories.repository(SLUG)
        repository.copy_in(DEVELOPMENT / "example_repository")
        repository.commit("Check compliance", date=f"{MOMENT} +0000")
        _run(instance, BEGIN.format(url=repository.url))
        _upgrade(instance)
        _run(instance, DECIDE)
        backups = jobs_root / "backups.py"
        backups.write_text(_changed(backups.read_text()))
        (jobs_root / "cleanup.py").unlink()
        _upgrade(instance)
        # After the removal: next to a file that cannot be read, nothing counts as removed.
        (jobs_root / "inventory.py").write_text(BROKEN)
        _upgrade(instance)
    _run(instance, SET_DATES)


def _write_jobs(jobs_root: Path) -> None:
    shutil.copytree(DEVELOPMENT / "example_jobs", jobs_root, dirs_exist_ok=True)
    for module, names in EXTRA_JOBS.items():
        text = (jobs_root / "reports.py").read_text()
        for old, new in names.items():
            text = text.replace(old, new)
        (jobs_root / f"{module}.py").write_text(text)


def _changed(text: str) -> str:
    for old, new in CHANGES.items():
        text = text.replace(old, new)
    return text


def _run(instance: Mapping[str, str], code: str) -> None:
    database.run_python(instance, f"import nautobot; nautobot.setup({str(database.CONFIG)!r})\n{code}")


def _upgrade(instance: Mapping[str, str]) -> None:
    """Do what an upgrade does."""
    database.nautobot_server(instance, "migrate")
