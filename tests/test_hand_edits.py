"""What somebody changed by hand in the tables, ours or core's, is mended by the next reconcile (rule 11)."""

import pytest
from nautobot.extras.models import Job

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import refresh_core

pytestmark = pytest.mark.django_db


def write(folder, module, description="one", count=1):
    classes = [
        JobClassSourceFactory(name=f"Job{number}", meta={"name": f"{module} {number}", "description": description})
        for number in range(count)
    ]
    return JobModuleFactory(folder=folder, name=module, classes=classes)


def record(module, name="Job0"):
    return RegisteredJob.objects.get(module_name=module, job_class_name=name)


def core_job(module, name="Job0"):
    return Job.objects.get(module_name=module, job_class_name=name)


@pytest.fixture
def settled(jobs_root):
    """Write modules and reconcile them: `settled("a", "b")`."""
    empty_registry()

    def settle(*modules):
        for module in modules:
            write(jobs_root, module)
        refresh_core()
        reconcile()

    return settle


def mended():
    outcome = reconcile()
    assert reconcile(dry_run=True).plan.is_empty
    return outcome


def delete_the_last_revision(job):
    job.current_revision.delete()


def point_at_an_earlier_revision(job):
    RegisteredJob.objects.filter(pk=job.pk).update(current_revision=job.revisions.get(number=1))


def point_at_no_revision(job):
    RegisteredJob.objects.filter(pk=job.pk).update(current_revision=None)


@pytest.mark.parametrize(
    ("edit", "numbers"),
    [
        (delete_the_last_revision, [1, 2]),
        (point_at_an_earlier_revision, [1, 2, 3]),
        (point_at_no_revision, [1, 2, 3]),
    ],
)
def test_next_revision_comes_after_all_there_are(settled, jobs_root, edit, numbers):
    settled("first")
    write(jobs_root, "first", "two")
    reconcile()
    edit(record("first"))
    write(jobs_root, "other")
    planned = reconcile(dry_run=True).plan
    assert mended().plan.jobs == planned.jobs
    job = record("first")
    assert [row.number for row in job.revisions.order_by("number")] == numbers
    assert job.current_revision.number == numbers[-1]
    told = {entry["job"]: entry for entry in Reconciliation.objects.filter(changed=1).latest().changes}
    assert told["first.Job0"]["fields"]["current_revision"]["new"] == numbers[-1]
    assert record("other").installed


@pytest.mark.parametrize("is_saved", [True, False], ids=["save", "update"])
@pytest.mark.parametrize("core_is_first", [True, False], ids=["refreshed before", "as it is"])
def test_row_of_core_that_was_moved_to_the_new_path_of_its_class_is_followed(
    settled, jobs_root, is_saved, core_is_first
):
    settled("old")
    row = core_job("old")
    RegisteredJob.objects.filter(pk=record("old").pk).update(enabled=True)
    Job.objects.filter(pk=row.pk).update(enabled=True)
    reconcile()
    (jobs_root / "old.py").unlink()
    write(jobs_root, "new")
    if is_saved:
        row.refresh_from_db()
        row.module_name = "new"
        row.save()
    else:
        Job.objects.filter(pk=row.pk).update(module_name="new")
    if core_is_first:
        refresh_core()
    mended()
    old, new = record("old"), record("new")
    assert (new.core_job, new.installed, new.enabled) == (row, True, True)
    assert (old.core_job, old.installed, old.absence) == (None, False, "removed")


def test_rows_of_core_that_changed_places_are_followed(settled):
    settled("first", "second", "third")
    first, second = core_job("first"), core_job("second")
    for pk, module in ((first.pk, "between"), (second.pk, "first"), (first.pk, "second")):
        Job.objects.filter(pk=pk).update(module_name=module)
    mended()
    assert (record("first").core_job, record("second").core_job) == (second, first)
    assert record("third").core_job == core_job("third")


def test_job_whose_row_of_core_became_that_of_another_one_gets_a_new_one(settled, jobs_root):
    settled("first")
    Job.objects.filter(module_name="first").update(module_name="second")
    write(jobs_root, "second")
    mended()
    for module in ("first", "second"):
        assert record(module).core_job == core_job(module)
        assert record(module).installed
