"""Runs and schedules of a job that came back after its record was deleted are linked to it again (rule 20)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Model

from nautobot_job_registry.core_bridge import links as core_links
from nautobot_job_registry.engine.plan import ActionKind, JobAction
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.engine.text import log_text
from nautobot_job_registry.history.sentences import one_or_many
from nautobot_job_registry.models import JobRun, JobSchedule, RegisteredJob
from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.models.sql import mapped

logger = logging.getLogger(__name__)

KINDS = {"runs": JobRun, "schedules": JobSchedule}

NOTHING_ELSE_RETURNS = (
    "Overrides of the deleted record do not come back by themselves, and schedules that were switched off stay off."
)


def relink(actions: Iterable[JobAction], jobs: Mapping[JobKey, RegisteredJob]) -> list[dict[str, Any]]:
    """Link the runs and schedules of jobs that were registered anew, or got a row of core's, by what their anchors say.

    Costs nothing where no job was, and otherwise a number of statements that grows with batches of such jobs.

    Args:
        actions: What a reconcile did to records.
        jobs: The records as they were written, by their key.

    Returns:
        What was linked, job by job, as `Reconciliation.changes` holds it.
    """
    registered = [jobs[action.key] for action in actions if action.kind is ActionKind.REGISTER]
    counts: dict[str, Counter[UUID]] = {"runs": Counter(), "schedules": Counter()}
    kinds = {kind: model for kind, model in KINDS.items() if registered and _is_any_lost(model)}
    for batch in batches(registered if kinds else ()):
        _link_anchors(batch, kinds, counts)
    anchored = {pk for count in counts.values() for pk in count}
    with_core = [jobs[action.key] for action in actions if _gets_core_job(action, jobs[action.key], anchored)]
    for batch in batches(with_core):
        _link_in_core(batch, counts)
    linked = {job.pk: job for job in (*registered, *with_core)}
    return [_told(job, counts) for pk, job in linked.items() if any(count[pk] for count in counts.values())]


def _gets_core_job(action: JobAction, job: RegisteredJob, anchored: Collection[UUID]) -> bool:
    """Say whether a record to which anything is anchored has been pointed at a row of core's, new or found."""
    changed = job.pk in anchored or action.is_pointed_at_core_again
    return changed and job.core_job_id is not None


def _is_any_lost(model: type[Model]) -> bool:
    """Say whether any anchor has lost its job, as in most installations none has."""
    return model.objects.filter(job=None).exists()


def batches(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Yield rows in batches of a size that one statement can name."""
    return (rows[start : start + BATCH_SIZE] for start in range(0, len(rows), BATCH_SIZE))


def _link_anchors(
    jobs: Sequence[RegisteredJob], kinds: Mapping[str, type[Model]], counts: Mapping[str, Counter[UUID]]
) -> None:
    by_path = {job.class_path: job.pk for job in jobs}
    for kind, model in kinds.items():
        lost = model.objects.order_by().filter(job=None, class_path__in=by_path)
        found = dict(lost.values_list("class_path").annotate(number=Count("pk")))
        counts[kind].update({by_path[path]: number for path, number in found.items()})
        _point_at(model, {path: by_path[path] for path in found})


def _point_at(model: type[Model], by_path: Mapping[str, UUID]) -> None:
    if by_path:
        model.objects.order_by().filter(job=None, class_path__in=by_path).update(job=mapped("class_path", by_path))


def _link_in_core(jobs: Sequence[RegisteredJob], counts: Mapping[str, Counter[UUID]]) -> None:
    keys = [job.pk for job in jobs]
    lost = {
        "runs": JobRun.objects.filter(job__in=keys, job_result__job_model=None),
        "schedules": JobSchedule.objects.filter(job__in=keys, scheduled_job__job_model=None),
    }
    found = {kind: dict(rows.order_by().values_list("job").annotate(number=Count("pk"))) for kind, rows in lost.items()}
    for kind, numbers in found.items():
        for pk, number in numbers.items():
            counts[kind][pk] = max(counts[kind][pk], number)
    if any(found.values()):
        core_links.link_runs_and_schedules({pk for numbers in found.values() for pk in numbers})


def _told(job: RegisteredJob, counts: Mapping[str, Counter[UUID]]) -> dict[str, Any]:
    numbers = {kind: count[job.pk] for kind, count in counts.items()}
    runs = one_or_many(numbers["runs"], "{} run", "{} runs")
    schedules = one_or_many(numbers["schedules"], "{} schedule", "{} schedules")
    message = f"{runs} and {schedules} are linked to the job again."
    if job.core_job_id is None:
        message = f"{message} Nautobot has no job of its own for it yet: its own links follow once it has."
    message = f"{message} {NOTHING_ELSE_RETURNS}"
    logger.info("%s: %s", log_text(job.class_path), message)
    fields = {kind: {"old": 0, "new": number} for kind, number in numbers.items()}
    return {"job": job.class_path, "action": "relink", "fields": fields, "message": message}
