"""Core's schedules, job hooks and job buttons: what they say, and how they go off, come back or go (rule 18)."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from datetime import timezone as zones
from functools import partial
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from nautobot.extras.choices import (
    JobExecutionType,
    ObjectChangeActionChoices,
    ObjectChangeEventContextChoices,
)
from nautobot.extras.constants import CHANGELOG_MAX_CHANGE_CONTEXT_DETAIL
from nautobot.extras.models import Job, JobButton, JobHook, JobResult, ObjectChange, ScheduledJob, ScheduledJobs
from nautobot.extras.signals import change_context_state

from nautobot_job_registry.core_bridge import change_log
from nautobot_job_registry.core_bridge.rows import is_our_own_write
from nautobot_job_registry.engine.dependents import ACTIVE, Dependent, DependentKind
from nautobot_job_registry.models.constants import BATCH_SIZE

DEPENDENT_MODELS = {DependentKind.SCHEDULE: ScheduledJob, DependentKind.HOOK: JobHook, DependentKind.BUTTON: JobButton}
# The name of the column that points at core's job.
JOB_COLUMNS = {DependentKind.SCHEDULE: "job_model", DependentKind.HOOK: "job", DependentKind.BUTTON: "job"}
# Nautobot has states of schedules since 3.1.
HAS_STATE = any(field.name == "state" for field in ScheduledJob._meta.fields)
TYPES = {
    DependentKind.HOOK: ("type_create", "type_update", "type_delete"),
    DependentKind.BUTTON: ("confirmation",),
}
# A schedule is due from the minute in which it begins: the scheduler counts from the minute before.
A_MINUTE = timedelta(minutes=1)


def dependent_kind(model: type[models.Model]) -> DependentKind:
    """Return the kind of the dependents of a model of core's."""
    return DependentKind(model._meta.model_name)


def has_dependents_that_are_on() -> Q:
    """Return the query for the records whose job has schedules, hooks or buttons that are on and can run it."""
    switched_on = Exists(_enabled(DependentKind.SCHEDULE))
    switched_on |= Q(is_job_hook_receiver=True) & Exists(_enabled(DependentKind.HOOK))
    switched_on |= Q(is_job_button_receiver=True) & Exists(_enabled(DependentKind.BUTTON))
    return switched_on


def _enabled(kind: DependentKind) -> models.QuerySet:
    return DEPENDENT_MODELS[kind].objects.order_by().filter(enabled=True, **{JOB_COLUMNS[kind]: OuterRef("core_job")})


def read_dependents(
    core_jobs: Collection[UUID], others: Mapping[DependentKind, Collection[UUID]], *, now: datetime | None = None
) -> list[Dependent]:
    """Read the enabled dependents of jobs, and others by their keys: at most two statements for each kind.

    Args:
        core_jobs: The primary keys of core's rows of the jobs.
        others: The primary keys of the other dependents to read, by kind.
        now: The time from which the next runs are told.
    """
    found: list[Dependent] = []
    for kind in DependentKind:
        wanted = Q(pk__in=list(others.get(kind, ())))
        if core_jobs:
            wanted |= Q(**{f"{JOB_COLUMNS[kind]}__in": list(core_jobs), "enabled": True})
        elif not others.get(kind):
            continue
        found += _described(kind, DEPENDENT_MODELS[kind].objects.filter(wanted).order_by("name"), now or timezone.now())
    return found


def enabled_schedules(core_jobs: Collection[UUID], records: Collection[UUID]) -> list[Dependent]:
    """Return the schedules of jobs that are on, also those that only their anchor still ties to one, in one statement.

    Args:
        core_jobs: The primary keys of core's rows of the jobs.
        records: The primary keys of the records of the jobs.
    """
    of_jobs = Q(job_model__in=core_jobs) | Q(job_model=None, registry_schedule__job__in=records)
    rows = ScheduledJob.objects.filter(of_jobs, enabled=True).order_by("name")
    return _described(DependentKind.SCHEDULE, rows, timezone.now())


def about_to_be_switched_off(job: Job) -> list[Dependent]:
    """Return what core is going to switch off as it saves its row of a job; nothing where the job is installed.

    Args:
        job: Core's row, which has just been stored. What hangs on it is switched off after that.
    """
    if job.installed or is_our_own_write():
        return []
    kinds = [DependentKind.SCHEDULE]
    kinds += [DependentKind.HOOK] if job.is_job_hook_receiver else []
    kinds += [DependentKind.BUTTON] if job.is_job_button_receiver else []
    found: list[Dependent] = []
    for kind in kinds:
        rows = DEPENDENT_MODELS[kind].objects.filter(enabled=True, **{JOB_COLUMNS[kind]: job.pk})
        found += _described(kind, rows, timezone.now())
    return found


def _described(kind: DependentKind, rows: Iterable[Any], now: datetime) -> list[Dependent]:
    if kind is DependentKind.SCHEDULE:
        return [_schedule(row, now) for row in rows]
    found = list(rows)
    object_types = _object_types(DEPENDENT_MODELS[kind], [row.pk for row in found])
    return [_hook_or_button(kind, row, object_types.get(row.pk, [])) for row in found]


def _schedule(row: ScheduledJob, now: datetime) -> Dependent:
    state = {
        "enabled": row.enabled,
        "interval": row.interval,
        "crontab": row.crontab,
        "one_off": row.one_off,
        "start_time": _moment(row.start_time),
        "decision_date": _moment(getattr(row, "decision_date", None)),
        # The inputs of a job can be secret.
        "inputs": _digest(row.kwargs),
    }
    if HAS_STATE:
        state["state"] = row.state
    overdue = bool(row.interval == JobExecutionType.TYPE_FUTURE and row.start_time and row.start_time <= now)
    return Dependent(
        DependentKind.SCHEDULE,
        row.pk,
        row.name,
        row.job_model_id,
        state,
        changed_at=row.date_changed,
        next_run=next_run(row, now),
        is_overdue=overdue,
    )


def _hook_or_button(kind: DependentKind, row: Any, object_types: list[str]) -> Dependent:
    state = {
        "enabled": row.enabled,
        "content_types": object_types,
        **{name: getattr(row, name) for name in TYPES[kind]},
    }
    return Dependent(kind, row.pk, row.name, row.job_id, state, changed_at=row.last_updated)


def _object_types(model: type[models.Model], keys: list[UUID]) -> dict[UUID, list[str]]:
    names: dict[UUID, list[str]] = defaultdict(list)
    if keys:
        through, owner = model.content_types.through.objects.order_by(), model._meta.model_name
        columns = (f"{owner}_id", "contenttype__app_label", "contenttype__model")
        for key, app_label, name in through.filter(**{f"{owner}_id__in": keys}).values_list(*columns):
            names[key].append(f"{app_label}.{name}")
    return {key: sorted(found) for key, found in names.items()}


def _moment(value: datetime | None) -> str | None:
    return value.astimezone(zones.utc).isoformat() if value else None


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, cls=DjangoJSONEncoder, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def next_run(row: ScheduledJob, now: datetime) -> datetime | None:
    """Return when a schedule would run next, counted as the scheduler counts; None where that cannot be told."""
    if row.interval == JobExecutionType.TYPE_FUTURE:
        return row.start_time if row.start_time > now else None
    try:
        begin = max(now, row.start_time - A_MINUTE).astimezone(row.time_zone)
        start, ends_in, _ = row.to_cron().remaining_delta(begin)
    except (ValueError, TypeError, RuntimeError):  # it makes no sense, or names a day that never comes
        return None
    return start + ends_in


def switch_off(dependents: Iterable[Dependent], *, user: Any = None, detail: str = "", wait: bool = False) -> set[UUID]:
    """Switch dependents off as core would, and return the primary keys of those that were.

    Args:
        dependents: What is to be switched off, as it was read. What has changed since, or is being changed by another
            transaction, stays as it is and is for the next reconcile.
        user: Who is named in the change log, if anybody.
        detail: What is said in the change log about the occasion.
        wait: Whether another transaction is waited for that is just writing one of them, as no reconcile comes by.
    """
    rows = _unchanged(dependents, wait=wait)
    for row in rows[DependentKind.SCHEDULE]:
        row.enabled, row.last_run_at = False, None
        if HAS_STATE and row.state == ACTIVE:
            row.state = "completed"
    return _written(rows, user, detail)


def switch_on(
    dependents: Iterable[Dependent], previous: Mapping[UUID, Mapping[str, Any]], *, user: Any = None, detail: str = ""
) -> set[UUID]:
    """Switch dependents on again, and return the primary keys of those that were.

    A schedule goes on from now: what it has missed it does not catch up with.

    Args:
        dependents: What is to be switched on, as it was read; see `switch_off`.
        previous: The state of each before it was switched off, by its primary key.
        user: Who is named in the change log, if anybody.
        detail: What is said in the change log about the occasion.
    """
    rows, now = _unchanged(dependents), timezone.now()
    for row in rows[DependentKind.SCHEDULE]:
        row.enabled = True
        row.last_run_at = now if row.start_time <= now and row.interval != JobExecutionType.TYPE_FUTURE else None
        if HAS_STATE:
            row.state = previous.get(row.pk, {}).get("state", ACTIVE)
    return _written(rows, user, detail, enabled=True)


def _unchanged(dependents: Iterable[Dependent], *, wait: bool = False) -> dict[DependentKind, list[Any]]:
    """Lock the rows that still are as they were read, and that nobody else is writing.

    A reconcile waits for nobody: a Git sync holds its schedules while it waits for our lock.
    """
    by_kind: dict[DependentKind, dict[UUID, Dependent]] = {kind: {} for kind in DependentKind}
    for dependent in dependents:
        by_kind[dependent.kind][dependent.id] = dependent
    return {kind: _locked(kind, wanted, wait) if wanted else [] for kind, wanted in by_kind.items()}


def _locked(kind: DependentKind, wanted: Mapping[UUID, Dependent], wait: bool) -> list[Any]:
    skip = connection.features.has_select_for_update_skip_locked and not wait
    rows = DEPENDENT_MODELS[kind].objects.filter(pk__in=list(wanted)).order_by("pk")
    found = list(rows.select_for_update(skip_locked=skip))
    states = {now.id: now.state for now in _described(kind, found, timezone.now())}
    return [row for row in found if states[row.pk] == wanted[row.pk].state]


def _written(rows: Mapping[DependentKind, list[Any]], user: Any, detail: str, *, enabled: bool = False) -> set[UUID]:
    """Store rows: schedules in bulk, as only the scheduler follows them, and the others one by one, by core's way."""
    _write_schedules(rows[DependentKind.SCHEDULE])
    others = [*rows[DependentKind.HOOK], *rows[DependentKind.BUTTON]]
    for row in others:
        row.enabled = enabled
        row.save()
    _log(others, user, detail)
    return {row.pk for found in rows.values() for row in found}


def _write_schedules(rows: list[ScheduledJob]) -> None:
    if not rows:
        return
    now = timezone.now()
    for row in rows:
        row.date_changed = now
    columns = ["enabled", "last_run_at", "date_changed", *(["state"] if HAS_STATE else [])]
    ScheduledJob.objects.bulk_update(rows, columns, batch_size=BATCH_SIZE)
    # The scheduler reads the schedules anew where this row says so, which has to be after they can be seen.
    transaction.on_commit(partial(ScheduledJobs.update_changed), robust=True)


def _log(rows: list[Any], user: Any, detail: str) -> None:
    """Make entries in the change log, where core does not: it does in requests and jobs only."""
    if not rows or change_context_state.get() is not None:
        return
    request_id, entries = uuid.uuid4(), []
    for row in rows:
        entry = row.to_objectchange(ObjectChangeActionChoices.ACTION_UPDATE)
        entry.request_id, entry.user, entry.user_name = request_id, user, user.username if user else ""
        entry.change_context = ObjectChangeEventContextChoices.CONTEXT_ORM
        entry.change_context_detail = detail[:CHANGELOG_MAX_CHANGE_CONTEXT_DETAIL]
        entries.append(entry)
    ObjectChange.objects.bulk_create(entries, batch_size=BATCH_SIZE)


def permitted_dependents(user: Any, keys: Mapping[DependentKind, Collection[UUID]]) -> set[UUID]:
    """Return those schedules, hooks and buttons that a user may change, in one statement for each kind.

    Args:
        user: Who asks.
        keys: The primary keys, by kind.
    """
    permitted: set[UUID] = set()
    for kind, wanted in keys.items():
        rows = DEPENDENT_MODELS[kind].objects.restrict(user, "change").filter(pk__in=list(wanted))
        permitted.update(rows.values_list("pk", flat=True))
    return permitted


def delete_core_row(job_id: UUID) -> None:
    """Delete core's row of a job: links of runs and schedules become null, hooks and buttons go with it.

    Core's own `delete()` refuses the jobs that Nautobot brings, also those that are no longer there; this does not.
    """
    delete_core_rows([job_id])


def delete_core_rows(job_ids: Collection[UUID]) -> None:
    """Delete core's rows of many jobs, as `delete_job` does; each row that goes is logged (rules 9 and 19)."""
    with change_log.logged_at_once():
        QuerySet.delete(Job.objects.filter(pk__in=job_ids))


def dependents_of(job_ids: Collection[UUID], record_ids: Collection[UUID] = ()) -> dict[str, QuerySet]:
    """Return what hangs on core's rows of jobs, kind by kind.

    Args:
        job_ids: The primary keys of core's rows.
        record_ids: The primary keys of records, to have the schedules that only their anchor still ties to one.
    """
    schedules = Q(job_model__in=job_ids)
    if record_ids:
        schedules |= Q(job_model=None, registry_schedule__job__in=record_ids)
    return {
        "runs": JobResult.objects.filter(job_model__in=job_ids),
        "schedules": ScheduledJob.objects.filter(schedules),
        "job_hooks": JobHook.objects.filter(job__in=job_ids),
        "job_buttons": JobButton.objects.filter(job__in=job_ids),
    }


def dependents_by_job(job_ids: Collection[UUID]) -> dict[str, dict[UUID, int]]:
    """Return how many objects of each kind hang on each of core's rows of jobs, in one statement for each kind.

    Args:
        job_ids: The primary keys of core's rows.
    """
    counts = {}
    for kind, objects in dependents_of(job_ids).items():
        link = "job" if kind in ("job_hooks", "job_buttons") else "job_model"
        counts[kind] = dict(objects.order_by().values_list(link).annotate(number=Count("pk")))
    return counts
