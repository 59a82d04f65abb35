"""A class that comes back after its record was deleted (rule 20)."""

import pytest
from nautobot.extras.models import Job, JobResult, ScheduledJob

from nautobot_job_registry.factory import (
    JobClassSourceFactory,
    JobModuleFactory,
    JobRunFactory,
    JobScheduleFactory,
    empty_registry,
)
from nautobot_job_registry.models import Reconciliation, RegisteredJob, Suspension
from nautobot_job_registry.reconcile import reconcile
from tests.support import counted_statements, refresh_core

pytestmark = pytest.mark.django_db
PATH = "backup.Backup"


def write_job(folder, module="backup", name="Backup", **meta):
    return JobModuleFactory(folder=folder, name=module, classes=[JobClassSourceFactory(name=name, meta=meta)])


def record():
    return RegisteredJob.objects.get(module_name="backup", job_class_name="Backup")


def relinked():
    return [entry for entry in Reconciliation.objects.latest().changes if entry["action"] == "relink"]


@pytest.fixture
def deleted(jobs_root):
    """The folder of a job with three runs and two schedules, overridden, whose record was deleted."""
    path = write_job(jobs_root)
    refresh_core()
    reconcile(reload=False)
    job = record()
    job.description, job.description_override, job.enabled = "mine", True, True
    job.save()
    JobRunFactory.create_batch(3, job=job)
    JobScheduleFactory.create_batch(2, job=job)
    path.unlink()
    reconcile()
    record().delete()
    return jobs_root


def test_links_of_core_and_ours_are_set_again_and_the_log_says_so(deleted):
    write_job(deleted)
    refresh_core()
    reconcile()
    job = record()
    core_job = Job.objects.get(module_name="backup")
    assert job.core_job == core_job
    assert JobResult.objects.filter(job_model=core_job, registry_run__job=job).count() == 3
    assert ScheduledJob.objects.filter(job_model=core_job, registry_schedule__job=job, enabled=False).count() == 2
    told = relinked()
    assert [(entry["job"], entry["fields"]["runs"]["new"], entry["fields"]["schedules"]["new"]) for entry in told] == [
        (PATH, 3, 2)
    ]
    assert "Overrides of the deleted record do not come back" in told[0]["message"]
    assert reconcile().plan.is_empty


def test_overrides_and_enabled_do_not_come_back(deleted):
    write_job(deleted)
    refresh_core()
    reconcile()
    assert (record().description, record().overridden_fields, record().enabled) == ("", (), False)


def test_suspensions_of_the_deleted_record_wait_for_a_person(deleted):
    for _ in range(2):
        assert Suspension.objects.filter(job=None, class_path=PATH, outcome="suspended").count() == 2
        assert not ScheduledJob.objects.filter(enabled=True, registry_schedule__class_path=PATH).exists()
        write_job(deleted)
        refresh_core()
        reconcile()


def test_links_of_core_are_set_though_core_has_not_refreshed_yet(deleted):
    write_job(deleted)
    reconcile()
    core_job = record().core_job
    assert JobResult.objects.filter(job_model=core_job, registry_run__job=record()).count() == 3
    assert ScheduledJob.objects.filter(job_model=core_job).count() == 2
    refresh_core()
    assert reconcile().plan.is_empty


def test_core_row_that_was_deleted_alone_gets_its_runs_back(jobs_root):
    write_job(jobs_root)
    refresh_core()
    reconcile(reload=False)
    run = JobRunFactory(job=record())
    Job.objects.get(module_name="backup").delete()
    run.job_result.refresh_from_db()
    assert run.job_result.job_model is None
    refresh_core()
    reconcile(reload=False)
    run.job_result.refresh_from_db()
    assert run.job_result.job_model == record().core_job


def test_runs_of_another_class_and_of_another_record_stay_as_they_are(deleted):
    other = JobRunFactory(job=None, class_path="backup.Other", job_result__job_model=None)
    taken = JobRunFactory(job__module_name="elsewhere", class_path=PATH)
    write_job(deleted)
    refresh_core()
    reconcile()
    for run, job in ((other, None), (taken, taken.job)):
        run.refresh_from_db()
        assert run.job == job


def asked_for_anchors(statements):
    """Return the statements about anchors; whether anything is suspended is asked of the records each time."""
    tables = ("jobrun", "jobschedule", "suspension")
    of_records = 'SELECT "nautobot_job_registry_registeredjob"'
    return [sql for sql in statements if any(name in sql for name in tables) and not sql.startswith(of_records)]


def test_nothing_is_asked_for_where_nothing_is_registered(jobs_root):
    write_job(jobs_root, description="old")
    refresh_core()
    reconcile(reload=False)
    write_job(jobs_root, description="new")
    with counted_statements() as statements:
        reconcile()
    assert not asked_for_anchors(statements)


@pytest.mark.slow
def test_first_registration_asks_per_batch_and_writes_nothing(jobs_root):
    counts = []
    for size in (5, 60):
        classes = [JobClassSourceFactory(name=f"Job{number}") for number in range(size)]
        JobModuleFactory(folder=jobs_root, name="many", classes=classes)
        refresh_core()
        empty_registry()
        with counted_statements() as statements:
            reconcile(reload=False)
        asked = asked_for_anchors(statements)
        assert all(sql.startswith("SELECT") for sql in asked)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 6
