"""What is asked of the database after each step of a walk: invariants, and whether all is as the oracle says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Q
from django.utils import timezone
from nautobot.extras.models import JobResult, ObjectChange, ScheduledJob

from development.chaos.oracle import TEMPORARY, JobState, Oracle, in_step
from development.chaos.world import World, said
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, override_flag
from nautobot_job_registry.models import (
    FieldOverride,
    JobRevision,
    JobRun,
    JobSchedule,
    Reconciliation,
    RegisteredJob,
    Suspension,
)

ROW_OF_QUEUE = "default_job_queue"
# What is told of the time before something was found.
SECONDS_BEFORE, SECONDS_LOOKED_BACK = 2.0, 40.0


class BrokenError(Exception):
    """Something does not hold; the text says what."""


def need(holds: Any, text: str) -> None:
    """Raise where something does not hold.

    Raises:
        BrokenError: Says what.
    """
    if not holds:
        raise BrokenError(text)


def always() -> Iterator[str]:
    """Yield what is wrong in the database, whatever was done before: nothing here is known of the steps."""
    twice = Suspension.objects.filter(outcome="suspended").values("object_id").annotate(n=Count("pk")).filter(n__gt=1)
    yield from (f"{row['n']} open suspensions of the object {row['object_id']}" for row in twice.order_by())
    numbers = JobRevision.objects.order_by().values("job").annotate(n=Count("pk"), last=Max("number"))
    yield from (
        f"revisions of {row['job']}: {row['n']}, the last {row['last']}" for row in numbers.exclude(n=F("last"))
    )
    # A record that is registered is written with its revision, or not at all.
    half = Q(installed=True, current_revision=None) | Q(current_revision__isnull=False) & ~Q(
        current_revision__job=F("pk")
    )
    yield from (f"{job.class_path} has no revision of its own" for job in RegisteredJob.objects.filter(half))
    apart = Q(installed=True) & ~Q(absence="") | Q(installed=False, absence="")
    yield from (
        f"{job.class_path}: installed {job.installed}, absence {job.absence!r}"
        for job in RegisteredJob.objects.filter(apart)
    )
    for model, anchors, link in ((JobResult, JobRun, "registry_run"), (ScheduledJob, JobSchedule, "registry_schedule")):
        lost = model.objects.filter(**{link: None}).count()
        if lost:
            yield f"{lost} rows of {model._meta.label} without {anchors._meta.label}"
    ledger: dict[Any, set[str]] = {}
    for job, name in FieldOverride.objects.order_by().values_list("job", "field"):
        ledger.setdefault(job, set()).add(name)
    for job in RegisteredJob.objects.exclude(module_name__startswith="nautobot."):
        if ledger.get(job.pk, set()) != set(job.overridden_fields):
            noted = sorted(ledger.get(job.pk, ()))
            told = f"{job.class_path} overrides {job.overridden_fields}, the ledger has {noted}"
            field = min({*noted} ^ {*job.overridden_fields})
            since = timezone.now() - timedelta(seconds=SECONDS_LOOKED_BACK)
            yield "\n    ".join([told, *what_happened(job.class_path, field, since)])


def both_sides(world: World, job: JobState) -> Iterator[str]:
    """Yield what the two sides of a job say otherwise, once they were compared."""
    record, core = world.record(job), world.core(job)
    if record is None or core is None:
        return
    if record.core_job_id != core.pk:
        yield f"{job.class_path}: the record does not point at core's row"
        return
    names = (*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled")
    for text in in_step((name, said(record, name), said(core, name)) for name in names):
        yield f"{job.class_path}, {text}"
    for side, row in (("the record", record), ("core's row", core)):
        queue = said(row, ROW_OF_QUEUE)
        if queue is None or queue not in said(row, "job_queues"):
            yield f"{job.class_path}: {side} has the default queue {queue} and the queues {said(row, 'job_queues')}"


def decisions(world: World, job: JobState) -> Iterator[str]:
    """Yield what is not in effect of what persons have decided about a job, or is though nobody has."""
    record, core = world.record(job), world.core(job)
    ledger = {row.field: row for row in record.field_overrides.all()} if record is not None else {}
    persons = {name for name, row in ledger.items() if row.origin != "collision"}
    if record is not None and persons != job.decided.keys():
        yield f"{job.class_path}: overridden are {sorted(persons)}, decided were {sorted(job.decided)}"
    rows = [("the record", record)] if record is not None else []
    if core is not None and (job.is_linked or record is None):
        rows.append(("core's row", core))
    for side, row in rows:
        if row.enabled != job.enabled:
            yield f"{job.class_path}: {side} has enabled={row.enabled}, decided was {job.enabled}"
        for name, value in job.decided.items():
            found = said(row, name)
            is_so = value <= found if name == "job_queues" else found == value
            if not is_so or not getattr(row, override_flag(name)):
                yield f"{job.class_path}: {side} says {name}={found!r}, decided was {value!r}"
    for name, reason in job.reasons.items():
        if name in ledger and ledger[name].reason != reason:
            yield f"{job.class_path}: the reason of {name} is {ledger[name].reason!r}, said was {reason!r}"


def dependents(world: World, job: JobState) -> Iterator[str]:
    """Yield which schedules, hooks and buttons are not on that should be, or are that should not."""
    for one in job.dependents.values():
        row = world.dependent(one.kind, one.name)
        if row is None:
            yield f"{one.name} is gone"
        elif row.enabled != one.is_on:
            rows = Suspension.objects.filter(object_name=one.name).values_list("outcome", "reason", "origin")
            yield f"{one.name} has enabled={row.enabled}, should have {one.is_on}; suspensions: {list(rows)}"


def as_read(world: World, oracle: Oracle, key: str, *, core_is_refreshed: bool) -> Iterator[str]:
    """Yield what a record says otherwise than the files, once its source was read."""
    job = oracle.jobs[key]
    record, core = world.record(job), world.core(job)
    if record is None:
        if oracle.is_present(key):
            yield f"{job.class_path} has no record"
        return
    allowed = oracle.absences(key)
    if not core_is_refreshed and oracle.is_present(key) and core is not None and not core.installed:
        # Core cannot run it yet: what the registry says of that until core has refreshed is left open.
        allowed = allowed | TEMPORARY | {job.absence}
    if record.absence not in allowed:
        yield f"{job.class_path}: the absence is {record.absence!r}, should be one of {sorted(allowed)}"
    if core_is_refreshed and core is not None and core.installed != record.installed:
        yield f"{job.class_path}: installed is {record.installed} in the record, {core.installed} in core's row"
    if record.installed:
        collides = set(record.field_overrides.filter(origin="collision").values_list("field", flat=True))
        for name, value in oracle.files[job.place].classes.get(key, {}).items():
            of_field = {"task_queues": "job_queues"}.get(name, name)
            if of_field in job.decided or of_field in collides:
                continue
            found = said(record, of_field)
            if not (frozenset(value) <= found if of_field == "job_queues" else found == value):
                yield f"{job.class_path}: {of_field} is {found!r}, the source says {value!r}"
    runs = JobRun.objects.filter(job=record).count()
    if runs != job.runs:
        yield f"{job.class_path}: {runs} runs hang on the record, {job.runs} were made"
    schedules = JobSchedule.objects.filter(job=record).count()
    wanted = sum(one.kind == "schedule" for one in job.dependents.values())
    if schedules != wanted:
        yield f"{job.class_path}: {schedules} schedules hang on the record, {wanted} were made"


def what_happened(path: str, name: str, moment: datetime) -> list[str]:
    """Return what reconciles and people have done about a field of a job since shortly before a moment."""
    since = moment - timedelta(seconds=SECONDS_BEFORE)
    found = [
        (row.finished, f"{row.trigger} {row.scope} from {row.started:%H:%M:%S.%f}: {entry}"[:700])
        for row in Reconciliation.objects.filter(finished__gte=since)
        for entry in row.changes
        if path in str(entry) and name in str(entry)
    ]
    record = RegisteredJob.objects.get(module_name=path.rpartition(".")[0], job_class_name=path.rpartition(".")[2])
    for change in ObjectChange.objects.filter(time__gte=since, changed_object_id__in=(record.pk, record.core_job_id)):
        said_then = {key: change.object_data.get(key) for key in (name, override_flag(name))}
        who = f"{change.changed_object_type.model} by {change.user_name or '?'}, {change.change_context_detail}"
        found.append((change.time, f"{who}: {said_then}"))
    return [f"{at:%H:%M:%S.%f} {text}" for at, text in sorted(found)]
