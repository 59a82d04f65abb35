"""Rows of the registry for the tests of its faces, with explicit values."""

from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from nautobot.extras.models import GitRepository, JobResult, ScheduledJob

from nautobot_job_registry import models

MARKUP = "<script>alert('registry')</script>"
TRACEBACK = "Traceback of a secret path /opt/secret/module.py"
SOURCE_CODE = "SECRET_SOURCE = 'only for those who may see it'"


def moment(day: int) -> datetime:
    """Return noon of a day in January 2026."""
    return datetime(2026, 1, day, 12, tzinfo=timezone.utc)


def repository(name: str = "Network Jobs", slug: str = "network_jobs") -> GitRepository:
    """Store a Git repository without syncing it."""
    row = GitRepository(name=name, slug=slug, remote_url=f"https://git.example.com/{slug}.git", provided_contents=[])
    row.save()
    return row


def job(number: int, **values: Any) -> models.RegisteredJob:
    """Store a registered job that no revision is known of."""
    values = {
        "module_name": f"module_{number}.jobs",
        "job_class_name": f"Job{number}",
        "source_type": "local",
        "source_name": "JOBS_ROOT",
        "grouping": f"Grouping {number}",
        "name": f"Job number {number}",
        "description": f"Description {number}",
        **values,
    }
    row = models.RegisteredJob(**values)
    row.save()
    return row


def revision(of_job: models.RegisteredJob, number: int = 1, **values: Any) -> models.JobRevision:
    """Store a revision and make it the current one of its job, whose values it says."""
    metadata = {
        "grouping": of_job.grouping,
        "name": of_job.name,
        "description": of_job.description,
        "job_queues": [],
        "variables": [],
        **values.pop("metadata", {}),
    }
    values = {
        "metadata_hash": f"{number:064d}",
        "source_code": SOURCE_CODE,
        "source_hash": f"{number + 1:064d}",
        "source_version": of_job.source_version,
        **values,
    }
    row = models.JobRevision(job=of_job, number=number, metadata=metadata, **values)
    row.save()
    of_job.current_revision = row
    of_job.save()
    return row


def override(number: int) -> models.FieldOverride:
    """Store a job with an override of its description, and return the override."""
    of_job = job(number)
    revision(of_job, metadata={"description": "source"})
    of_job.description, of_job.description_override = "chosen", True
    of_job.save()
    return of_job.field_overrides.get()


def load_error(number: int, **values: Any) -> models.JobLoadError:
    """Store a load error that is still there."""
    values = {
        "source_type": "local",
        "source_name": "JOBS_ROOT",
        "module_name": f"broken_{number}",
        "file_path": f"/jobs/broken_{number}.py",
        "line": number,
        "exception_type": f"Error{number}",
        "message": f"Message {number}",
        "traceback": TRACEBACK,
        "first_seen": moment(number),
        "last_seen": moment(number + 1),
        **values,
    }
    row = models.JobLoadError(**values)
    row.save()
    return row


def suspension(number: int, **values: Any) -> models.Suspension:
    """Store the open suspension of a schedule that is there no more."""
    of_job = values.pop("job", None) or job(100 + number, installed=False, absence="removed")
    values = {
        "job": of_job,
        "class_path": of_job.class_path,
        "object_type": ContentType.objects.get_by_natural_key("extras", "scheduledjob"),
        "object_id": UUID(int=number),
        "object_name": f"Schedule {number}",
        "reason": "removed",
        "origin": "registry",
        "previous_state": {"enabled": True, "state": "active"},
        "suspended_state": {"enabled": False, "state": "completed"},
        "suspended_at": moment(number),
        **values,
    }
    row = models.Suspension(**values)
    row.save()
    return row


def run(number: int, **values: Any) -> models.JobRun:
    """Store a run, and its anchor with the evidence of a worker."""
    of_job = values.pop("job", None) or job(200 + number, source_version=f"version {number}")
    result = values.pop("job_result", None) or JobResult.objects.create(name=f"Run {number}", status="SUCCESS")
    values = {
        "class_path": of_job.class_path,
        "source_version": f"version {number}",
        "worker": f"celery@worker{number}",
        "code_hash": f"{number:064d}",
        "created": moment(number),
        **values,
    }
    row = models.JobRun(job=of_job, job_result=result, **values)
    row.save()
    return row


def schedule(number: int, **values: Any) -> models.JobSchedule:
    """Store a daily schedule and its anchor."""
    of_job = values.pop("job", None) or job(300 + number)
    timing = {"interval": "daily", "start_time": moment(number)}
    name = values.pop("name", f"Schedule {number}")
    core = ScheduledJob(name=name, task=f"unregistered.Class{number}", **timing)
    core.save()
    row = models.JobSchedule(
        job=of_job, scheduled_job=core, **{"class_path": of_job.class_path, "created": moment(number), **values}
    )
    row.save()
    return row


def reconciliation(number: int, **values: Any) -> models.Reconciliation:
    """Store a reconciliation that ended well."""
    values = {
        "trigger": "command",
        "scope": f"app:app_{number}",
        "status": "succeeded",
        "started": moment(number),
        "finished": moment(number),
        "changed": number,
        **values,
    }
    row = models.Reconciliation(**values)
    row.save()
    return row
