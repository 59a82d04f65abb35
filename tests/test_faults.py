"""Faults that were found, each by its kind: nothing stops a reconcile, nothing hangs it, nothing decided is lost."""

import time

import pytest
from django.db import IntegrityError
from nautobot.extras.models import Job, JobQueue, ScheduledJob

from nautobot_job_registry.core_bridge import rows as core_rows
from nautobot_job_registry.engine.text import MAX_ERROR_LENGTH, bounded_text
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import JobLoadError, Reconciliation, RegisteredJob, Suspension
from nautobot_job_registry.reconcile import reconcile, store
from tests.support import refresh_core

pytestmark = pytest.mark.django_db


def write(folder, name, *classes, **meta):
    JobModuleFactory(
        folder=folder,
        name=name,
        classes=[JobClassSourceFactory(name=one, meta={"name": one, **meta}) for one in classes],
    )


def registered(path):
    module, _, name = path.rpartition(".")
    return RegisteredJob.objects.get(module_name=module, job_class_name=name)


@pytest.fixture
def queue():
    return JobQueue.objects.create(name="night", queue_type="celery")


# One bad record


@pytest.fixture
def job_without_queue(jobs_root, queue):
    """A job that core has no row of, with an override whose queue was deleted: its flag has no value."""
    empty_registry()
    write(jobs_root, "one", "One", time_limit=60)
    refresh_core()
    reconcile()
    Job.objects.filter(module_name="one").delete()
    record = registered("one.One")
    record.default_job_queue, record.default_job_queue_override = queue, True
    record.save()
    JobQueue.objects.filter(pk=queue.pk).delete()
    record.refresh_from_db()
    assert record.default_job_queue is None
    assert record.default_job_queue_override
    return record


def test_an_override_whose_queue_was_deleted_ends_and_stops_nobody(jobs_root, job_without_queue):
    write(jobs_root, "two", "Two")
    outcome = reconcile()
    assert outcome.reconciliation.status == "succeeded"
    record = registered("one.One")
    assert not record.default_job_queue_override
    assert record.default_job_queue.name == record.source_values["default_job_queue"]
    assert record.core_job.default_job_queue == record.default_job_queue
    assert not record.field_overrides.exists()
    assert registered("two.Two").installed
    assert reconcile(dry_run=True).plan.is_empty


@pytest.mark.parametrize("how", ["default_job_queue", "job_queues"])
def test_a_queue_that_is_among_an_override_can_be_deleted(jobs_root, queue, how):
    empty_registry()
    write(jobs_root, "one", "One")
    refresh_core()
    reconcile()
    Job.objects.filter(module_name="one").delete()
    record = registered("one.One")
    if how == "job_queues":
        record.job_queues_override = True
        record.save()
        record.job_queues.set([queue])
    else:
        record.default_job_queue, record.default_job_queue_override = queue, True
        record.save()
    queue.delete()
    assert reconcile().reconciliation.status == "succeeded"
    assert registered("one.One").core_job is not None
    assert reconcile(dry_run=True).plan.is_empty


def test_no_default_queue_cannot_be_chosen_where_core_has_no_row_either(job_without_queue):
    job_without_queue.default_job_queue_override = False
    job_without_queue.save()
    job_without_queue.default_job_queue, job_without_queue.default_job_queue_override = None, True
    with pytest.raises(Exception, match="A queue is needed where it is overridden"):
        job_without_queue.validated_save()


@pytest.fixture
def unwritable(monkeypatch):
    """Have one record be refused by the database, whatever is to be written to it."""
    fill, new_row = store._fill, store._new_row
    refused = set()

    def refuse(action):
        if action.key in refused:
            raise IntegrityError(f"{action.class_path} is refused")

    def refusing_fill(row, action, *rest):
        refuse(action)
        return fill(row, action, *rest)

    def refusing_new_row(action, *rest):
        refuse(action)
        return new_row(action, *rest)

    monkeypatch.setattr(store, "_fill", refusing_fill)
    monkeypatch.setattr(store, "_new_row", refusing_new_row)
    return refused


@pytest.mark.parametrize("is_new", [True, False])
def test_a_record_that_cannot_be_written_harms_itself_alone(jobs_root, unwritable, is_new):
    empty_registry()
    names = [f"Job{number}" for number in range(7)]
    if not is_new:
        write(jobs_root, "many", *names)
    write(jobs_root, "other", "Other")
    refresh_core()
    reconcile()
    write(jobs_root, "many", *names, description="new")
    refresh_core()
    unwritable.update({("many", "Job2"), ("many", "Job5")})
    outcome = reconcile()
    assert outcome.reconciliation.status == "succeeded"
    changed = set(RegisteredJob.objects.filter(description="new").values_list("job_class_name", flat=True))
    assert changed == {*names} - {"Job2", "Job5"}
    errors = JobLoadError.objects.filter(resolved_at=None).order_by("job_class_name")
    assert [(error.job_class_name, error.exception_type) for error in errors] == [
        ("Job2", "NotAppliedError"),
        ("Job5", "NotAppliedError"),
    ]
    assert "IntegrityError: many.Job2 is refused" in errors[0].message
    assert not reconcile(dry_run=True).plan.is_empty
    reconcile()
    assert list(errors.values_list("job_class_name", flat=True)) == ["Job2", "Job5"]
    assert JobLoadError.objects.count() == 2
    unwritable.clear()
    reconcile()
    assert not errors.all().exists()
    assert RegisteredJob.objects.filter(description="new").count() == 7
    assert reconcile(dry_run=True).plan.is_empty


def test_what_is_about_no_record_is_a_failed_reconcile(jobs_root, monkeypatch):
    empty_registry()
    write(jobs_root, "one", "One")
    refresh_core()

    def fail(*args, **kwargs):
        raise IntegrityError("the log is full")

    monkeypatch.setattr(store.load_error_rows, "write_load_errors", fail)
    with pytest.raises(IntegrityError):
        reconcile("local")
    assert Reconciliation.objects.latest().status == "failed"
    assert not RegisteredJob.objects.exists()


# Texts of unknown size


@pytest.mark.parametrize(
    "text", ["x" * 2_000_000, "x y " * 500_000, "\n".join(["x" * 400] * 5_000), "é" * 100_000], ids=range(4)
)
def test_a_long_message_takes_no_time_and_says_what_was_cut(jobs_root, text):
    empty_registry()
    (jobs_root / "long.py").write_text(f"raise ValueError({text!r})\n")
    write(jobs_root, "one", "One")
    started = time.monotonic()
    reconcile()
    assert time.monotonic() - started < 20
    error = JobLoadError.objects.get(module_name="long")
    assert len(error.message) < MAX_ERROR_LENGTH + 1000
    assert "characters cut]" in error.message
    assert "ValueError" in error.traceback
    assert reconcile(dry_run=True).plan.is_empty


def test_a_short_text_stays_as_it_is():
    text = "ValueError: no such thing\n  at line 4\t…"
    assert bounded_text(text) == text


def test_what_is_cut_is_counted():
    assert bounded_text("a " * 10, 10) == "a a a [10 characters cut]  a a "
    assert bounded_text("b" * 501) == f"{'b' * 500} [1 characters cut]"


# What core does, and nobody sees


def test_the_default_queue_is_put_back_among_the_queues_of_core(jobs_root, queue):
    """Core's refresh in a migration leaves it out, as its models of that time know nothing of it."""
    empty_registry()
    write(jobs_root, "one", "One")
    refresh_core()
    reconcile()
    record = registered("one.One")
    record.default_job_queue, record.default_job_queue_override = queue, True
    record.save()
    job = record.core_job
    Job.job_queues.through.objects.filter(job=job, job_queue=queue).delete()
    assert core_rows.news_of_core().keys() == {("one", "One")}
    assert not reconcile(dry_run=True).plan.is_empty
    reconcile()
    assert queue in job.job_queues.all()
    assert reconcile(dry_run=True).plan.is_empty


# Suspended a second time


def test_what_was_suspended_of_a_deleted_record_and_goes_off_again_comes_back(jobs_root):
    empty_registry()
    write(jobs_root, "one", "One")
    write(jobs_root, "other", "Other")
    refresh_core()
    reconcile()
    job = registered("one.One").core_job
    schedule = ScheduledJob.objects.create(
        name="nightly", task=job.class_path, job_model=job, interval="daily", start_time="2026-01-01T00:00:00Z"
    )
    (jobs_root / "one.py").unlink()
    refresh_core()
    reconcile()
    assert not ScheduledJob.objects.get(pk=schedule.pk).enabled
    registered("one.One").delete()
    write(jobs_root, "one", "One")
    refresh_core()
    reconcile()
    ScheduledJob.objects.filter(pk=schedule.pk).update(
        enabled=True, job_model=registered("one.One").core_job, state="active"
    )
    job = registered("one.One").core_job
    job.installed = False
    job.save()
    (jobs_root / "one.py").unlink()
    refresh_core()
    reconcile()
    assert not ScheduledJob.objects.get(pk=schedule.pk).enabled
    assert Suspension.objects.get(outcome="suspended").job == registered("one.One")
    write(jobs_root, "one", "One")
    refresh_core()
    reconcile()
    assert ScheduledJob.objects.get(pk=schedule.pk).enabled
