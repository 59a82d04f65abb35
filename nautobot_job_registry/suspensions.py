"""What goes off with a job that goes away, and comes back with it: planned, carried out, restored by hand (rule 18)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Q
from django.utils import timezone

from nautobot_job_registry import core_bridge
from nautobot_job_registry.choices import SuspensionOriginChoices, SuspensionOutcomeChoices
from nautobot_job_registry.constants import APP_NAME, BATCH_SIZE
from nautobot_job_registry.engine.descriptor import Absence, Source
from nautobot_job_registry.engine.plan import ActionKind, JobAction, Plan
from nautobot_job_registry.engine.records import JobKey, RegistryState
from nautobot_job_registry.engine.suspensions import (
    Dependent,
    DependentAction,
    DependentActionKind,
    DependentKind,
    JobSituation,
    SuspensionRecord,
    decide,
    switched_off,
)
from nautobot_job_registry.models import JobSchedule, RegisteredJob, Suspension

OPEN = SuspensionOutcomeChoices.SUSPENDED
RESTORED = SuspensionOutcomeChoices.RESTORED
# What is written where something that is suspended was switched on and is switched off again.
AGAIN = ["previous_state", "suspended_state", "suspended_at"]


def restores() -> bool:
    """Return whether what was switched off comes back by itself, as the setting says."""
    return bool(settings.PLUGINS_CONFIG[APP_NAME]["restore_dependents"])


# Planning


@dataclass(frozen=True)
class _Known:
    """What the registry holds about the dependents of one job."""

    open: list[SuspensionRecord] = field(default_factory=list)
    left_alone: set[UUID] = field(default_factory=set)


def with_dependents(plan: Plan, state: RegistryState, scope: Source | None) -> Plan:
    """Return a plan with what happens to the schedules, hooks and buttons of its jobs.

    Costs one statement where no job went away or has anything suspended, and else a number that does not depend on how
    many there are.

    Args:
        plan: What is to be done to the records.
        state: What the database holds.
        scope: The one source that is read, or None where all of them are.
    """
    jobs = _situations(plan, state, scope)
    if not jobs:
        return plan
    known = _known(jobs)
    open_ones = [suspension for of_job in known.values() for suspension in of_job.open]
    removed = [job.core_job for job in jobs if job.is_removed and job.core_job]
    by_kind = _keys_by_kind((suspension.kind, suspension.object_id) for suspension in open_ones)
    found = core_bridge.read_dependents(removed, by_kind)
    by_id = {dependent.id: dependent for dependent in found}
    by_job: dict[UUID | None, list[Dependent]] = defaultdict(list)
    for dependent in found:
        by_job[dependent.core_job].append(dependent)
    actions: list[DependentAction] = []
    for job in jobs:
        of_job = known[job.key]
        suspended = [by_id[row.object_id] for row in of_job.open if row.object_id in by_id]
        dependents = [*suspended, *(by_job[job.core_job] if job.core_job else ())]
        actions += decide(job, dependents, of_job.open, left_alone=of_job.left_alone, restores=restores())
    actions.sort(key=lambda action: (action.key, action.dependent_kind.value, action.name, str(action.object_id)))
    return replace(plan, dependents=tuple(actions))


def _keys_by_kind(pairs: Iterable[tuple[DependentKind, UUID]]) -> dict[DependentKind, set[UUID]]:
    keys: dict[DependentKind, set[UUID]] = defaultdict(set)
    for kind, key in pairs:
        keys[kind].add(key)
    return keys


def _situations(plan: Plan, state: RegistryState, scope: Source | None) -> list[JobSituation]:
    """Return the jobs whose dependents have to be looked at, as the plan leaves them."""
    removed = [record.id for record in state.jobs.values() if record.is_removed]
    looked_at = core_bridge.jobs_with_dependents_to_look_at(removed)
    actions = {action.key: action for action in plan.jobs}
    keys = {action.key for action in plan.jobs if _is_removal(action)}
    if looked_at:
        records = state.jobs.items()
        keys |= {key for key, record in records if record.id in looked_at and scope in (None, record.source)}
    if not keys:
        return []
    core = _core_jobs([state.jobs[key].id for key in keys if key in state.jobs])
    return [_situation(key, actions.get(key), state, core) for key in sorted(keys)]


def _is_removal(action: JobAction) -> bool:
    """Return whether an action finds that a job is gone for good."""
    if action.columns.get("absence") != Absence.REMOVED.value:
        return False
    return action.kind is ActionKind.REGISTER or any(change.field == "absence" for change in action.changes)


def _core_jobs(record_ids: Collection[UUID]) -> dict[UUID, tuple[UUID | None, bool]]:
    """Return the key of core's row of each record, and whether it says that the job is installed."""
    rows = RegisteredJob.objects.order_by().filter(pk__in=record_ids)
    values = rows.values_list("pk", "core_job_id", "core_job__installed")
    return {pk: (core_job, bool(installed)) for pk, core_job, installed in values}


def _situation(
    key: JobKey, action: JobAction | None, state: RegistryState, core: Mapping[UUID, tuple[UUID | None, bool]]
) -> JobSituation:
    record = state.jobs.get(key)
    columns = action.columns if action else record.columns if record else {}
    core_job, core_installed = core.get(record.id, (None, False)) if record else (None, False)
    if "core_job" in columns and columns["core_job"] != core_job:
        # A row that core has just made anew is one of a class that it found.
        core_job, core_installed = columns["core_job"], columns["installed"]
    return JobSituation(
        key=key,
        record_id=record.id if record else None,
        core_job=core_job,
        installed=columns["installed"],
        core_installed=core_installed,
        absence=columns["absence"],
        is_job_hook_receiver=columns["is_job_hook_receiver"],
        is_job_button_receiver=columns["is_job_button_receiver"],
    )


def _known(jobs: Sequence[JobSituation]) -> dict[JobKey, _Known]:
    """Read the open suspensions of jobs, and those that a person ended during this absence, in one statement."""
    by_record = {job.record_id: job.key for job in jobs if job.record_id}
    by_path = {".".join(job.key): job.key for job in jobs if not job.record_id}
    mine = Q(job__in=list(by_record))
    if by_path:
        mine |= Q(job=None, class_path__in=list(by_path))
    changed = Q(outcome=SuspensionOutcomeChoices.CHANGED, restored_at__gte=F("job__uninstalled_at"))
    rows = Suspension.objects.filter(mine, Q(outcome=OPEN) | changed).select_related("object_type")
    known: dict[JobKey, _Known] = {job.key: _Known() for job in jobs}
    for row in rows.order_by("suspended_at", "pk"):
        of_job = known[by_record[row.job_id] if row.job_id else by_path[row.class_path]]
        if row.outcome == OPEN:
            of_job.open.append(_record(row))
        else:
            of_job.left_alone.add(row.object_id)
    return known


def _record(row: Suspension) -> SuspensionRecord:
    return SuspensionRecord(
        id=row.pk,
        kind=DependentKind(row.object_type.model),
        object_id=row.object_id,
        name=row.object_name,
        reason=row.reason,
        suspended_state=row.suspended_state,
        suspended_at=row.suspended_at,
    )


# Carrying out


def carry_out(actions: Sequence[DependentAction], *, now: datetime, user: Any = None, detail: str = "") -> None:
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
    found = core_bridge.enabled_schedules(by_core.keys(), by_id.keys())
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


def _suspend(
    actions: Sequence[DependentAction],
    records: Mapping[JobKey, UUID],
    now: datetime,
    user: Any,
    detail: str,
    wait: bool = False,
) -> None:
    if not actions:
        return
    done = core_bridge.switch_off([action.dependent for action in actions], user=user, detail=detail, wait=wait)
    made, again = [], []
    for action in actions:
        if action.object_id in done:
            row = _row(action.dependent, action.class_path, SuspensionOriginChoices.REGISTRY, now)
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
    by_suspension = {action.suspension_id: action.dependent for action in actions}
    rows = Suspension.objects.filter(pk__in=list(by_suspension))
    previous = {row.object_id: row.previous_state for row in rows}
    done = core_bridge.switch_on(by_suspension.values(), previous, user=user, detail=detail)
    end([pk for pk, dependent in by_suspension.items() if dependent.id in done], RESTORED, now)


def _close(actions: Sequence[DependentAction], now: datetime) -> None:
    endings: dict[str, list[UUID]] = defaultdict(list)
    for action in actions:
        endings[action.ending.value].append(action.suspension_id)
    for ending, suspension_ids in endings.items():
        end(suspension_ids, ending, now)


def end(suspension_ids: Sequence[UUID], outcome: str, now: datetime, user: Any = None) -> None:
    """Note how suspensions ended.

    Args:
        suspension_ids: Their primary keys.
        outcome: One of `SuspensionOutcomeChoices`.
        now: When they ended.
        user: Who ended them by hand, if anybody did.
    """
    Suspension.objects.filter(pk__in=suspension_ids).update(outcome=outcome, restored_at=now, restored_by=user)


# What core does


def record_switching_off(job: Any) -> None:
    """Record what core is about to switch off as it saves its row of a job that is not installed.

    Why the job is absent is known at the next reconcile only, which then notes it.

    Args:
        job: Core's row, as it has just been stored.
    """
    dependents = core_bridge.about_to_be_switched_off(job)
    if not dependents:
        return
    records = RegisteredJob.objects.filter(module_name=job.module_name, job_class_name=job.job_class_name)
    record = records.only("absence").first()
    now = timezone.now()
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
