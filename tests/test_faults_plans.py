"""Applying does what the plan says, and planning after it gives an empty plan, whatever has changed (rule 5)."""

import os
import random
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from nautobot.extras.models import Job, JobHook, JobQueue

from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.factory import (
    JobClassSourceFactory,
    JobModuleFactory,
    ScheduledJobFactory,
)
from nautobot_job_registry.history import events, sentences
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.lifecycle.moves import adopting
from nautobot_job_registry.models import FieldOverride, RegisteredJob
from nautobot_job_registry.reconcile import reconcile, report
from tests.support import counted_statements, refresh_core

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(only_local_jobs, jobs_root):
    """A folder of jobs, of which alone core knows."""
    return jobs_root


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("operator", "operator@example.com", "secret")


def write(folder, module, base="Job", body="", **meta):
    source = JobClassSourceFactory(name="Backup", base=base, body=body, meta={"name": "Back up", **meta})
    return JobModuleFactory(folder=folder, name=module, classes=[source])


def record(module, name="Backup"):
    return RegisteredJob.objects.get(module_name=module, job_class_name=name)


def told(plan):
    return report.plan_as_json(plan), plan.counts()


def reconciled(refresh=True):
    """Reconcile, and see that the plan of a dry run is what was done, and that there is nothing to do then."""
    if refresh:
        refresh_core()
    planned = reconcile("local", dry_run=True, reload=not refresh).plan
    outcome = reconcile("local", reload=False)
    assert told(outcome.plan) == told(planned)
    again = reconcile("local", dry_run=True, reload=False).plan
    assert again.is_empty, report.plan_as_table(again)
    return outcome


# Two that were of one name


@pytest.fixture
def two_gone(world):
    """Two jobs of one name, both removed, and one that has come in their place."""
    for module in ("first", "second"):
        write(world, module)
        reconciled()
        (world / f"{module}.py").unlink()
    write(world, "third")
    reconciled()
    return record("third")


@pytest.mark.parametrize("taken", ["first", "second"])
def test_who_has_adopted_one_of_two_is_not_proposed_the_other(two_gone, user, taken):
    assert two_gone.predecessor is not None
    adopting.adopt_past(two_gone, record(taken), user)
    assert reconcile("local", dry_run=True, reload=False).plan.is_empty
    reconciled()
    assert record("third").predecessor is None


def test_who_declares_one_of_two_is_not_proposed_the_other(two_gone, world):
    write(world, "third", body="previous_class_paths = ['first.Backup']")
    outcome = reconciled()
    assert [adoption.predecessor for adoption in outcome.plan.moves.adoptions] == [("first", "Backup")]
    assert record("third").predecessor is None


def test_what_goes_after_an_adoption_is_proposed_nevertheless(two_gone, world, user):
    adopting.adopt_past(two_gone, record("first"), user)
    write(world, "fourth")
    reconciled()
    (world / "fourth.py").unlink()
    reconciled()
    assert record("third").predecessor == record("fourth")


# A default queue that was adopted


@pytest.mark.parametrize("own_queues", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_an_adopted_default_queue_is_among_the_queues_of_both_sides(world, user, declared, own_queues):
    write(world, "first")
    reconciled()
    old = record("first")
    old.default_job_queue, old.default_job_queue_override = JobQueue.objects.get(name="night"), True
    old.save()
    (world / "first.py").unlink()
    write(world, "second")
    reconciled()
    if own_queues:
        new = record("second")
        new.job_queues_override = True
        new.save()
        new.job_queues.set(JobQueue.objects.filter(name__in=["default", "day"]))
        reconciled()
    if declared:
        write(world, "second", body="previous_class_paths = ['first.Backup']")
        reconciled()
    else:
        adopting.adopt_past(record("second"), record("first"), user)
        assert reconcile("local", dry_run=True, reload=False).plan.is_empty
    expected = ["day", "default", "night"] if own_queues else ["default", "night"]
    for side in (record("second"), Job.objects.get(module_name="second")):
        assert side.default_job_queue.name == "night"
        assert sorted(side.job_queues.values_list("name", flat=True)) == expected
    reconciled()
    if own_queues:
        assert sorted(FieldOverride.objects.get(job=record("second"), field="job_queues").value) == expected


# What core gives up, and a plan puts in force


def test_what_hangs_on_a_job_whose_row_of_core_is_put_in_force_comes_back_by_the_same_plan(world):
    write(world, "one", description="first")
    reconciled()
    job = Job.objects.get(module_name="one")
    schedule = ScheduledJobFactory(job_model=job)
    (world / "one.py").unlink()
    reconciled()
    # The name that it comes back with is one that core gives up on, and is cut by the plan.
    write(world, "one", name="n" * 130)
    reconciled(refresh=False)
    schedule.refresh_from_db()
    job.refresh_from_db()
    assert (job.installed, schedule.enabled) == (True, True)


# What changes beneath an override


def override(module, **values):
    job = record(module)
    for field, value in values.items():
        if field == "default_job_queue":
            value = JobQueue.objects.get(name=value)
        setattr(job, field, value)
        setattr(job, override_flag(field), True)
    job.save()


def test_what_the_source_changes_beneath_an_override_is_told_as_drift(world):
    write(world, "one", soft_time_limit=600, description="first")
    reconciled()
    override("one", soft_time_limit=300.0)
    write(world, "one", soft_time_limit=900, description="first")
    outcome = reconciled()
    row = outcome.reconciliation
    assert outcome.counts()["drifted"] == row.drifted == 1
    (entry,) = row.changes
    change = {"old": 600.0, "new": 900.0, "value": 300.0, "drifts": True}
    assert entry["beneath_overrides"] == {"soft_time_limit": change}
    assert list(sentences.sentences(row.changes)) == [
        "one.Backup: code changed (revision 2).",
        "one.Backup: soft time limit (overridden): source 600 → 900, stays 300: drifts.",
    ]
    assert "1 override drifted" in sentences.counts_summary({"drifted": row.drifted})
    table = report.plan_as_table(outcome.plan)
    assert "drift" in table
    assert "900; the override stays: 300" in table
    assert table.splitlines()[-1].startswith("1 changed, 1 override drifted; ")
    found = [event for event in events.events_of(row, {}) if event.topic.endswith("override_drifted")]
    assert [event.payload["differences"] for event in found] == [
        {"removed": {"soft_time_limit": 600.0}, "added": {"soft_time_limit": 900.0}}
    ]
    assert FieldOverride.objects.drifted().count() == 1
    assert record("one").soft_time_limit == 300.0


def test_a_source_that_says_again_what_it_said_is_told_and_is_no_drift(world):
    write(world, "one", description="first")
    reconciled()
    override("one", description="chosen")
    write(world, "one", description="second")
    reconciled()
    write(world, "one", description="first")
    outcome = reconciled()
    assert outcome.counts()["drifted"] == 0
    assert outcome.reconciliation.changes[0]["beneath_overrides"]["description"]["drifts"] is False
    assert "in step again" in list(sentences.sentences(outcome.reconciliation.changes))[1]
    assert not FieldOverride.objects.drifted().exists()


@pytest.mark.parametrize(
    ("field", "chosen", "meta"),
    [
        ("hidden", True, {"hidden": True}),
        ("grouping", "Chosen", {}),
        ("default_job_queue", "night", {"task_queues": ["day"]}),
        ("name", "Chosen", {"name": "Another"}),
    ],
)
def test_any_field_can_drift(world, field, chosen, meta):
    write(world, "one")
    reconciled()
    override("one", **{field: chosen})
    path = write(world, "one", **meta)
    if field == "grouping":
        path.write_text(path.read_text().replace("name =", "name = 'Moved' or", 1))
    outcome = reconciled()
    assert outcome.counts()["drifted"] == FieldOverride.objects.drifted().count() == 1
    assert field in outcome.reconciliation.changes[0]["beneath_overrides"]


def test_an_override_that_ends_or_is_made_by_the_same_plan_does_not_drift(world):
    for module in ("ends", "made"):
        write(world, module, description="first", name=module)
    reconciled()
    override("ends", description="chosen")
    FieldOverride.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    Job.objects.filter(module_name="made").update(description="chosen", description_override=True)
    for module in ("ends", "made"):
        write(world, module, description="second", name=module)
    outcome = reconciled(refresh=False)
    assert outcome.counts()["drifted"] == FieldOverride.objects.drifted().count() == 0
    assert not any("beneath_overrides" in entry for entry in outcome.reconciliation.changes)


def test_drift_costs_one_statement_however_many_jobs_drift(world):
    counts = []
    for size in (2, 3, 40):
        names = [f"J{size}x{number}" for number in range(size)]

        def say(text, names=names):
            classes = [JobClassSourceFactory(name=name, meta={"name": name, "description": text}) for name in names]
            JobModuleFactory(folder=world, name="many", classes=classes)
            refresh_core()

        say("first")
        reconcile("local", reload=False)
        for job in RegisteredJob.objects.filter(module_name="many", installed=True):
            job.description, job.description_override = "chosen", True
            job.save()
        say("second")
        with counted_statements() as statements:
            assert reconcile("local", reload=False).counts()["drifted"] == size
        counts.append(len(statements))
        with counted_statements() as statements:
            assert reconcile("local", reload=False).plan.is_empty
        assert not [sql for sql in statements if sql.startswith(("UPDATE", "DELETE")) or "FOR NO KEY UPDATE" in sql]
    assert counts[1] == counts[2]


# Whatever has changed


MODULES = ("alpha", "beta", "gamma", "delta")
BASES = ("Job", "Job", "JobHookReceiver", "JobButtonReceiver")
METAS = {
    "name": ("Same", "Other", "n" * 130, "Same"),
    "description": ("first", "second"),
    "hidden": (True, False),
    "time_limit": (60, 90),
    "task_queues": (["day"], ["night", "day"], ["made"]),
}


class World:
    """Some modules with a job each, and what code, operators and Nautobot do to them, by chance."""

    def __init__(self, folder, user, seed):
        self.folder, self.user, self.chance = folder, user, random.Random(seed)

    def do_something(self):
        names = [name for name in dir(self) if name.startswith("may_")]
        getattr(self, self.chance.choice(names))()

    def some(self, rows):
        found = list(rows)
        return [self.chance.choice(found)] if found else []

    def may_write(self):
        for module in self.chance.sample(MODULES, 2):
            metas = {name: self.chance.choice(values) for name, values in METAS.items() if self.chance.random() < 0.7}
            others = [f"{other}.Backup" for other in MODULES if other != module and self.chance.random() < 0.15]
            body = f"previous_class_paths = {others!r}" if others else ""
            write(self.folder, module, base=self.chance.choice(BASES), body=body, **metas)

    def may_move(self):
        for path in self.some(self.folder.glob("*.py")):
            path.rename(self.folder / f"{self.chance.choice(MODULES)}.py")

    def may_remove(self):
        for path in self.some(self.folder.glob("*.py")):
            path.unlink()

    def may_break(self):
        for path in self.some(self.folder.glob("*.py")):
            path.write_text("import a_module_that_is_not_there\n" + path.read_text())

    def may_override(self):
        for job in self.some(RegisteredJob.objects.filter(module_name__in=MODULES)):
            field, value = self.chance.choice(
                [("description", "Chosen"), ("name", "Chosen"), ("time_limit", 5.0), ("default_job_queue", "night")]
            )
            override(job.module_name, **{field: value})

    def may_override_in_core(self):
        for job in self.some(Job.objects.filter(module_name__in=MODULES)):
            Job.objects.filter(pk=job.pk).update(description="In core", description_override=True, enabled=True)

    def may_choose_queues(self):
        for job in self.some(RegisteredJob.objects.filter(module_name__in=MODULES)):
            job.job_queues_override = True
            job.save()
            job.job_queues.set(JobQueue.objects.filter(name__in=["day", "default"]))

    def may_end(self):
        FieldOverride.objects.exclude(origin="collision").update(expires_at=timezone.now() - timedelta(minutes=1))

    def may_clear(self):
        for row in self.some(FieldOverride.objects.exclude(origin="collision")):
            setattr(row.job, override_flag(row.field), False)
            row.job.save()

    def may_delete_a_queue(self):
        for queue in self.some(JobQueue.objects.exclude(name="default")):
            if not Job.objects.filter(default_job_queue=queue).exists():
                queue.delete()
        JobQueue.objects.get_or_create(name="night", defaults={"queue_type": "celery"})
        JobQueue.objects.get_or_create(name="day", defaults={"queue_type": "celery"})

    def may_schedule(self):
        for job in self.some(Job.objects.filter(module_name__in=MODULES, installed=True)):
            ScheduledJobFactory(job_model=job)
            if job.is_job_hook_receiver:
                JobHook.objects.create(name=f"Hook {self.chance.random()}", job=job, type_create=True)

    def may_adopt(self):
        for job in self.some(RegisteredJob.objects.filter(predecessor__isnull=False, installed=True)):
            if not adopting.refusal_of_records(job, job.predecessor):
                adopting.adopt_past(job, job.predecessor, self.user)

    def may_dismiss(self):
        for job in self.some(RegisteredJob.objects.filter(predecessor__isnull=False)):
            adopting.dismiss_proposal(job)

    def may_delete(self):
        for job in self.some(RegisteredJob.objects.filter(installed=False, module_name__in=MODULES)):
            deletion.delete_records([job], self.user)

    def may_lose_a_row_of_core(self):
        for job in self.some(Job.objects.filter(module_name__in=MODULES)):
            job.delete()

    def may_do_nothing(self):
        pass


# More by hand: `PLANS=40 ./dev test -- tests/test_faults_plans.py`.
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 8 + int(os.environ.get("PLANS") or 4)))
def test_whatever_has_changed_a_plan_is_carried_out_as_it_was_shown_and_leaves_nothing(world, user, seed):
    scene = World(world, user, seed)
    scene.may_write()
    reconciled()
    for _ in range(12):
        for _ in range(scene.chance.randint(1, 3)):
            scene.do_something()
        reconciled(refresh=scene.chance.random() < 0.5)
