"""What happens to the schedules, hooks and buttons of jobs as their jobs go and come (rule 18)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from nautobot_job_registry.core_bridge import dependents as core_dependents
from nautobot_job_registry.core_bridge.dependents import has_dependents_that_are_on
from nautobot_job_registry.engine.decisions import INSTALLED
from nautobot_job_registry.engine.dependents import Dependent, DependentAction, DependentKind
from nautobot_job_registry.engine.descriptor import Absence, Source
from nautobot_job_registry.engine.plan import ActionKind, JobAction, concerns
from nautobot_job_registry.engine.records import JobKey, RegistryState
from nautobot_job_registry.lifecycle.suspensions.rules import JobSituation, SuspensionRecord, decide_dependents
from nautobot_job_registry.models import RegisteredJob, Suspension
from nautobot_job_registry.models.choices import SuspensionOutcomeChoices
from nautobot_job_registry.models.constants import APP_NAME

OPEN = SuspensionOutcomeChoices.SUSPENDED


def restores_dependents() -> bool:
    """Return whether what was switched off comes back by itself, as the setting says."""
    return bool(settings.PLUGINS_CONFIG[APP_NAME]["restore_dependents"])


# Planning


def jobs_with_dependents_to_look_at(removed: Collection[UUID]) -> set[UUID]:
    """Return the records with an open suspension, and the removed ones with dependents that are on: one statement.

    Args:
        removed: The primary keys of the records whose class was removed; the dependents of others are not looked for.
    """
    suspended = Suspension.objects.filter(outcome=SuspensionOutcomeChoices.SUSPENDED, job__isnull=False)
    wanted = Q(pk__in=suspended.order_by().values("job"))
    if removed:
        wanted |= Q(pk__in=removed) & has_dependents_that_are_on()
    return set(RegisteredJob.objects.order_by().filter(wanted).values_list("pk", flat=True))


@dataclass(frozen=True)
class _Known:
    """What the registry holds about the dependents of one job."""

    open: list[SuspensionRecord] = field(default_factory=list)
    left_alone: set[UUID] = field(default_factory=set)


def plan_dependents(
    jobs: Sequence[JobAction], *, state: RegistryState, scope: Source | None
) -> tuple[DependentAction, ...]:
    """Return what happens to schedules, hooks and buttons as a plan changes their jobs.

    Costs one statement where no job went away or has anything suspended, and else a number that does not depend on how
    many there are.

    Args:
        jobs: What is to be done to the records.
        state: What the database holds.
        scope: The one source that is read, or None where all of them are.
    """
    return decided_dependents(_situations(jobs, state, scope))


def situation_of(job: RegisteredJob) -> JobSituation:
    """Return what is true of a job, as its record and core's row of it say."""
    return JobSituation(
        key=(job.module_name, job.job_class_name),
        record_id=job.pk,
        core_job=job.core_job_id,
        installed=job.installed,
        core_installed=job.core_job is not None and job.core_job.installed,
        absence=job.absence,
        is_job_hook_receiver=job.is_job_hook_receiver,
        is_job_button_receiver=job.is_job_button_receiver,
    )


def decided_dependents(jobs: Sequence[JobSituation]) -> tuple[DependentAction, ...]:
    """Decide about the dependents of jobs: four statements at the least, and the same for however many there are."""
    if not jobs:
        return ()
    known = _known(jobs)
    open_ones = [suspension for of_job in known.values() for suspension in of_job.open]
    removed = [job.core_job for job in jobs if job.is_removed and job.core_job]
    by_kind = _keys_by_kind((suspension.kind, suspension.object_id) for suspension in open_ones)
    found = core_dependents.read_dependents(removed, by_kind)
    by_id = {dependent.id: dependent for dependent in found}
    by_job: dict[UUID | None, list[Dependent]] = defaultdict(list)
    for dependent in found:
        by_job[dependent.core_job].append(dependent)
    actions: list[DependentAction] = []
    for job in jobs:
        of_job = known[job.key]
        suspended = [by_id[row.object_id] for row in of_job.open if row.object_id in by_id]
        dependents = [*suspended, *(by_job[job.core_job] if job.core_job else ())]
        actions += decide_dependents(
            job, dependents, of_job.open, left_alone=of_job.left_alone, restores=restores_dependents()
        )
    actions.sort(key=lambda action: (action.key, action.dependent_kind.value, action.name, str(action.object_id)))
    return tuple(actions)


def _keys_by_kind(pairs: Iterable[tuple[DependentKind, UUID]]) -> dict[DependentKind, set[UUID]]:
    keys: dict[DependentKind, set[UUID]] = defaultdict(set)
    for kind, key in pairs:
        keys[kind].add(key)
    return keys


def _situations(jobs: Sequence[JobAction], state: RegistryState, scope: Source | None) -> list[JobSituation]:
    """Return the jobs whose dependents have to be looked at, as the plan leaves them."""
    removed = [record.id for record in state.jobs.values() if record.is_removed]
    looked_at = jobs_with_dependents_to_look_at(removed)
    actions = {action.key: action for action in jobs}
    keys = {action.key for action in jobs if _is_removal(action)}
    if looked_at:
        records = state.jobs.items()
        keys |= {key for key, record in records if record.id in looked_at and concerns(scope, record)}
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
    if action and INSTALLED in action.core_columns:
        core_installed = action.core_columns[INSTALLED]
    return JobSituation(
        key=key,
        record_id=record.id if record else None,
        core_job=core_job,
        installed=columns["installed"],
        core_installed=core_installed,
        absence=columns["absence"],
        is_job_hook_receiver=columns["is_job_hook_receiver"],
        is_job_button_receiver=columns["is_job_button_receiver"],
        is_just_removed=action is not None and _is_removal(action),
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
