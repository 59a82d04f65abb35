"""Runs and schedules from before the app was installed are anchored, in batches and beside a running system."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from nautobot.extras.models import Job, JobQueue, JobResult, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.factory import RegisteredJobFactory, empty_registry
from nautobot_job_registry.reconcile import reconcile
from nautobot_job_registry.runs import backfill
from tests.support import counted_statements

pytestmark = pytest.mark.django_db

PATH = "old_jobs.Backup"
MADE = timezone.now() - timedelta(days=300)


@pytest.fixture
def job():
    """A registered job and core's own; the jobs of Nautobot itself are known to core only."""
    empty_registry()
    return RegisteredJobFactory(module_name="old_jobs", job_class_name="Backup", core_job=core_job("Backup"))


def core_job(name):
    queue, _ = JobQueue.objects.get_or_create(name="default", defaults={"queue_type": "celery"})
    return Job.objects.create(
        module_name="old_jobs", job_class_name=name, name=name, grouping="Old", default_job_queue=queue
    )


def old_runs(count, **values):
    """Store runs as they were stored before the app was there: it is not told of rows that are stored in bulk."""
    rows = JobResult.objects.bulk_create(JobResult(**{"name": "Backup", **values}) for _ in range(count))
    JobResult.objects.filter(pk__in=[row.pk for row in rows]).update(date_created=MADE)
    return rows


def old_schedule(name, **values):
    timing = {"interval": "daily", "start_time": timezone.now()}
    return ScheduledJob.objects.bulk_create([ScheduledJob(name=name, **timing, **values)])[0]


def command(*arguments):
    output = io.StringIO()
    call_command("anchor_job_runs", *arguments, stdout=output, stderr=io.StringIO())
    return output.getvalue()


def test_old_runs_and_schedules_are_anchored_as_of_when_they_were_made(job):
    rows = old_runs(5, job_model=job.core_job)
    schedule = old_schedule("Nightly", task=PATH, job_model=job.core_job)
    assert command("--batch-size", "2") == "1 schedules anchored.\n5 runs anchored.\n"
    anchors = models.JobRun.objects.filter(job_result__in=rows)
    assert set(anchors.values_list("job", "class_path", "created")) == {(job.pk, PATH, MADE)}
    assert models.JobSchedule.objects.get(scheduled_job=schedule).job == job
    assert anchors.count() == 5


def test_anchoring_again_anchors_nothing(job):
    old_runs(3, job_model=job.core_job)
    command()
    assert command() == "0 schedules anchored.\n0 runs anchored.\n"


def test_runs_without_a_core_job_are_anchored_by_the_class_path_that_they_name(job):
    by_task, by_name = old_runs(1, task_name=PATH) + old_runs(1, name=PATH)
    old_runs(2, name="nautobot.extras.tasks.process_webhook", task_name="nautobot.extras.tasks.process_webhook")
    schedule = old_schedule("Nightly", task=PATH)
    old_schedule("Celery's own", task="celery.backend_cleanup")
    assert command() == "1 schedules anchored.\n2 runs anchored.\n"
    assert set(models.JobRun.objects.values_list("job_result", flat=True)) == {by_task.pk, by_name.pk}
    assert models.JobSchedule.objects.get().scheduled_job_id == schedule.pk


def test_runs_of_a_job_that_is_not_registered_keep_its_class_path(job):
    old_runs(2, job_model=core_job("Unknown"))
    command()
    assert set(models.JobRun.objects.values_list("job", "class_path")) == {(None, "old_jobs.Unknown")}


def test_an_interrupted_anchoring_goes_on_where_it_was(job):
    old_runs(10, job_model=job.core_job)
    batches = backfill.RUNS.batches(3)
    assert [next(batches), next(batches)] == [(3, 3), (3, 3)]
    batches.close()
    assert (models.JobRun.objects.count(), backfill.RUNS.count()) == (6, 4)
    assert command() == "0 schedules anchored.\n4 runs anchored.\n"


def test_what_another_process_anchors_meanwhile_is_no_error(job):
    rows = old_runs(6, job_model=job.core_job)
    batches = backfill.RUNS.batches(2)
    next(batches)
    found = backfill.RUNS._rows(None, 4)
    models.JobRun.objects.create(job_result_id=found[0][0], job=job, class_path="taken before")
    assert backfill.RUNS._anchor(found) == 4
    list(batches)
    assert models.JobRun.objects.filter(job_result__in=rows).count() == 6
    assert models.JobRun.objects.get(job_result=found[0][0]).class_path == "taken before"


def test_runs_that_are_asked_for_meanwhile_are_anchored_once(job):
    old_runs(4, job_model=job.core_job)
    for _ in backfill.RUNS.batches(1):
        JobResult.objects.create(name="Backup", job_model=job.core_job)
    assert models.JobRun.objects.count() == JobResult.objects.filter(job_model=job.core_job).count() >= 8


def test_a_batch_costs_three_statements_whatever_its_size(job):
    old_runs(60, job_model=job.core_job)
    costs = []
    for size in (5, 50):
        batches = backfill.RUNS.batches(size)
        with counted_statements() as statements:
            next(batches)
        batches.close()
        costs.append(len([sql for sql in statements if "SAVEPOINT" not in sql]))
    assert costs == [3, 3]


@pytest.mark.parametrize("size", ["0", "-1"])
def test_a_batch_without_rows_is_refused(size):
    with pytest.raises(CommandError, match="--batch-size must be 1 or more"):
        command("--batch-size", size)


def test_the_first_reconcile_says_what_is_not_anchored_and_no_other_does(job, caplog):
    old_runs(3, job_model=job.core_job)
    old_schedule("Nightly", task=PATH, job_model=job.core_job)
    empty_registry()
    reconcile(reload=False)
    words = "3 runs and 1 schedules have no anchor yet: `nautobot-server anchor_job_runs` anchors them."
    assert caplog.text.count(words) == 1
    caplog.clear()
    reconcile(reload=False)
    assert "anchor_job_runs" not in caplog.text


def test_the_first_reconcile_says_nothing_where_all_is_anchored(job, caplog):
    empty_registry()
    reconcile(reload=False)
    assert "anchor_job_runs" not in caplog.text
