"""More steps of a walk: what happens to files, to what hangs on jobs, to records; and the reconciles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from nautobot.extras.models import JobButton, JobHook, JobResult, ScheduledJob

from development.chaos.checks import need
from development.chaos.oracle import BROKEN, GIT, GONE, KIND_OF_RECEIVER, LOCAL, REMOVED, THERE, Dependent, JobState
from development.chaos.steps import Walk
from development.chaos.world import ADDRESS

META = {
    "description": ("as it was at first", "told otherwise", "once more"),
    "hidden": (True, False),
    "time_limit": (70, 80),
    "soft_time_limit": (7, 8),
    "has_sensitive_variables": (True, False),
    "is_singleton": (True, False),
    "task_queues": (["default"], ["day", "default"], ["night"]),
}
# What core could not store, or has given to another job.
NAMES = ("Chaos alpha", "Chaos delta", "n" * 130)
SECONDS_TO_STRIKE = 0.4


# Files


def change_what_a_class_says(walk: Walk) -> None:
    """Change the metadata of a class."""
    key, job = walk.some_job()
    name = walk.rng.choice(sorted(META))
    value = walk.rng.choice(META[name])
    if walk.rng.random() < 0.1:
        name, value = "name", walk.rng.choice((*NAMES, f"Chaos {key}"))
    job.meta = {**job.meta, name: value}
    walk.workshop.rewrite(job, f"{name} of {key}")


def break_or_mend_a_module(walk: Walk) -> None:
    """Break a module, remove it, or bring it back."""
    _, job = walk.some_job()
    state = walk.rng.choice((THERE, THERE, BROKEN, GONE))
    if job.module != "steady":
        walk.workshop.set_state(job.place, job.module, state)


def mend_all(walk: Walk) -> None:
    """Bring everything back."""
    walk.workshop.reconnect()
    for place in (LOCAL, GIT):
        for module, state in walk.workshop.modules(place).items():
            if state != THERE:
                walk.workshop.set_state(place, module, THERE)


def drop_or_return_a_class(walk: Walk) -> None:
    """Take a class out of its file, or put it back."""
    _, job = walk.some_job()
    if job.module in ("delta", "beta"):
        job.is_written = not job.is_written
        walk.workshop.rewrite(job, f"{job.class_name} is written: {job.is_written}")


def cut_off_or_reconnect(walk: Walk) -> None:
    """Take the clone away with its origin, or bring it back."""
    if walk.workshop.away.exists():
        walk.workshop.reconnect()
    else:
        walk.workshop.cut_off()


def empty_the_folder(walk: Walk) -> None:
    """Find the JOBS_ROOT empty, as if it were not mounted; then it is there again."""
    before = walk.workshop.take_away_all()
    reconcile_by(walk, LOCAL, "migrate" if walk.rng.random() < 0.5 else "command")
    walk.check()
    for module, state in before.items():
        walk.workshop.set_state(LOCAL, module, state)


# Moves


def rename_a_class(walk: Walk) -> None:
    """Give a class another name: it says so itself, or a person says so afterwards."""
    key, job = walk.some_job()
    others = [other for _, other in walk.oracle.of(job.place) if other is not job]
    is_quiet = walk.workshop.is_complete(job.place) and all(other.absence != REMOVED for other in others)
    if not (is_quiet and job.is_there and job.has_core and job.is_linked and walk.oracle.is_present(key)):
        return
    if job.silent or not job.core_installed or not job.is_written:
        return
    declares, door = walk.rng.random() < 0.5, walk.rng.choice(("migrate", "command"))
    old = walk.world.record(job)
    job.class_name = f"{job.class_name.partition('Since')[0]}Since{walk.number}"
    job.previous = [old.class_path] if declares else []
    walk.workshop.rewrite(job, f"{key} is {job.class_name}")
    if job.place == GIT:
        need(walk.world.sync() and walk.workshop.synced(), f"The sync of {job.class_path} did not end well")
    elif door == "migrate":
        walk.world.migrate()
    else:
        walk.world.reconcile(LOCAL)
    new = walk.world.record(job)
    need(new is not None, f"{job.class_path} has no record after it was renamed")
    if not declares:
        _adopt(walk, job, new, old)
    need(not type(old).objects.filter(pk=old.pk).exists(), f"{old.class_path} is still there after the move")
    walk.held = {place: row for place, row in walk.held.items() if place[1] != key}
    walk.read.append((job.place, job.place == GIT or door == "migrate"))
    # Hooks and buttons that were suspended with the old one are back with the new one, if core can run it.


def _adopt(walk: Walk, job: JobState, new: object, old: object) -> None:
    status = walk.world.post(f"{ADDRESS}{new.pk}/adopt/", {"predecessor": str(old.pk)})
    need(status == 200, f"Adoption of {old.class_path} by {job.class_path}: {status} {walk.world.last_answer}")


# What hangs on jobs


def make_a_dependent(walk: Walk) -> None:
    """Make a schedule, a hook or a button."""
    key, job = walk.some_job()
    core = walk.world.core(job)
    if not (job.is_there and job.is_linked and job.core_installed and walk.oracle.is_present(key)):
        return
    kind, name = KIND_OF_RECEIVER[job.base], f"Chaos {key} {walk.number}"
    if kind == "schedule":
        ScheduledJob.objects.create(
            name=name,
            task=core.class_path,
            job_model=core,
            user=walk.world.user,
            interval="daily",
            start_time=timezone.now() + timedelta(days=1),
        )
    else:
        made = (
            JobHook.objects.create(name=name, job=core, type_create=True)
            if kind == "hook"
            else JobButton.objects.create(name=name, job=core, text="Push")
        )
        made.content_types.add(ContentType.objects.get(app_label="dcim", model="device"))
    job.dependents[name] = Dependent(kind, name)


def switch_a_dependent(walk: Walk) -> None:
    """Switch a schedule, hook or button on or off, or delete it."""
    _, job = walk.some_job()
    # What a person switches while nobody knows whether the job is gone is left out: rule 18 says nothing of it.
    if not job.dependents or not job.has_record or job.absence not in ("", REMOVED):
        return
    one = job.dependents[walk.rng.choice(sorted(job.dependents))]
    row = walk.world.dependent(one.kind, one.name)
    if walk.rng.random() < 0.2:
        row.delete()
        del job.dependents[one.name]
        return
    one.is_on, one.is_suspended, one.is_kept_on = not one.is_on, False, not one.is_on and job.absence == REMOVED
    row.enabled = one.is_on
    if one.kind == "schedule" and one.is_on:
        row.state = "active"
    row.save()


def run_a_job(walk: Walk) -> None:
    """Ask for a run of a job."""
    _, job = walk.some_job()
    core = walk.world.core(job)
    if core is not None and job.is_linked:
        JobResult.objects.create(name=core.name, job_model=core, status="SUCCESS")
        job.runs += 1


# Deletions


def delete_a_record(walk: Walk) -> None:
    """Delete a record by REST: refused while the job is installed."""
    key, job = walk.some_job()
    record = walk.world.record(job)
    if record is None or job.silent:
        return
    before = JobResult.objects.count(), ScheduledJob.objects.count()
    installed = record.installed
    status = walk.world.delete(f"{ADDRESS}{record.pk}/")
    wanted = 409 if installed else 204
    need(status == wanted, f"DELETE of {job.class_path}: {status}, should be {wanted}: {walk.world.last_answer}")
    after = JobResult.objects.count(), ScheduledJob.objects.count()
    need(before == after, f"DELETE of {job.class_path} left {after} of {before} runs and schedules")
    if not installed:
        job.lose_record()
        _let_go(walk, key)


def delete_the_row_of_core(walk: Walk) -> None:
    """Delete core's row of a job by itself."""
    key, job = walk.some_job()
    core = walk.world.core(job)
    if core is None or job.silent:
        return
    core.delete()
    if job.has_record:
        job.lose_core_row()
    else:
        job.lose_core_row()
        job.decided, job.enabled = {}, False
    _let_go(walk, key)


def _let_go(walk: Walk, key: str) -> None:
    walk.held = {place: row for place, row in walk.held.items() if place[1] != key}


# Reconciles


def migrate(walk: Walk) -> None:
    """Do what a `migrate` does."""
    reconcile_by(walk, None, "migrate")


def command(walk: Walk) -> None:
    """Reconcile all, or one source, as the command does."""
    reconcile_by(walk, walk.rng.choice((None, None, LOCAL, GIT)), "command")


def core_by_itself(walk: Walk) -> None:
    """Let core refresh its rows, as where our own part fails."""
    walk.world.refresh_core()
    walk.oracle.core_refreshes(None)


def sync(walk: Walk) -> None:
    """Sync the repository: rejected where a module is broken, or nothing can be fetched."""
    can = walk.workshop.synced()
    did = walk.world.sync()
    need(did == can, f"The sync ended well: {did}, should have: {can}")
    if did:
        walk.oracle.core_refreshes(GIT, is_saved=True)
        walk.read.append((GIT, True))


def reconcile_by(walk: Walk, place: str | None, door: str) -> None:
    """Reconcile by one of the doors, and tell the oracle."""
    if door == "migrate":
        walk.world.migrate()
        failure = walk.world.last_failure()
        need(not failure, f"The reconcile of a migration failed: {failure}")
        walk.oracle.core_refreshes(None)
        walk.read.append((None, True))
    else:
        walk.world.reconcile(place)
        walk.read.append((place, False))


def killed(walk: Walk) -> None:
    """Kill a process that reconciles, and reconcile: as if the first had never begun."""
    work = walk.rng.choice((walk.world.migrate, lambda: walk.world.reconcile(None)))
    walk.world.killed(work, walk.rng.random() * SECONDS_TO_STRIKE)
    reconcile_by(walk, None, "migrate")


def killed_in_a_sync(walk: Walk) -> None:
    """Kill a process that syncs the repository, and sync again."""
    if not walk.workshop.committed.is_complete or walk.workshop.away.exists():
        return
    walk.world.killed(walk.world.sync, walk.rng.random() * 3 * SECONDS_TO_STRIKE)
    sync(walk)


def terminated(walk: Walk) -> None:
    """Have the database end the connection of a reconcile, and reconcile again."""
    work = walk.rng.choice((walk.world.migrate, lambda: walk.world.reconcile(None)))
    walk.world.terminated(work, walk.rng.random() * SECONDS_TO_STRIKE)
    reconcile_by(walk, None, "migrate")


UPHEAVALS: dict[Callable[[Walk], None], int] = {
    change_what_a_class_says: 6,
    break_or_mend_a_module: 8,
    mend_all: 3,
    drop_or_return_a_class: 3,
    cut_off_or_reconnect: 1,
    empty_the_folder: 1,
    rename_a_class: 3,
    make_a_dependent: 5,
    switch_a_dependent: 4,
    run_a_job: 4,
    delete_a_record: 3,
    delete_the_row_of_core: 3,
    migrate: 6,
    command: 8,
    core_by_itself: 2,
    sync: 8,
    killed: 1,
    killed_in_a_sync: 1,
    terminated: 1,
}
