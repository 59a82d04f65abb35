"""Steps of a walk in which somebody holds on to a row that was read earlier."""

from __future__ import annotations

from collections.abc import Callable

from nautobot.extras.models import Job

from development.chaos.checks import need
from development.chaos.steps import SILENT, VALUES, Walk, choose, note_saved, says
from development.chaos.world import ADDRESS, as_body
from nautobot_job_registry.engine.fields import override_flag


def read_and_hold(walk: Walk) -> None:
    """Read a row, and keep it for later."""
    key, job = walk.some_job()
    side = walk.rng.choice(("ours", "core"))
    row = walk.world.row(side, job)
    if row is not None and (side == "ours" or job.is_linked) and not job.silent:
        walk.held[side, key] = row


def save_what_was_held(walk: Walk) -> None:
    """Save a row that was read earlier, with nothing decided in it or with one field."""
    if not walk.held:
        return
    side, key = walk.rng.choice(sorted(walk.held))
    name, value = walk.some_value()
    decides = walk.rng.random() < 0.5
    row, job = walk.held.pop((side, key)), walk.oracle.jobs[key]
    if walk.world.row(side, job) != row or job.silent or name == "job_queues":
        return
    if decides and says(row, name, value):
        return
    if decides:
        choose(row, name, value)
    row.save()
    note_saved(walk, key, side)
    if decides:
        job.decide(name, value)
        walk.decided(key)
    walk.touched.add(key)


def edit_under_a_refresh(walk: Walk) -> None:
    """Edit the record while somebody holds on to core's columns and writes them back, as core's refresh does."""
    _, job = walk.some_job()
    name, value = walk.some_value()
    value = None if walk.rng.random() < 0.4 else value
    record, core = walk.world.record(job), walk.world.core(job)
    if record is None or core is None or not job.is_linked or job.silent or says(record, name, value):
        return
    column = {"default_job_queue": "default_job_queue_id", "job_queues": "job_queues_override"}.get(name, name)
    columns = {column: getattr(core, column), override_flag(name): getattr(core, override_flag(name))}
    body = {override_flag(name): False} if value is None else as_body(name, value)
    status = walk.world.patch(f"{ADDRESS}{record.pk}/", body)
    need(status == 200, f"PATCH of {job.class_path} {name}: {status} {walk.world.last_answer}")
    Job.objects.filter(pk=core.pk).update(**columns, enabled=core.enabled)
    job.decide(name, value)
    walk.world.figures.add("edits")


def choose_what_an_old_picture_says(walk: Walk) -> None:
    """Hold on to core's row while its old columns are written back, and then choose what these say."""
    key, job = walk.some_job()
    (name, value), (_, other) = ((field, VALUES[field](walk.rng)) for field in 2 * (walk.rng.choice(SILENT),))
    core = walk.world.core(job)
    if core is None or not job.is_linked or job.silent or value == other:
        return
    for chosen in (value, other):
        record = walk.world.record(job)
        choose(record, name, chosen)
        record.save()
    held = walk.world.core(job)
    Job.objects.filter(pk=core.pk).update(**{name: value})
    choose(held, name, value)
    held.save()
    note_saved(walk, key, "core")
    job.decide(name, value)
    walk.decided(key)


HOLDING: dict[Callable[[Walk], None], int] = {
    read_and_hold: 6,
    save_what_was_held: 6,
    edit_under_a_refresh: 4,
    choose_what_an_old_picture_says: 2,
}
