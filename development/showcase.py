"""An instance in which there is something to see: jobs, an override, drift, a broken file, a removed job."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from development import database

EXAMPLE_JOBS = Path(__file__).resolve().parent / "example_jobs"
USERNAME = "admin"
PASSWORD = "admin"
BROKEN = "import a_library_that_is_not_installed\n"

PREPARE = f"""
from django.contrib.auth import get_user_model
from nautobot_job_registry.models import RegisteredJob
user = get_user_model().objects.filter(username={USERNAME!r}).first()
user = user or get_user_model().objects.create_superuser({USERNAME!r}, "admin@example.com", {PASSWORD!r})
job = RegisteredJob.objects.get(job_class_name="BackUpConfigurations")
job.soft_time_limit, job.soft_time_limit_override = 1800, True
job.description, job.description_override = "Saves every night what runs on the devices.", True
job.save()
"""


def prepare(instance: Mapping[str, str]) -> None:
    """Put the example jobs into an instance, and let some of them change, break and go.

    Args:
        instance: The variables of an instance whose database is ready.
    """
    jobs_root = Path(instance["NAUTOBOT_JOBS_ROOT"])
    shutil.copytree(EXAMPLE_JOBS, jobs_root, dirs_exist_ok=True)
    shutil.copy(jobs_root / "reports.py", jobs_root / "inventory.py")
    shutil.copy(jobs_root / "reports.py", jobs_root / "cleanup.py")
    _rename(jobs_root / "inventory.py", "CountDevices", "ImportInventory", "Count devices", "Import inventory")
    _rename(jobs_root / "cleanup.py", "CountDevices", "CleanUp", "Count devices", "Clean up addresses")
    _reconcile(instance)
    database.run_python(instance, f"import nautobot; nautobot.setup({str(database.CONFIG)!r})\n{PREPARE}")
    backups = jobs_root / "backups.py"
    backups.write_text(backups.read_text().replace("soft_time_limit = 600", "soft_time_limit = 900"))
    (jobs_root / "cleanup.py").unlink()
    _reconcile(instance)
    (jobs_root / "inventory.py").write_text(BROKEN)
    _reconcile(instance)


def _rename(path: Path, *names: str) -> None:
    text = path.read_text()
    for old, new in zip(names[::2], names[1::2], strict=True):
        text = text.replace(old, new)
    path.write_text(text)


def _reconcile(instance: Mapping[str, str]) -> None:
    """Do what an upgrade does."""
    database.nautobot_server(instance, "migrate")
