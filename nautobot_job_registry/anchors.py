"""Anchors of runs and schedules: what holds them to their registered job, whatever happens to it (M2)."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, Model, OuterRef, QuerySet, Subquery
from django.db.models.sql import UpdateQuery
from nautobot.extras.models import JobResult, ScheduledJob

from nautobot_job_registry.models import JobRevision, JobRun, JobSchedule, RegisteredJob

PATH = ("module_name", "job_class_name")
# Stands for the key of a result in a statement that is made before it is known.
SOME_RESULT = UUID(int=0)


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
    said = {
        "job_result": job_result_id,
        "code_hash": code_hash,
        "source_version": _cut(source_version, "source_version"),
        "worker": _cut(worker, "worker"),
    }
    sql, places = _statement_of_evidence(is_known=bool(code_hash))
    with connection.cursor() as cursor:
        cursor.execute(sql, [_stored(place, said[place]) if place in said else place for place in places])
        return bool(cursor.rowcount)


@cache
def _statement_of_evidence(*, is_known: bool) -> tuple[str, tuple[Any, ...]]:
    """Return what every run asks the same, with the names of columns in place of what is different.

    Django takes longer to make the statement than the database takes to run it.
    """
    evidence: dict[str, Any] = {name: name for name in ("code_hash", "source_version", "worker")}
    if is_known:
        revisions = JobRevision.objects.filter(job=OuterRef("job"), source_hash="code_hash").order_by("-number")
        known = RegisteredJob.objects.order_by().filter(pk=OuterRef("job"), current_revision__isnull=False)
        evidence["revision"] = Subquery(revisions.values("pk")[:1])
        evidence["is_skewed"] = Exists(known.exclude(current_revision__source_hash="code_hash"))
    query = JobRun.objects.filter(job_result=SOME_RESULT).query.chain(UpdateQuery)
    query.add_update_values(evidence)
    sql, values = query.get_compiler(connection=connection).as_sql()
    some_result = _stored("job_result", SOME_RESULT)
    return sql, tuple("job_result" if value == some_result else value for value in values)


def _stored(name: str, value: Any) -> Any:
    """Return a value of a column of runs as the database driver takes it."""
    return JobRun._meta.get_field(name).get_db_prep_value(value, connection)


def _cut(text: str, field: str) -> str:
    return text[: JobRun._meta.get_field(field).max_length]
