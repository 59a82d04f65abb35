"""Anchors of runs and schedules: what holds them to their registered job, whatever happens to it (M2)."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, Model, OuterRef, QuerySet, Subquery
from nautobot.extras.models import JobResult, ScheduledJob

from nautobot_job_registry.models import JobRevision, JobRun, JobSchedule, RegisteredJob

PATH = ("module_name", "job_class_name")


def anchor_run(result: JobResult, using: str = "default") -> None:
    """Anchor a run that was just asked for, in one statement.

    A run that has no job of core's is anchored if its name is the class path of a registered job; all other tasks of
    Nautobot's workers have results, too.

    Args:
        result: The result that was just stored.
        using: The alias of the database that it was stored in.
    """
    names = (result.task_name, result.name)
    _anchor(JobRun(job_result_id=result.pk, created=result.date_created), result, names, using)


def anchor_schedule(schedule: ScheduledJob, using: str = "default") -> None:
    """Anchor a schedule that was just made, in one statement.

    Args:
        schedule: The schedule that was just stored.
        using: The alias of the database that it was stored in.
    """
    _anchor(JobSchedule(scheduled_job_id=schedule.pk), schedule, (schedule.task,), using)


# Only the keys of results and schedules are set, so that what is half made here is not kept with them.
def _anchor(anchor: Model, obj: Any, names: tuple[str | None, ...], using: str) -> None:
    if obj.job_model is not None:
        anchor.class_path = f"{obj.job_model.module_name}.{obj.job_model.job_class_name}"
        anchor.job_id = Subquery(registered(anchor.class_path).values("pk")[:1])
    else:
        job = next((job for name in names if name for job in registered(name).using(using).only(*PATH)), None)
        if job is None:
            return
        anchor.class_path, anchor.job_id = job.class_path, job.pk
    # Another process may have anchored it meanwhile.
    type(anchor).objects.using(using).bulk_create([anchor], ignore_conflicts=True)


def registered(class_path: str) -> QuerySet[RegisteredJob]:
    """Return the query for the registered job of a class path."""
    module_name, _, job_class_name = class_path.rpartition(".")
    return RegisteredJob.objects.order_by().filter(module_name=module_name, job_class_name=job_class_name)


def record_evidence(job_result_id: Any, *, code_hash: str, source_version: str, worker: str) -> bool:
    """Store which code a run executes, as it begins, in one statement.

    The revision is the latest one of the job with that code. Where there is none, or it is not the current one, the
    run is skewed; where the code is not known nothing is claimed.

    Args:
        job_result_id: The primary key of the result.
        code_hash: SHA-256 of the module as the worker has it loaded, or empty where it is not known.
        source_version: Version or commit of the source as the worker sees it.
        worker: The name of the worker.

    Returns:
        Whether the run is anchored.
    """
    evidence: dict[str, Any] = {
        "code_hash": code_hash,
        "source_version": _cut(source_version, "source_version"),
        "worker": _cut(worker, "worker"),
    }
    if code_hash:
        revisions = JobRevision.objects.filter(job=OuterRef("job"), source_hash=code_hash).order_by("-number")
        known = RegisteredJob.objects.order_by().filter(pk=OuterRef("job"), current_revision__isnull=False)
        evidence["revision"] = Subquery(revisions.values("pk")[:1])
        evidence["is_skewed"] = Exists(known.exclude(current_revision__source_hash=code_hash))
    return bool(JobRun.objects.filter(job_result=job_result_id).update(**evidence))


def _cut(text: str, field: str) -> str:
    return text[: JobRun._meta.get_field(field).max_length]
