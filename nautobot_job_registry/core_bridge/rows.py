"""Core's rows of jobs: read, locked, made, and written in bulk as the registry has decided (rules 8 and 16)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, Exists, F, OuterRef, Q
from django.db.models.functions import Cast
from nautobot.extras.choices import JobQueueTypeChoices
from nautobot.extras.models import Job, JobQueue

from nautobot_job_registry.engine.agreement import Agreement, Decisions
from nautobot_job_registry.engine.decisions import INSTALLED
from nautobot_job_registry.engine.fields import (
    FLAG_FIELDS,
    LIMIT_FIELDS,
    OVERRIDABLE_FIELDS,
    VALUE_FIELDS,
    override_flag,
)
from nautobot_job_registry.engine.plan import JobAction
from nautobot_job_registry.engine.records import CoreState, JobKey
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.constants import BATCH_SIZE

_COLUMNS: Final = {field.name for field in Job._meta.get_fields()}
# Before Nautobot 3.1 core has no `console_log_default`: what is decided about it is the registry's alone.
OURS_ALONE: Final = tuple(name for name in OVERRIDABLE_FIELDS if name not in _COLUMNS)
SHARED_VALUES: Final = tuple(name for name in VALUE_FIELDS if name not in OURS_ALONE)
SHARED_FIELDS: Final = tuple(name for name in OVERRIDABLE_FIELDS if name not in OURS_ALONE)
SHARED_FLAGS: Final = tuple(override_flag(name) for name in SHARED_FIELDS)


def shared_columns(names: set[str] | frozenset[str]) -> set[str]:
    """Return those of some columns that core has too."""
    return {name for name in names if name not in OURS_ALONE and name.removesuffix("_override") not in OURS_ALONE}


_quiet: ContextVar[bool] = ContextVar("job_registry_writes_core", default=False)


@contextmanager
def our_own_writes() -> Iterator[None]:
    """Take what is saved meanwhile for our own writing, which the other side is not told of."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_our_own_write() -> bool:
    """Return whether the registry itself is just writing what was decided, on either side."""
    return _quiet.get()


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


def assign_queues(queues: Mapping[UUID, Collection[UUID]], *, are_new: bool = False) -> None:
    """Have core's rows of jobs have these queues and no others, in bulk; the registry is not told, as it decided so.

    Args:
        queues: The primary keys of the queues, by that of the job.
        are_new: Whether the rows have just been made, so that they have none yet.
    """
    through = Job.job_queues.through
    if queues and not are_new:
        with our_own_writes():
            through.objects.filter(job__in=queues).delete()
    rows = [through(job_id=job, job_queue_id=queue) for job, keys in queues.items() for queue in keys]
    through.objects.bulk_create(rows, batch_size=BATCH_SIZE, ignore_conflicts=True)


# The job whose record points at a row of core's.
HOLDER = ("registered_job__module_name", "registered_job__job_class_name")
CORE_COLUMNS = (
    "id",
    "module_name",
    "job_class_name",
    "enabled",
    "installed",
    "default_job_queue__name",
    "registered_job__core_decisions",
    *HOLDER,
    *SHARED_VALUES,
    *FLAG_FIELDS,
    *SHARED_FLAGS,
    *(f"registered_job__{name}" for name in OURS_ALONE),
)


def _tells_anything() -> Q:
    """Return the query for the rows that say something else than the record that points at them.

    Of chosen queues the number is not compared: their rows are few, and always read.
    """
    news = Q(registered_job=None) | Q(job_queues_override=True)
    # Core's refresh in a migration leaves the default queue out of the others.
    assigned = Job.job_queues.through.objects.order_by().filter(job=OuterRef("pk"))
    news |= ~Exists(assigned.filter(job_queue=OuterRef("default_job_queue")))
    own = ("module_name", "job_class_name", "default_job_queue", "enabled", "installed")
    for name in (*own, *SHARED_VALUES, *SHARED_FLAGS):
        news |= ~Q(**{name: F(f"registered_job__{name}")})
    return news


TELLS_ANYTHING = _tells_anything()


def news_of_core() -> dict[JobKey, CoreState]:
    """Read those of core's rows that tell anything new, in at most two statements.

    Left out are the rows that say what the record that points at them says; that they are many is what keeps a
    reconcile with nothing to do cheap.
    """
    rows = list(Job.objects.filter(TELLS_ANYTHING).order_by().values(*CORE_COLUMNS))
    queues = _queue_names([row["id"] for row in rows])
    states = (core_state(row, tuple(sorted(queues.get(row["id"], ())))) for row in rows)
    return {state.key: state for state in states}


def _queue_names(job_ids: list[object]) -> dict[object, list[str]]:
    names: dict[object, list[str]] = defaultdict(list)
    if job_ids:
        through = Job.job_queues.through.objects.order_by().filter(job_id__in=job_ids)
        for job_id, name in through.values_list("job_id", "job_queue__name"):
            names[job_id].append(name)
    return names


def core_state(values: Mapping[str, Any], queues: tuple[str, ...]) -> CoreState:
    """Return the state of one row of core's.

    Args:
        values: The value of each of `COLUMNS`, by its name.
        queues: The names of its queues, sorted.
    """
    key = (values["module_name"], values["job_class_name"])
    module_name, job_class_name = (values.get(name) or "" for name in HOLDER)
    held_by = (module_name, job_class_name) if module_name and (module_name, job_class_name) != key else None
    known = values["registered_job__core_decisions"] if held_by is None else None
    overridable = {field: values[field] for field in SHARED_VALUES}
    # Core stores infinity, too, of a class that says so; it is taken for the default of the system, as JSON has none.
    overridable |= {field: 0.0 for field in LIMIT_FIELDS if not math.isfinite(values[field])}
    overridable["job_queues"] = queues
    overridable["default_job_queue"] = values["default_job_queue__name"]
    overridden = {field for field in SHARED_FIELDS if values[override_flag(field)]}
    # What core has no place for it is taken to say as it is known.
    chosen = known["overrides"] if known else {}
    for field in OURS_ALONE:
        overridable[field] = chosen.get(field, bool(values[f"registered_job__{field}"]))
        overridden |= {field} & chosen.keys()
    return CoreState(
        id=values["id"],
        key=key,
        enabled=values["enabled"],
        values=overridable,
        overridden=frozenset(overridden),
        flags={field: values[field] for field in FLAG_FIELDS},
        known=known,
        held_by=held_by,
        installed=values.get("installed", True),
    )


def rows_written_by(actions: Iterable[JobAction]) -> set[UUID]:
    """Return the primary keys of the rows of core's that are written by what a plan does to records."""
    return {action.core_id for action in actions if action.core_columns and action.core_id}


def make_core_rows(actions: Iterable[JobAction], queues: Mapping[str, JobQueue]) -> dict[JobKey, UUID]:
    """Make the rows that core could not make itself, or not yet, and return their primary keys.

    The names that other rows are going to give up are free before.

    Args:
        actions: What a plan does to records.
        queues: The queues that it names.
    """
    actions = list(actions)
    renamed = [action.core_id for action in actions if action.core_id and "name" in action.core_columns]
    if renamed:
        Job.objects.filter(pk__in=renamed).update(name=Cast("pk", CharField()))
    missing = [action for action in actions if action.makes_core_row]
    if not missing:
        return {}
    Job.objects.bulk_create((_new_row(a, queues) for a in missing), batch_size=BATCH_SIZE, ignore_conflicts=True)
    keys = {action.key for action in missing}
    modules = {module_name for module_name, _ in keys}
    rows = Job.objects.filter(module_name__in=modules).order_by().values_list("module_name", "job_class_name", "pk")
    made = {(module_name, name): pk for module_name, name, pk in rows if (module_name, name) in keys}
    assign_queues({made[a.key]: _queue_keys(a, queues) for a in missing if a.key in made}, are_new=True)
    return made


def _new_row(action: JobAction, queues: Mapping[str, JobQueue]) -> Job:
    module_name, job_class_name = action.key
    flags = {name: action.columns[name] for name in FLAG_FIELDS}
    return Job(
        module_name=module_name, job_class_name=job_class_name, installed=True, **flags, **_attributes(action, queues)
    )


def _attributes(action: JobAction, queues: Mapping[str, JobQueue], names: Iterable[str] = ()) -> dict[str, Any]:
    """Return columns of a record as the attributes of core's row; those of the plan where none are named."""
    columns = {name: action.columns[name] for name in _own_columns(names or action.core_columns)}
    if "default_job_queue" in columns:
        queue = queues.get(columns.pop("default_job_queue"))
        if queue is not None:
            columns["default_job_queue_id"] = queue.pk
    return columns


def _own_columns(names: Iterable[str]) -> set[str]:
    """Return those of some columns that core's row itself has: its queues are rows of their own."""
    return shared_columns(set(names)) - {"job_queues", INSTALLED}


def settle_core_rows(actions: Iterable[JobAction], queues: Mapping[str, JobQueue], now: datetime) -> None:
    """Write what the plan says to core's rows, in a number of statements that grows with batches, not with jobs.

    Nothing is read, and no job code is loaded.

    Args:
        actions: What a plan does to records.
        queues: The queues that it names.
        now: The time that is written.
    """
    changed = [action for action in actions if action.core_id and action.core_columns and not action.makes_core_row]
    _update(changed, queues, now)
    for installed in (True, False):
        # Nothing hangs on this write: what is switched off with a job is planned by itself (rule 18).
        rows = [action.core_id for action in changed if action.core_columns.get(INSTALLED) is installed]
        if rows:
            Job.objects.filter(pk__in=rows).update(installed=installed)
    requeued = [action for action in changed if "job_queues" in action.core_columns]
    assign_queues({action.core_id: _queue_keys(action, queues) for action in requeued if action.core_id})


def _queue_keys(action: JobAction, queues: Mapping[str, JobQueue]) -> list[UUID]:
    return [queues[name].pk for name in action.columns["job_queues"]]


def _update(actions: Iterable[JobAction], queues: Mapping[str, JobQueue], now: datetime) -> None:
    """Write the columns that any of the rows changes to all of those rows: both sides say the same of each of them.

    A row whose default queue is not known keeps the one that core has, where it cannot be without one.
    """
    writing = [action for action in actions if _own_columns(action.core_columns)]
    names = {name for action in writing for name in _own_columns(action.core_columns)}
    has_queue = [queues.get(action.columns["default_job_queue"]) is not None for action in writing]
    for is_known, written in ((True, names), (False, names - {"default_job_queue"})):
        alike = [action for action, known in zip(writing, has_queue, strict=True) if known is is_known]
        rows = [Job(pk=action.core_id, last_updated=now, **_attributes(action, queues, written)) for action in alike]
        if rows:
            Job.objects.bulk_update(rows, sorted({*written, "last_updated"}), batch_size=BATCH_SIZE)


def taken_names(except_for: Collection[UUID]) -> set[str]:
    """Return the names that core's jobs have.

    Args:
        except_for: The primary keys of the jobs that do not count.
    """
    return set(Job.objects.order_by().exclude(pk__in=except_for).values_list("name", flat=True))


def write_decisions(changed: Mapping[RegisteredJob, Collection[str]], now: datetime) -> None:
    """Write to core's rows what was decided in records, in bulk, and have the records remember it.

    The names that some of the rows give up are free before others take them. Core's `save()` is not called, and nothing
    of its change log or events comes of it: a single edit goes through `push()`.

    Args:
        changed: The fields whose override was made, changed or cleared, by the record; its `enabled` is always
            written. Its memory of core's row is set and not stored.
        now: The time that is written.
    """
    rows = {job.pk: job for job in Job.objects.filter(pk__in=[record.core_job_id for record in changed])}
    names = {"enabled", "last_updated"}
    queues: dict[UUID, list[UUID]] = {}
    for record, fields in changed.items():
        row = rows[record.core_job_id]
        row.enabled, row.last_updated = record.enabled, now
        for field in shared_columns(set(fields)):
            setattr(row, override_flag(field), getattr(record, override_flag(field)))
            names.add(override_flag(field))
            if field in VALUE_FIELDS:
                setattr(row, field, getattr(record, field))
                names.add(field)
        if "default_job_queue" in fields and record.default_job_queue_id:
            row.default_job_queue_id = record.default_job_queue_id
            names.add("default_job_queue")
        if not {"job_queues", "default_job_queue"}.isdisjoint(fields):
            queues[row.pk] = [queue.pk for queue in record.job_queues.all()]
        record.core_decisions = _remembered(record, fields)
    renamed = [record.core_job_id for record, fields in changed.items() if "name" in fields]
    if len(renamed) > 1:
        Job.objects.filter(pk__in=renamed).update(name=Cast("pk", CharField()))
    Job.objects.bulk_update(rows.values(), sorted(names), batch_size=BATCH_SIZE)
    assign_queues(queues)


def _remembered(record: RegisteredJob, fields: Collection[str]) -> dict[str, Any]:
    """Return what a record is to remember once some fields are written to core's row as it says them."""
    known = Agreement.of(record.core_decisions)
    values = {field: value for field, value in known.agreed.values.items() if field not in fields}
    values |= {field: value for field, value in record.overrides.items() if field in fields}
    return known.renewed(Decisions(record.enabled, values)).as_json()
