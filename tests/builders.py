"""Numbered rows of the registry for the tests of its faces: its factories, with values of their own for each number."""

from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from nautobot.extras.models import GitRepository, JobResult

from nautobot_job_registry import factory, models

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
    return factory.RegisteredJobFactory(
        **{
            "module_name": f"module_{number}.jobs",
            "job_class_name": f"Job{number}",
            "grouping": f"Grouping {number}",
            "name": f"Job number {number}",
            "description": f"Description {number}",
            **values,
        }
    )


def revision(of_job: models.RegisteredJob, number: int = 1, **values: Any) -> models.JobRevision:
    """Store a revision and make it the current one of its job, whose values it says."""
    said = {name: getattr(of_job, name) for name in ("grouping", "name", "description")}
    metadata = {**said, "job_queues": [], "variables": [], **values.pop("metadata", {})}
    return factory.JobRevisionFactory(
        job=of_job,
        number=number,
        metadata=metadata,
        **{
            "metadata_hash": f"{number:064d}",
            "source_code": SOURCE_CODE,
            "source_hash": f"{number + 1:064d}",
            "source_version": of_job.source_version,
            **values,
        },
    )


def override(number: int) -> models.FieldOverride:
    """Store a job with an override of its description, and return the override."""
    of_job = job(number)
    revision(of_job, metadata={"description": "source"})
    return factory.FieldOverrideFactory(job=of_job, field="description", value="chosen")


def load_error(number: int, **values: Any) -> models.JobLoadError:
    """Store a load error that is still there."""
    return factory.JobLoadErrorFactory(
        **{
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
    )


def suspension(number: int, **values: Any) -> models.Suspension:
    """Store the open suspension of a schedule that is there no more."""
    return factory.SuspensionFactory(
        schedule=None,
        **{
            "job": values.pop("job", None) or job(100 + number, installed=False, absence="removed"),
            "object_type": ContentType.objects.get_by_natural_key("extras", "scheduledjob"),
            "object_id": UUID(int=number),
            "object_name": f"Schedule {number}",
            "previous_state": {"enabled": True, "state": "active"},
            "suspended_state": {"enabled": False, "state": "completed"},
            "suspended_at": moment(number),
            **values,
        },
    )


def run(number: int, **values: Any) -> models.JobRun:
    """Store a run, and its anchor with the evidence of a worker."""
    return factory.JobRunFactory(
        **{
            "job": values.pop("job", None) or job(200 + number, source_version=f"version {number}"),
            "job_result": values.pop("job_result", None)
            or JobResult.objects.create(name=f"Run {number}", status="SUCCESS"),
            "source_version": f"version {number}",
            "worker": f"celery@worker{number}",
            "code_hash": f"{number:064d}",
            "created": moment(number),
            **values,
        }
    )


def schedule(number: int, **values: Any) -> models.JobSchedule:
    """Store a daily schedule and its anchor."""
    return factory.JobScheduleFactory(
        job=values.pop("job", None) or job(300 + number),
        scheduled_job=factory.ScheduledJobFactory(
            name=values.pop("name", f"Schedule {number}"),
            task=f"unregistered.Class{number}",
            start_time=moment(number),
        ),
        **{"created": moment(number), **values},
    )


def reconciliation(number: int, **values: Any) -> models.Reconciliation:
    """Store a reconciliation that ended well."""
    return factory.ReconciliationFactory(
        **{"scope": f"app:app_{number}", "started": moment(number), "changed": number, **values}
    )
