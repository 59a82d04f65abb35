"""What is decided on one side is in force on the other, in the same transaction (rule 16).

Whoever saves a job locks core's row first and the record then, so that two people who edit the two sides at once wait
for each other: each finds what the other has decided, and the sides agree afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.signals import post_save
from nautobot.extras.models import Job

from nautobot_job_registry.core_bridge.change_log import log_last
from nautobot_job_registry.core_bridge.host import all_or_nothing
from nautobot_job_registry.core_bridge.links import link_runs_and_schedules
from nautobot_job_registry.core_bridge.rows import (
    OURS_ALONE,
    SHARED_FIELDS,
    SHARED_FLAGS,
    SHARED_VALUES,
    core_state,
    is_our_own_write,
    our_own_writes,
    queues_by_name,
)
from nautobot_job_registry.engine.decisions import Decisions, changed_overrides, merge_decisions
from nautobot_job_registry.engine.fields import FLAG_FIELDS, OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.engine.names import is_cores_doing, numbered
from nautobot_job_registry.engine.records import CoreState, undecided
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.choices import OverrideOriginChoices
from nautobot_job_registry.models.field_override import overrides_come_from
from nautobot_job_registry.models.sql import locked

NOTED = "_registry_noted"
BEFORE = "_registry_before"
LOCKED = "_registry_locked_core_job"


def _decisions(record: RegisteredJob) -> dict[str, Any]:
    """Return what a record has decided, with the default queue among the queues, where it will be when it is saved."""
    overrides = record.overrides
    if record.chosen_queues is not None:
        overrides["job_queues"] = record.chosen_queues
    if "job_queues" in overrides and record.default_job_queue:
        overrides["job_queues"] = sorted({*overrides["job_queues"], record.default_job_queue.name})
    return {**undecided(record.enabled), "overrides": overrides}


def _known(record: RegisteredJob) -> dict[str, Any]:
    return record.core_decisions or undecided(False)


# From the registry to core


def agree_before_saving(record: RegisteredJob) -> None:
    """Lock core's row before a record is saved that decides anything, and take over what nobody told us of there.

    Args:
        record: The record, before it is saved.
    """
    record.__dict__.pop(LOCKED, None)
    record.chosen_queues = None
    record.fields_of_core = frozenset()
    if is_our_own_write():
        return
    record.colliding_fields = frozenset()
    if not record.core_job_id or record._state.adding:
        return
    known = _known(record)
    ours = _decisions(record)
    if ours == known:
        return
    job = _locked(record.core_job_id)
    if job is None:
        # Somebody has deleted it meanwhile: the next reconcile finds or makes another one.
        record.core_job = None
        return
    record.__dict__[LOCKED] = job
    state = _state(job, record)
    record.is_ledger_known = state.decisions == known
    if not record.is_ledger_known:
        ours_first = {*changed_overrides(known["overrides"], ours["overrides"])}
        if ours["enabled"] != known["enabled"]:
            ours_first.add("enabled")
        merged = merge_decisions(Decisions(ours["enabled"], ours["overrides"]), known, state, ours_first=ours_first)
        _decide(record, merged)
        news = changed_overrides(known["overrides"], state.decisions["overrides"])
        record.fields_of_core = frozenset(news) - ours_first
        if "job_queues" in merged.values and merged.values["job_queues"] != ours["overrides"].get("job_queues"):
            record.chosen_queues = list(merged.values["job_queues"])
    _keep_name_free(record, job)
    record.core_decisions = _decisions(record)


def _locked(job_id: Any) -> Job | None:
    rows = Job.objects.select_related("default_job_queue")
    if connection.in_atomic_block:
        rows = locked(rows)
    return rows.filter(pk=job_id).first()


def _keep_name_free(record: RegisteredJob, job: Job) -> None:
    """Number a name that core has given to another job, as core does: it knows each name once only."""
    name = record.name
    if name == job.name:
        return
    others = Job.objects.exclude(pk=job.pk)
    if not others.filter(name=name).exists():
        return
    taken = set(others.filter(name__startswith=name[:90]).values_list("name", flat=True))
    if not record.name_override:
        record.colliding_fields = {"name"}
    record.name, record.name_override = numbered(name, taken), True


def push_decisions(record: RegisteredJob) -> None:
    """Write to core's row what a record has decided otherwise; no job code is loaded.

    Args:
        record: The record, as it has been saved.
    """
    job = record.__dict__.pop(LOCKED, None)
    if is_our_own_write() or job is None:
        return
    with our_own_writes():
        _agree(job, record)
    log_last(job)


def _agree(job: Job, record: RegisteredJob, *, requeued: bool = False) -> None:
    """Write to core's row each column that it has otherwise than the record, and its queues where they may differ."""
    columns = {}
    for name in (*SHARED_VALUES, *SHARED_FLAGS, "enabled"):
        if getattr(job, name) != getattr(record, name):
            columns[name] = getattr(record, name)
    if record.default_job_queue_id and job.default_job_queue_id != record.default_job_queue_id:
        columns["default_job_queue"] = record.default_job_queue
    if columns:
        _write(job, columns)
    if requeued or record.job_queues_override or {"job_queues_override", "default_job_queue"} & columns.keys():
        wanted = record.job_queues.all()
        if wanted:
            job.job_queues.set(wanted)


def _write(job: Job, columns: Mapping[str, Any]) -> None:
    """Write some columns as `Job.save()` does, so that all who listen are told, without what it does beside that.

    It would switch off what hangs on a job that is not installed, of which the removal decides alone (rule 18), write
    the columns that somebody else may have changed, and read the row twice more before.
    """
    for name, value in columns.items():
        setattr(job, name, value)
    job.last_updated = job._meta.get_field("last_updated").pre_save(job, add=False)
    Job.objects.filter(pk=job.pk).update(**columns, last_updated=job.last_updated)
    fields = frozenset({*columns, "last_updated"})
    post_save.send(sender=Job, instance=job, created=False, raw=False, using=job._state.db, update_fields=fields)


# From core to the registry


def note_core_row(job: Job) -> None:
    """Keep in mind what a row of core's says as it is read, without reading more of it."""
    job.__dict__[NOTED] = _said(job)


def _said(job: Job) -> tuple[Any, ...]:
    """Return what is decided in a row of core's, as far as its own columns tell it."""
    values = job.__dict__
    flags = tuple(name for name in OVERRIDABLE_FIELDS if values.get(override_flag(name)))
    columns = ("default_job_queue_id" if name == "default_job_queue" else name for name in flags)
    return values.get("enabled"), flags, tuple(values.get(name) for name in columns)


def decides_anything(job: Job) -> bool:
    """Say whether anything is decided in a row of core's that was not when it was read."""
    return not is_our_own_write() and not job._state.adding and job.__dict__.get(NOTED) != _said(job)


def look_at_core_row(job: Job) -> None:
    """Lock core's row before somebody saves it who decides anything, and keep in mind what it says in the database.

    Where that is not what the row said when it was read, somebody else has decided in between, and is not overruled by
    columns that are only old.

    Args:
        job: Core's row, before it is saved.
    """
    stored = _locked(job.pk)
    if stored is not None:
        _keep_what_is_newer(job, stored)


def _keep_what_is_newer(job: Job, stored: Job) -> None:
    """Let columns that were not touched since they were read say what has been stored meanwhile."""
    noted = job.__dict__.get(NOTED)
    if noted is None or noted == stored.__dict__.get(NOTED):
        return
    enabled, flags, values = noted
    before = dict(zip(flags, values, strict=True))
    if job.enabled == enabled:
        job.enabled = stored.enabled
    for name in SHARED_FIELDS:
        column = "default_job_queue_id" if name == "default_job_queue" else name
        is_flagged = getattr(job, override_flag(name))
        is_touched = is_flagged != (name in before) or (
            is_flagged and name != "job_queues" and job.__dict__.get(column) != before[name]
        )
        if not is_touched and name != "job_queues":
            setattr(job, override_flag(name), getattr(stored, override_flag(name)))
            setattr(job, column, getattr(stored, column))


def pull_decisions(job: Job, *, source_name: str | None = None) -> None:
    """Take over what was decided in core's row, with the record's own decisions kept.

    Args:
        job: Core's row, as it has been saved.
        source_name: The name that the class has as it is loaded, by which core goes; None where it is not loaded.
    """
    note_core_row(job)
    if is_our_own_write():
        return
    records = RegisteredJob.objects.select_related("current_revision", "default_job_queue")
    rows = locked(records.defer("current_revision__source_code"))
    with all_or_nothing():
        # What is stored counts: not all that the instance says has been saved, and somebody may have been quicker.
        stored = _locked(job.pk)
        if stored is None:
            return
        record = rows.filter(core_job=job.pk).first()
        is_met = record is None
        if record is None:
            record = _meet(rows, job)
        if record is None:
            return
        state, known = _state(stored, record), _known(record)
        if state.decisions != known:
            # Core leaves a queue among the others that is not the default one any more.
            changed = changed_overrides(known["overrides"], state.decisions["overrides"])
            requeued = not {"job_queues", "default_job_queue"}.isdisjoint(changed)
            said = record.source_values.get("name", "") if source_name is None else source_name
            is_collision = not record.name_override and is_cores_doing(job.name, said, record.name)
            decisions = merge_decisions(Decisions(record.enabled, record.overrides), known, state)
            record.colliding_fields = {"name"} if is_collision and "name" in decisions.values else set()
            _take_over(record, decisions, job, requeued)
            if is_met:
                link_runs_and_schedules({record.pk})


def _meet(rows: QuerySet, job: Job) -> RegisteredJob | None:
    """Return the record of a row that core has made anew, pointed at it: what is decided there now is a person's."""
    record = rows.filter(core_job=None, module_name=job.module_name, job_class_name=job.job_class_name).first()
    if record is not None:
        record.core_job, record.core_decisions = job, undecided(False)
    return record


def _take_over(record: RegisteredJob, decisions: Decisions, job: Job, requeued: bool) -> None:
    _decide(record, decisions)
    _keep_name_free(record, job)
    values = dict(decisions.values)
    if record.name_override:
        values["name"] = record.name
    with our_own_writes(), overrides_come_from(OverrideOriginChoices.CORE):
        record.core_decisions = {**undecided(decisions.enabled), "overrides": _plain(values)}
        record.save()
        if "job_queues" in decisions.values:
            record.job_queues.set(queues_by_name(decisions.values["job_queues"]).values())
        _agree(job, record, requeued=requeued)


def _decide(record: RegisteredJob, decisions: Decisions) -> None:
    """Let a record say what was decided; its queues are rows of their own."""
    record.enabled = decisions.enabled
    for field in OVERRIDABLE_FIELDS:
        setattr(record, override_flag(field), field in decisions.values)
    for field, value in decisions.values.items():
        if field == "default_job_queue":
            record.default_job_queue = queues_by_name([value]).get(value) if value else None
        elif field != "job_queues":
            setattr(record, field, value)
    record.restore_source_values()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON holds them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _state(job: Job, record: RegisteredJob) -> CoreState:
    """Return what a row of core's says; its queues are read only where somebody chose them."""
    queues: Collection[str] = ()
    if job.job_queues_override:
        queues = tuple(sorted(job.job_queues.values_list("name", flat=True)))
    names = (*SHARED_VALUES, *FLAG_FIELDS, *SHARED_FLAGS, "id", "module_name", "job_class_name", "enabled")
    values = {name: getattr(job, name) for name in names}
    values |= {f"registered_job__{name}": getattr(record, name) for name in OURS_ALONE}
    values["default_job_queue__name"] = job.default_job_queue.name
    values["registered_job__core_decisions"] = record.core_decisions
    return core_state(values, tuple(queues))
