"""What is left when the record of an uninstalled job is deleted, whichever way (M9, rule 19)."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from nautobot.apps.testing import create_job_result_and_run_job
from nautobot.extras.models import (
    FileProxy,
    Job,
    JobButton,
    JobHook,
    JobLogEntry,
    JobQueue,
    JobResult,
    ObjectChange,
    ScheduledJob,
)
from nautobot.users.models import Token

from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.factory import (
    JobResultFactory,
    JobRunFactory,
    JobScheduleFactory,
    RegisteredJobFactory,
    ScheduledJobFactory,
    empty_registry,
)
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.lifecycle.suspensions import suspending
from nautobot_job_registry.models import JobRun, JobSchedule, RegisteredJob, Suspension
from tests.support import counted_statements

UI = "plugins:nautobot_job_registry:registeredjob"
API = "plugins-api:nautobot_job_registry-api:registeredjob"
PATH = "gone.jobs.Gone"


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("operator", "operator@example.com", "secret")


def make_job(number="", **values):
    queue, _ = JobQueue.objects.get_or_create(name="default", defaults={"queue_type": "celery"})
    names = {"module_name": f"gone{number}.jobs", "job_class_name": "Gone"}
    core_job = Job.objects.create(
        **names, name=f"Gone {number}", grouping="G", installed=False, default_job_queue=queue
    )
    values = {"installed": False, "absence": "removed", "core_job": core_job, **values}
    return RegisteredJobFactory(**names, **values)


@pytest.fixture
def job(db):
    """An uninstalled job with three runs (logs, a file) and two schedules; one of each is anchored."""
    empty_registry()
    job = make_job()
    JobRunFactory(job=job)
    for _ in range(2):
        JobResultFactory(job_model=job.core_job)
    JobScheduleFactory(job=job, scheduled_job__name="anchored", scheduled_job__enabled=False)
    ScheduledJobFactory(job_model=job.core_job, name="not anchored")
    for result in JobResult.objects.filter(job_model=job.core_job):
        result.use_job_logs_db = False
        JobLogEntry.objects.create(job_result=result, message="kept")
        FileProxy.objects.create(name="kept.txt", file=ContentFile(b"kept", name="kept.txt"), job_result=result)
    JobHook.objects.create(name="Hook", job=job.core_job)
    return job


def assert_nothing_is_lost(core_job_id):
    assert not RegisteredJob.objects.filter(job_class_name="Gone").exists()
    assert not Job.objects.filter(pk=core_job_id).exists()
    assert not JobHook.objects.exists()
    runs = JobResult.objects.filter(registry_run__class_path=PATH)
    assert [(run.job_model, run.registry_run.job) for run in runs] == [(None, None)] * 3
    assert [entry.message for run in runs for entry in run.job_log_entries.all()] == ["kept"] * 3
    assert [proxy.file.read() for run in runs for proxy in run.files.all()] == [b"kept"] * 3
    schedules = ScheduledJob.objects.filter(registry_schedule__class_path=PATH).order_by("name")
    assert [schedule.name for schedule in schedules] == ["anchored", "not anchored"]
    assert {(row.job_model, row.registry_schedule.job, row.enabled, row.task) for row in schedules} == {
        (None, None, False, PATH)
    }


def by_orm(job, user):
    job.delete()


def by_ui(job, user):
    client = Client()
    client.force_login(user)
    assert client.post(reverse(f"{UI}_delete", kwargs={"pk": job.pk}), {"confirm": True}).status_code == 302


def rest(user, method, url, data=None):
    headers = {"Authorization": f"Token {Token.objects.create(user=user).key}"}
    return getattr(Client(), method)(url, data, content_type="application/json", headers=headers)


def by_rest(job, user):
    assert rest(user, "delete", reverse(f"{API}-detail", kwargs={"pk": job.pk})).status_code == 204


def by_bulk_rest(job, user):
    assert rest(user, "delete", reverse(f"{API}-list"), [{"id": str(job.pk)}]).status_code == 204


@pytest.mark.parametrize("delete", [by_orm, by_ui, by_rest, by_bulk_rest])
@pytest.mark.django_db
def test_deletion_keeps_runs_logs_files_and_schedules_and_the_class_path(job, user, delete):
    core_job = job.core_job_id
    delete(job, user)
    assert_nothing_is_lost(core_job)


def delete_in_bulk(job, user):
    content_type = ContentType.objects.get_for_model(RegisteredJob).pk
    result = create_job_result_and_run_job(
        "nautobot.core.jobs.bulk_actions",
        "BulkDeleteObjects",
        username=user.username,
        **job_arguments({"content_type": content_type, "pk_list": [str(job.pk)]}),
    )
    assert result.status == "SUCCESS", list(result.job_log_entries.values_list("message", flat=True))


@pytest.mark.django_db(transaction=True, databases=["default", "job_logs"])
def test_bulk_deletion_of_the_ui_keeps_them_too(job, user):
    core_job = job.core_job_id
    delete_in_bulk(job, user)
    assert_nothing_is_lost(core_job)


@pytest.mark.parametrize("in_bulk", [False, True])
@pytest.mark.django_db(transaction=True, databases=["default", "job_logs"])
def test_deletion_logs_what_nautobot_deletes_with_the_record(job, user, in_bulk):
    JobButton.objects.create(name="Button", text="Press", job=job.core_job)
    ObjectChange.objects.all().delete()
    if in_bulk:
        delete_in_bulk(job, user)
    else:
        by_ui(job, user)
    entries = ObjectChange.objects.filter(action="delete").values_list("changed_object_type__model", flat=True)
    assert sorted(entries) == ["job", "jobbutton", "jobhook", "registeredjob"]


@pytest.mark.django_db
def test_schedule_that_would_fire_at_nothing_is_switched_off_and_told(job):
    schedule = ScheduledJob.objects.get(name="not anchored")
    assert schedule.enabled
    job.delete()
    told = Suspension.objects.get()
    assert (told.suspended_object, told.job, told.class_path) == (schedule, None, PATH)
    assert (told.reason, told.origin, told.outcome) == ("removed", "registry", "suspended")
    assert (told.previous_state["enabled"], told.suspended_state["enabled"]) == (True, False)


@pytest.mark.django_db
def test_schedule_whose_core_job_is_gone_is_switched_off_too(job):
    anchor = JobScheduleFactory(job=job)
    job.core_job.delete()
    job.refresh_from_db()
    job.delete()
    anchor.refresh_from_db()
    anchor.scheduled_job.refresh_from_db()
    assert (anchor.job, anchor.scheduled_job.enabled) == (None, False)


@pytest.mark.django_db
def test_deletion_that_fails_leaves_everything(job, monkeypatch):
    monkeypatch.setattr(suspending, "suspend_schedules", lambda jobs: 1 / 0)
    before = JobRun.objects.count(), JobSchedule.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        job.delete()
    assert (JobRun.objects.count(), JobSchedule.objects.count()) == before
    assert RegisteredJob.objects.filter(pk=job.pk, core_job=job.core_job).exists()


@pytest.mark.django_db
def test_impact_counts_what_only_the_anchors_hold(job, user):
    JobRun.objects.exclude(pk=JobRun.objects.filter(job=job).first().pk).delete()
    job.core_job.delete()
    job.refresh_from_db()
    assert deletion.deletion_impact([job], user).runs == 1


@pytest.mark.django_db
def test_bulk_page_says_what_the_deletion_costs(job, user):
    other = make_job(2)
    JobResultFactory(job_model=other.core_job)
    client = Client()
    client.force_login(user)
    url = reverse(f"{UI}_bulk_delete")
    page = " ".join(client.post(url, {"pk": [job.pk, other.pk]}).content.decode().split())
    for words in ("4 runs lose the link", "2 schedules lose the link", "1 job hook will be deleted", ">Hook</a>"):
        assert words in page
    installed = RegisteredJobFactory(module_name="there")
    page = client.post(url, {"pk": [job.pk, installed.pk]}).content.decode()
    assert f"Installed: {installed.class_path}" in page


@pytest.mark.django_db
def test_anchoring_grows_per_batch_and_not_per_run(job):
    counts = []
    for size in (2, 150):
        JobRun.objects.all().delete()
        JobResult.objects.bulk_create([JobResult(name="run", job_model=job.core_job) for _ in range(size)])
        with counted_statements() as statements:
            deletion.keep_what_hangs_on([job])
        counts.append(len(statements))
    assert counts[1] <= counts[0]


@pytest.mark.django_db
def test_job_that_has_come_back_meanwhile_is_kept(job, user):
    RegisteredJob.objects.filter(pk=job.pk).update(installed=True, absence="")
    with pytest.raises(deletion.InstalledError):
        deletion.delete_records([job], user)
    assert RegisteredJob.objects.filter(pk=job.pk).exists()


@pytest.mark.django_db
def test_schedule_that_a_person_has_pointed_at_another_job_stays_on(job):
    other = make_job(2)
    anchor = JobScheduleFactory(job=job)
    ScheduledJob.objects.filter(pk=anchor.scheduled_job_id).update(job_model=other.core_job, enabled=True)
    job.delete()
    anchor.scheduled_job.refresh_from_db()
    assert anchor.scheduled_job.enabled


@pytest.mark.django_db
def test_costs_count_what_only_the_anchors_hold(job, user):
    job.core_job.delete()
    job.refresh_from_db()
    impact, costs = deletion.deletion_impact([job], user), deletion.deletion_costs([job])[job.pk]
    assert (impact.runs, impact.schedules.count) == (costs.runs, costs.schedules) == (3, 2)
