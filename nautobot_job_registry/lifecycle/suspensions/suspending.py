"""Schedules, hooks and buttons switched off and on again, and the suspensions that tell of it (rule 18)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from nautobot_job_registry.core_bridge import dependents as core_dependents
from nautobot_job_registry.engine.dependents import Dependent, DependentAction, DependentActionKind, DependentKind
from nautobot_job_registry.engine.descriptor import Absence
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.lifecycle.suspensions.planning import OPEN, decided_dependents, situation_of
from nautobot_job_registry.lifecycle.suspensions.rules import switched_off
from nautobot_job_registry.models import JobSchedule, RegisteredJob, Suspension
from nautobot_job_registry.models.choices import SuspensionOriginChoices, SuspensionOutcomeChoices
from nautobot_job_registry.models.constants import BATCH_SIZE

RESTORED = SuspensionOutcomeChoices.RESTORED
# What is written where something that is suspended was switched on and is switched off again.
AGAIN = ["job", "class_path", "object_name", "reason", "origin", "previous_state", "suspended_state", "suspended_at"]


def bring_back(
    record_ids: Collection[UUID], *, now: datetime, user: Any = None, detail: str = ""
) -> tuple[DependentAction, ...]:
    """Switch on again what hangs on jobs now that are there, and had hung on another one or on nothing (rule 18).

    Args:
        record_ids: The primary keys of the records of the jobs; no others are read.
        now: The time that is written.
        user: Who is named in the change log, if anybody.
        detail: What is said in the change log about the occasion.

    Returns:
        What was done.
    """
    if not record_ids:
        return ()
    jobs = RegisteredJob.objects.filter(pk__in=record_ids).select_related("core_job")
    actions = decided_dependents([situation_of(job) for job in jobs.order_by("module_name", "job_class_name")])
    carry_out_dependents(actions, now=now, user=user, detail=detail)
    return actions


# Carrying out


def carry_out_dependents(
    actions: Sequence[DependentAction], *, now: datetime, user: Any = None, detail: str = ""
) -> None:
    """Switch off, switch on and record what a plan says.

    Args:
        actions: What is to be done.
        now: The time that is written for all of it.
        user: Who is named in the change log, if anybody.
        detail: What is said in the change log about the occasion.
    """
    by_kind: dict[DependentActionKind, list[DependentAction]] = defaultdict(list)
    for action in actions:
        by_kind[action.kind].append(action)
    records = _record_ids(actions)
    _suspend(by_kind[DependentActionKind.SUSPEND], records, now, user, detail)
    _note(by_kind[DependentActionKind.NOTE], records)
    _restore(by_kind[DependentActionKind.RESTORE], now, user, detail)
    _close(by_kind[DependentActionKind.CLOSE], now)


def _record_ids(actions: Iterable[DependentAction]) -> dict[JobKey, UUID]:
    """Return the primary keys of the records, also of those that the same plan has made."""
    known = {action.key: action.record_id for action in actions if action.record_id}
    made = {action.key for action in actions} - known.keys()
    rows = RegisteredJob.objects.order_by().filter(module_name__in={key[0] for key in made}) if made else []
    return known | {(row.module_name, row.job_class_name): row.pk for row in rows}


def suspend_schedules(jobs: Sequence[RegisteredJob]) -> None:
    """Switch off the schedules of jobs whose records are about to be deleted, and record it (rules 18 and 19).

    Without its job a schedule fires at nothing: core's scheduler writes an error and marks it as failed. Hooks and
    buttons core deletes.

    Args:
        jobs: The records.
    """
    by_core = {job.core_job_id: job for job in jobs if job.core_job_id}
    by_id = {job.pk: job for job in jobs}
    found = core_dependents.enabled_schedules(by_core.keys(), by_id.keys())
    if not found:
        return
    ids = [dependent.id for dependent in found]
    anchors = JobSchedule.objects.order_by().filter(scheduled_job__in=ids)
    anchored = dict(anchors.values_list("scheduled_job", "job"))
    open_ones = Suspension.objects.order_by().filter(outcome=OPEN, object_id__in=ids)
    known = dict(open_ones.values_list("object_id", "pk"))
    actions = []
    for dependent in found:
        job = by_core.get(dependent.core_job) or by_id[anchored[dependent.id]]
        action = DependentAction(
            DependentActionKind.SUSPEND,
            (job.module_name, job.job_class_name),
            job.pk,
            dependent.kind,
            dependent.id,
            dependent.name,
            dependent,
            suspension_id=known.get(dependent.id),
            reason=job.absence or Absence.REMOVED.value,
        )
        actions.append(action)
    _suspend(actions, _record_ids(actions), timezone.now(), None, "", wait=True)


def _found(actions: Iterable[DependentAction]) -> list[tuple[DependentAction, Dependent]]:
    """Pair actions with what they switch, which only those that close a suspension can be without."""
    return [(action, action.dependent) for action in actions if action.dependent is not None]


def _suspend(
    actions: Sequence[DependentAction],
    records: Mapping[JobKey, UUID],
    now: datetime,
    user: Any,
    detail: str,
    wait: bool = False,
) -> None:
    found = _found(actions)
    if not found:
        return
    done = core_dependents.switch_off([dependent for _, dependent in found], user=user, detail=detail, wait=wait)
    made: list[Suspension] = []
    again: list[Suspension] = []
    for action, dependent in found:
        if action.object_id in done:
            row = _row(dependent, action.class_path, SuspensionOriginChoices.REGISTRY, now)
            row.job_id, row.reason = records[action.key], action.reason
            row.pk = action.suspension_id or row.pk
            (again if action.suspension_id else made).append(row)
    Suspension.objects.bulk_create(made, batch_size=BATCH_SIZE)
    Suspension.objects.bulk_update(again, AGAIN, batch_size=BATCH_SIZE)


def _row(dependent: Dependent, class_path: str, origin: str, now: datetime) -> Suspension:
    """Return the record of a dependent that is on and is being switched off, not stored yet."""
    return Suspension(
        class_path=class_path,
        object_type=_object_type(dependent.kind),
        object_id=dependent.id,
        object_name=dependent.name,
        origin=origin,
        previous_state={**dependent.state, "next_run": dependent.next_run},
        suspended_state=switched_off(dependent.state),
        suspended_at=now,
    )


def _object_type(kind: DependentKind) -> ContentType:
    return ContentType.objects.get_by_natural_key("extras", kind.value)


def _note(actions: Sequence[DependentAction], records: Mapping[JobKey, UUID]) -> None:
    """Note why core has switched off what it did, which is known only now."""
    rows = [Suspension(pk=action.suspension_id, job_id=records[action.key], reason=action.reason) for action in actions]
    Suspension.objects.bulk_update(rows, ["job", "reason"], batch_size=BATCH_SIZE)


def _restore(actions: Sequence[DependentAction], now: datetime, user: Any, detail: str) -> None:
    if not actions:
        return
    by_suspension = {
        action.suspension_id: dependent for action, dependent in _found(actions) if action.suspension_id is not None
    }
    rows = Suspension.objects.filter(pk__in=list(by_suspension))
    previous = {row.object_id: row.previous_state for row in rows}
    done = core_dependents.switch_on(by_suspension.values(), previous, user=user, detail=detail)
    end_suspensions([pk for pk, dependent in by_suspension.items() if dependent.id in done], RESTORED, now)


def _close(actions: Sequence[DependentAction], now: datetime) -> None:
    endings: dict[str, list[UUID]] = defaultdict(list)
    for action in actions:
        if action.ending is not None and action.suspension_id is not None:
            endings[action.ending.value].append(action.suspension_id)
    for ending, suspension_ids in endings.items():
        end_suspensions(suspension_ids, ending, now)


def end_suspensions(suspension_ids: Sequence[UUID], outcome: str, now: datetime, user: Any = None) -> None:
    """Note how suspensions ended.

    Args:
        suspension_ids: Their primary keys.
        outcome: One of `SuspensionOutcomeChoices`.
        now: When they ended.
        user: Who ended them by hand, if anybody did.
    """
    Suspension.objects.filter(pk__in=suspension_ids).update(outcome=outcome, restored_at=now, restored_by=user)


# What core does


def record_switching_off(job: Any, dependents: Sequence[Dependent], now: datetime) -> None:
    """Record what core switches off as it saves its row of a job that is not installed.

    Why the job is absent is known at the next reconcile only, which then notes it.

    Args:
        job: Core's row, as it has just been stored.
        dependents: What hangs on it, as it was before that.
        now: When it is switched off.
    """
    records = RegisteredJob.objects.filter(module_name=job.module_name, job_class_name=job.job_class_name)
    record = records.only("absence").first()
    ids = [dependent.id for dependent in dependents]
    known = {row.object_id: row for row in Suspension.objects.filter(object_id__in=ids, outcome=OPEN)}
    rows = [_row(dependent, job.class_path, SuspensionOriginChoices.CORE, now) for dependent in dependents]
    for row in rows:
        row.job, row.reason = record, record.absence if record else ""
        if row.object_id in known:
            row.pk = known[row.object_id].pk
    again = [row for row in rows if row.object_id in known]
    Suspension.objects.bulk_create([row for row in rows if row.object_id not in known], batch_size=BATCH_SIZE)
    Suspension.objects.bulk_update(again, AGAIN, batch_size=BATCH_SIZE)


def record_deletion(dependent: Any) -> None:
    """Note that what was suspended has been deleted, so that the list of what is suspended stays true.

    Args:
        dependent: The row of core's that was deleted.
    """
    rows = Suspension.objects.filter(object_id=dependent.pk, outcome=OPEN)
    rows.update(outcome=SuspensionOutcomeChoices.GONE, restored_at=timezone.now())
