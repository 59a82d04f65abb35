"""Core's own rows of jobs and queues; the only module that writes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from nautobot.extras.choices import JobQueueTypeChoices
from nautobot.extras.models import Job, JobButton, JobHook, JobQueue, JobResult, ScheduledJob

from nautobot_job_registry.engine.fields import FLAG_FIELDS, OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag
from nautobot_job_registry.engine.records import CoreState, JobKey, undecided

COLUMNS = (
    "id",
    "module_name",
    "job_class_name",
    "enabled",
    "default_job_queue__name",
    "registered_job__core_decisions",
    *VALUE_FIELDS,
    *FLAG_FIELDS,
    *(override_flag(field) for field in OVERRIDABLE_FIELDS),
)


def _tells_anything() -> Q:
    flags = Q(*((override_flag(field), True) for field in OVERRIDABLE_FIELDS), _connector=Q.OR)
    news = Q(registered_job=None) | flags
    for enabled in (True, False):
        news |= Q(enabled=enabled) & ~Q(registered_job__core_decisions=undecided(enabled))
    return news


TELLS_ANYTHING = _tells_anything()


def news_of_core() -> dict[JobKey, CoreState]:
    """Read those of core's rows that tell anything new, in at most two statements.

    Left out are the rows of which the record that points at them knows all that was decided there; that they are many
    is what keeps a reconcile with nothing to do cheap. Rows with an override are always read.
    """
    rows = list(Job.objects.filter(TELLS_ANYTHING).order_by().values(*COLUMNS))
    queues = _queue_names([row["id"] for row in rows])
    states = (_state(row, tuple(sorted(queues.get(row["id"], ())))) for row in rows)
    return {state.key: state for state in states}


def _queue_names(job_ids: list[object]) -> dict[object, list[str]]:
    names: dict[object, list[str]] = defaultdict(list)
    if job_ids:
        through = Job.job_queues.through.objects.order_by().filter(job_id__in=job_ids)
        for job_id, name in through.values_list("job_id", "job_queue__name"):
            names[job_id].append(name)
    return names


def _state(values: dict, queues: tuple[str, ...]) -> CoreState:
    overridable = {field: values[field] for field in VALUE_FIELDS}
    overridable["job_queues"] = queues
    overridable["default_job_queue"] = values["default_job_queue__name"]
    return CoreState(
        id=values["id"],
        key=(values["module_name"], values["job_class_name"]),
        enabled=values["enabled"],
        values=overridable,
        overridden=frozenset(field for field in OVERRIDABLE_FIELDS if values[override_flag(field)]),
        flags={field: values[field] for field in FLAG_FIELDS},
        known=values["registered_job__core_decisions"],
    )


def queues_by_name(names: Iterable[str]) -> dict[str, JobQueue]:
    """Return the queues of the given names; those that the sources name and that are missing are made, as core does.

    Args:
        names: Names of queues.
    """
    wanted = set(names)
    found = {queue.name: queue for queue in JobQueue.objects.filter(name__in=wanted)}
    missing = [JobQueue(name=name, queue_type=JobQueueTypeChoices.TYPE_CELERY) for name in sorted(wanted - set(found))]
    if not missing:
        return found
    JobQueue.objects.bulk_create(missing, ignore_conflicts=True)
    return {queue.name: queue for queue in JobQueue.objects.filter(name__in=wanted)}


def permitted_jobs(user: Any, action: str, job_ids: Collection[UUID]) -> set[UUID]:
    """Return those of core's rows on which a user may do something, in one statement.

    Args:
        user: Who asks.
        action: `change`, `delete` or `run`.
        job_ids: The primary keys of core's rows.
    """
    return set(Job.objects.restrict(user, action).filter(pk__in=job_ids).values_list("pk", flat=True))


def delete_job(job_id: UUID) -> None:
    """Delete core's row of a job: links of runs and schedules become null, hooks and buttons go with it.

    Core's own `delete()` refuses the jobs that Nautobot brings, also those that are no longer there; this does not.
    """
    QuerySet.delete(Job.objects.filter(pk=job_id))


def dependents(job_ids: Collection[UUID]) -> dict[str, QuerySet]:
    """Return what hangs on core's rows of jobs, kind by kind.

    Args:
        job_ids: The primary keys of core's rows.
    """
    return {
        "runs": JobResult.objects.filter(job_model__in=job_ids),
        "schedules": ScheduledJob.objects.filter(job_model__in=job_ids),
        "job_hooks": JobHook.objects.filter(job__in=job_ids),
        "job_buttons": JobButton.objects.filter(job__in=job_ids),
    }
