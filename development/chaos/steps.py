"""The steps of a walk: each does one thing to Nautobot, and tells the oracle of it.

A step that makes no sense where the walk is just now does nothing. What it chooses comes from its own random numbers
and from the oracle, never from the database, so that the same seed walks the same way.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone
from nautobot.extras.models import Job, JobQueue

from development.chaos.checks import need
from development.chaos.oracle import JobState
from development.chaos.sources import Workshop
from development.chaos.world import ADDRESS, CORE_ADDRESS, World, as_body, put, put_queues, said
from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.models import FieldOverride
from nautobot_job_registry.reconcile import end_overrides

VALUES: dict[str, Callable[[random.Random], Any]] = {
    "description": lambda rng: rng.choice(("One", "Two", f"Chosen {rng.randrange(10_000)}")),
    "grouping": lambda rng: rng.choice(("Here", "There")),
    "name": lambda rng: f"Chaos chosen {rng.randrange(1_000_000)}",
    "hidden": lambda rng: rng.random() < 0.5,
    "time_limit": lambda rng: rng.choice((50.0, 60.0)),
    "soft_time_limit": lambda rng: rng.choice((5.0, 6.0)),
    "has_sensitive_variables": lambda rng: rng.random() < 0.5,
    "is_singleton": lambda rng: rng.random() < 0.5,
    "dryrun_default": lambda rng: rng.random() < 0.5,
    "console_log_default": lambda rng: rng.random() < 0.5,
    "default_job_queue": lambda rng: rng.choice(("day", "night", "late")),
    "job_queues": lambda rng: frozenset(rng.choice((("day",), ("night",), ("day", "late"), ("day", "night", "late")))),
}
# What a script writes by a statement, past all signals.
SILENT = ("description", "time_limit", "hidden", "grouping")


@dataclass
class Walk:
    """Where a walk is.

    Attributes:
        rng: The random numbers of the step that is being taken.
        number: Which step of the walk it is.
        touched: The jobs about which something was decided in this step, by their keys.
        read: Of which sources the reconcile of this step has spoken: the sources, and whether core had refreshed.
        held: Rows that somebody has read and still holds on to, by side and job.
    """

    world: World
    workshop: Workshop
    rng: random.Random = field(default_factory=random.Random)
    number: int = 0
    touched: set[str] = field(default_factory=set)
    read: list[tuple[str | None, bool]] = field(default_factory=list)
    held: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def oracle(self) -> Any:
        """The oracle."""
        return self.workshop.oracle

    def some_job(self) -> tuple[str, JobState]:
        """Choose one of the jobs."""
        key = self.rng.choice(sorted(self.oracle.jobs))
        return key, self.oracle.jobs[key]

    def some_value(self) -> tuple[str, Any]:
        """Choose a field, and a value for it."""
        name = self.rng.choice(sorted(VALUES))
        return name, VALUES[name](self.rng)

    def decided(self, key: str, *names: str) -> None:
        """Note that something was decided about a job: what was read before is old from now on."""
        self.touched.add(key)
        self.world.figures.add("edits")


# Decisions


def override_by_rest(walk: Walk) -> None:
    """PATCH one or two fields of a record, with a reason, and perhaps with an end."""
    key, job = walk.some_job()
    chosen = dict(walk.some_value() for _ in range(walk.rng.choice((1, 1, 2))))
    record = walk.world.record(job) if job.has_record else None
    if record is None:
        return
    body: dict[str, Any] = {}
    for name, value in chosen.items():
        body |= as_body(name, value)
    reason = f"Because of {walk.number}"
    body["override_reason"] = reason
    if walk.rng.random() < 0.3:
        body["override_expires_at"] = (timezone.now() + timedelta(days=9)).isoformat()
    # What is set or changed has the reason alone; where nothing is, all that is named has it.
    given = [name for name, value in chosen.items() if not says(record, name, value)] or list(chosen)
    status = walk.world.patch(f"{ADDRESS}{record.pk}/", body)
    need(status == 200, f"PATCH of {job.class_path} {body}: {status} {walk.world.last_answer}")
    for name, value in chosen.items():
        job.decide(name, value, reason if name in given else job.reasons.get(name, ""))
    walk.decided(key)


def clear_by_rest(walk: Walk) -> None:
    """PATCH the flag of a field to false."""
    key, job = walk.some_job()
    if not (job.has_record and job.decided):
        return
    name = walk.rng.choice(sorted(job.decided))
    record = walk.world.record(job)
    status = walk.world.patch(f"{ADDRESS}{record.pk}/", {override_flag(name): False})
    need(status == 200, f"PATCH of {job.class_path}, {name} cleared: {status} {walk.world.last_answer}")
    job.decide(name, None)
    walk.decided(key)


def reset_by_rest(walk: Walk) -> None:
    """Reset all overrides of a job."""
    key, job = walk.some_job()
    if not (job.has_record and job.decided) or job.silent:
        return
    record = walk.world.record(job)
    status = walk.world.post(f"{ADDRESS}{record.pk}/reset-overrides/", {})
    need(status == 200, f"reset of {job.class_path}: {status} {walk.world.last_answer}")
    for name in sorted(job.decided):
        job.decide(name, None)
    walk.decided(key)


def enable_by_rest(walk: Walk) -> None:
    """Enable or disable a job in the registry."""
    key, job = walk.some_job()
    if not job.has_record:
        return
    body = {"enabled": not job.enabled}
    status = walk.world.patch(f"{ADDRESS}{walk.world.record(job).pk}/", body)
    need(status == 200, f"PATCH of {job.class_path} {body}: {status} {walk.world.last_answer}")
    job.notice()
    job.enabled = not job.enabled
    walk.decided(key)


def decide_by_saving(walk: Walk) -> None:
    """Read a row on either side, decide something, and save it whole: as a form does, or a script."""
    key, job = walk.some_job()
    side, (name, value) = walk.rng.choice(("ours", "core")), walk.some_value()
    value = None if walk.rng.random() < 0.3 else value
    way = walk.rng.choice(("whole", "again", "refreshed", "fields"))
    row = walk.world.row(side, job)
    if row is None or says(row, name, value):
        return
    if way == "refreshed":
        row.refresh_from_db()
    choose(row, name, value)
    if way == "again":
        _roll_back(row)
    columns = [override_flag(name), *([name] if name != "job_queues" and value is not None else [])]
    row.save(**({"update_fields": columns} if way == "fields" and side == "core" else {}))
    if value is not None:
        put_queues(row, name, value)
    note_saved(walk, key, side)
    job.decide(name, value)
    if side == "core" and job.has_record:
        job.is_linked = True
    walk.decided(key)


def says(row: Any, name: str, value: Any) -> bool:
    """Say whether a row says so already: then nothing is decided."""
    flag = getattr(row, override_flag(name))
    if not flag or value is None:
        return bool(flag == (value is not None))
    return bool(said(row, name) == value)


def choose(row: Any, name: str, value: Any) -> None:
    """Override a field of a row, or clear its override where there is no value, without saving it."""
    setattr(row, override_flag(name), value is not None)
    if value is not None:
        put(row, name, value)


def _roll_back(row: Any) -> None:
    """Save a row in a transaction that is rolled back: whoever holds on to it saves it again."""
    try:
        with transaction.atomic():
            row.save()
            raise _GaveUpError
    except _GaveUpError:
        return


class _GaveUpError(Exception):
    pass


def note_saved(walk: Walk, key: str, side: str) -> None:
    """Note what core does whenever a row of its own is saved."""
    if side == "core":
        job = walk.oracle.jobs[key]
        walk.oracle.core_row_is_saved(job, installed=job.core_installed)


def enable_by_saving(walk: Walk) -> None:
    """Enable or disable a job on either side."""
    key, job = walk.some_job()
    side = walk.rng.choice(("ours", "core"))
    row = walk.world.row(side, job)
    if row is None:
        return
    was, row.enabled = row.enabled, not row.enabled
    row.save()
    note_saved(walk, key, side)
    job.notice()
    job.enabled = not was
    if side == "core" and job.has_record:
        job.is_linked = True
    walk.decided(key)


def decide_by_rest_of_core(walk: Walk) -> None:
    """PATCH core's own row in core's own API."""
    key, job = walk.some_job()
    name = walk.rng.choice(("description", "grouping", "hidden", "time_limit", "is_singleton"))
    value = VALUES[name](walk.rng)
    core = walk.world.core(job)
    if core is None or not job.core_installed or not walk.oracle.is_present(key) or says(core, name, value):
        return
    status = walk.world.patch(f"{CORE_ADDRESS}{core.pk}/", {name: value, override_flag(name): True})
    need(status == 200, f"PATCH of core's {job.class_path} {name}: {status} {walk.world.last_answer}")
    job.decide(name, value)
    job.is_linked = job.is_linked or job.has_record
    walk.decided(key)


def write_silently(walk: Walk) -> None:
    """Write something new to core's row by `update()` or `bulk_update()`, which send no signal."""
    _, job = walk.some_job()
    name = walk.rng.choice(SILENT)
    value = {"time_limit": 1000.0 + walk.number, "hidden": None}.get(name, f"Silent {walk.number}")
    core = walk.world.core(job)
    if core is None or value is None:
        return
    if walk.rng.random() < 0.5:
        Job.objects.filter(pk=core.pk).update(**{name: value, override_flag(name): True})
    else:
        choose(core, name, value)
        Job.objects.bulk_update([core], [name, override_flag(name)])
    job.silent[name] = value
    walk.world.figures.add("edits")


# Queues


def delete_a_queue(walk: Walk) -> None:
    """Delete a queue, in use or not; core keeps those that a job needs."""
    name = walk.rng.choice(("day", "night", "late"))
    queue = JobQueue.objects.filter(name=name).first()
    if queue is None or any(job.silent for job in walk.oracle.jobs.values()):
        return
    try:
        queue.delete()
    except ProtectedError:
        return
    walk.oracle.queue_is_deleted(name)
    # It is there again at once: whoever chooses a queue finds it.
    JobQueue.objects.create(name=name, queue_type="celery")


def rename_a_queue(walk: Walk) -> None:
    """Call a queue otherwise, and make another one of its old name."""
    name = walk.rng.choice(("day", "night", "late"))
    queue = JobQueue.objects.filter(name=name).first()
    if queue is None:
        return
    queue.name = f"{name} until {walk.number}"
    queue.save()
    JobQueue.objects.create(name=name, queue_type="celery")
    walk.oracle.queue_is_renamed(name, queue.name)


def choose_job_for_queue(walk: Walk) -> None:
    """Add a job to a queue, from the side of the queue."""
    key, job = walk.some_job()
    name = walk.rng.choice(("day", "night", "late"))
    core = walk.world.core(job)
    if core is None or not job.is_linked or "job_queues" not in job.decided or name in job.decided["job_queues"]:
        return
    JobQueue.objects.get(name=name).jobs.add(core)
    job.notice()
    job.decided["job_queues"] |= {name}
    job.reasons.pop("job_queues", None)
    walk.decided(key)


# Time


def end_an_override(walk: Walk) -> None:
    """Let the end of an override come."""
    key, job = walk.some_job()
    if not (job.has_record and job.decided) or job.silent:
        return
    name = walk.rng.choice(sorted(job.decided))
    rows = FieldOverride.objects.filter(job=walk.world.record(job), field=name)
    need(rows.update(expires_at=timezone.now() - timedelta(minutes=1)), f"{job.class_path}: {name} has no ledger")
    end_overrides()
    job.notice()
    job.decide(name, None)
    walk.touched.add(key)


DECISIONS: dict[Callable[[Walk], None], int] = {
    override_by_rest: 10,
    clear_by_rest: 4,
    reset_by_rest: 1,
    enable_by_rest: 3,
    decide_by_saving: 12,
    enable_by_saving: 3,
    decide_by_rest_of_core: 3,
    write_silently: 4,
    delete_a_queue: 2,
    rename_a_queue: 1,
    choose_job_for_queue: 2,
    end_an_override: 3,
}
