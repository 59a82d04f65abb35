"""Overrides whose end has come revert by themselves, on both sides and in the ledger."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from nautobot.apps.testing import TransactionTestCase, create_job_result_and_run_job
from nautobot.extras.models import Job, JobQueue, ObjectChange, ScheduledJob
from nautobot.users.models import User

from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import FieldOverride, Reconciliation, RegisteredJob
from nautobot_job_registry.models.constants import END_OVERRIDES_JOB
from nautobot_job_registry.reconcile import end_overrides, reconcile, report
from tests.support import counted_statements, refresh_core

MODULE = "ending_jobs"
VALUES = {"time_limit": 5.0, "description": "Chosen"}


def write(folder, count=1, **meta):
    classes = [
        JobClassSourceFactory(name=f"Job{number}", meta={"name": f"{MODULE} {number}", "time_limit": 60, **meta})
        for number in range(count)
    ]
    return JobModuleFactory(folder=folder, name=MODULE, classes=classes)


def prepare():
    empty_registry()
    refresh_core()
    reconcile()


def record(number=0):
    return RegisteredJob.objects.get(module_name=MODULE, job_class_name=f"Job{number}")


def override(job, ended=True, **values):
    """Override fields, with an end that is still to come, or has come since."""
    for field, value in values.items():
        setattr(job, field, value)
        setattr(job, f"{field}_override", True)
    job.override_expires_at = timezone.now() + timedelta(hours=1)
    job.validated_save()
    if ended:
        past = timezone.now() - timedelta(seconds=1)
        FieldOverride.objects.filter(job=job, field__in=values).update(expires_at=past)


@pytest.fixture
def job(db, jobs_root):
    write(jobs_root)
    prepare()
    return record()


def test_an_ended_override_reverts_with_the_reconcile_on_both_sides(job):
    override(job, time_limit=5.0)
    override(job, ended=False, description="Chosen")
    job.enabled = True
    job.save()
    before = ObjectChange.objects.count()
    outcome = reconcile()
    row, core = record(), Job.objects.get(pk=job.core_job_id)
    for side in (row, core):
        assert (side.time_limit, side.time_limit_override, side.enabled) == (60.0, False, True)
        assert (side.description, side.description_override) == ("Chosen", True)
    assert list(row.field_overrides.values_list("field", flat=True)) == ["description"]
    (change,) = ObjectChange.objects.filter(changed_object_id=job.pk)[: ObjectChange.objects.count() - before]
    assert change.object_data["time_limit"] == 60.0
    assert outcome.reconciliation.overrides_ended == 1
    (told,) = outcome.reconciliation.changes
    assert (told["job"], told["overrides_ended"]) == (row.class_path, ["time_limit"])
    assert told["fields"]["time_limit"] == {"old": 5.0, "new": 60.0}
    refresh_core()
    assert reconcile().plan.is_empty


def test_an_end_that_has_come_is_not_that_of_a_value_that_is_set_after_it(job):
    override(job, time_limit=5.0)
    override(job, ended=False, hidden=True)
    job.time_limit = 9.0
    job.save()
    ends = dict(job.field_overrides.values_list("field", "expires_at"))
    assert ends["time_limit"] is None
    assert ends["hidden"] > timezone.now()
    reconcile()
    job.refresh_from_db()
    assert (job.time_limit, job.core_job.time_limit, job.time_limit_override) == (9.0, 9.0, True)


def test_a_dry_run_lists_what_would_end_and_check_exits_1(job):
    override(job, time_limit=5.0)
    output = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_jobs", "--check", stdout=output)
    assert ended.value.code == 1
    assert f"override ends  {MODULE}.Job0  time_limit " in output.getvalue()
    assert "1 override ended; " in output.getvalue()
    assert record().overrides == {"time_limit": 5.0}
    assert end_overrides(dry_run=True).plan.counts()["overrides_ended"] == 1
    assert FieldOverride.objects.filter(job=job).exists()


def test_every_field_ends(job):
    for name in ("day", "night"):
        JobQueue.objects.create(name=name, queue_type="celery")
    said = record().source_values
    override(
        job,
        grouping="Chosen",
        name="Chosen",
        description="Chosen",
        hidden=True,
        console_log_default=True,
        dryrun_default=True,
        soft_time_limit=5.0,
        time_limit=5.0,
        has_sensitive_variables=False,
        is_singleton=True,
        default_job_queue=JobQueue.objects.get(name="night"),
    )
    job.job_queues_override = True
    job.save()
    job.job_queues.set(JobQueue.objects.filter(name__in=["day", "night"]))
    FieldOverride.objects.filter(job=job).update(expires_at=timezone.now())
    assert end_overrides().plan.counts()["overrides_ended"] == 12
    row, core = record(), Job.objects.get(pk=job.core_job_id)
    for field in said:
        value = list(said[field]) if field == "job_queues" else said[field]
        assert row.value_of(field) == value
        assert getattr(core, f"{field}_override") is False
    assert sorted(core.job_queues.values_list("name", flat=True)) == list(said["job_queues"])
    assert not row.field_overrides.exists()
    assert reconcile(dry_run=True).plan.is_empty


@pytest.mark.parametrize("is_removed", [False, True])
def test_with_its_override_a_default_queue_leaves_the_others(db, jobs_root, is_removed):
    path = write(jobs_root, task_queues=["day"])
    prepare()
    override(record(), default_job_queue=JobQueue.objects.create(name="night", queue_type="celery"))
    assert record().value_of("job_queues") == ["day", "night"]
    if is_removed:
        path.unlink()
        refresh_core()
        reconcile()
    else:
        end_overrides()
    row, core = record(), Job.objects.get(pk=record().core_job_id)
    assert (row.value_of("default_job_queue"), row.value_of("job_queues")) == ("day", ["day"])
    assert [queue.name for queue in core.job_queues.all()] == ["day"]
    assert reconcile(dry_run=True).plan.is_empty


def test_ends_alone_write_nothing_where_none_has_come(job):
    override(job, ended=False, time_limit=5.0)
    before = Reconciliation.objects.count()
    with counted_statements() as statements:
        assert end_overrides().plan.is_empty
    assert not [sql for sql in statements if sql.split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert Reconciliation.objects.count() == before


def test_ends_alone_are_logged_and_read_no_source(job):
    override(job, time_limit=5.0)
    Path(settings.JOBS_ROOT, f"{MODULE}.py").write_text("raise SystemExit", encoding="utf-8")
    log = end_overrides().reconciliation
    assert (log.scope, log.status, log.overrides_ended) == ("overrides", "succeeded", 1)
    assert record().installed
    assert record().time_limit == 60.0


def test_the_end_of_an_override_of_a_removed_job(job, jobs_root):
    override(job, time_limit=5.0)
    (jobs_root / f"{MODULE}.py").unlink()
    refresh_core()
    plan = reconcile().plan
    assert plan.counts()["overrides_ended"] == 1
    assert plan.counts()["uninstalled"] == 1
    assert (record().installed, record().time_limit) == (False, 60.0)


def test_the_row_of_the_page_says_that_the_override_ended(job):
    override(job, time_limit=5.0)
    told = list(sentences.sentences(report.plan_as_json(end_overrides().plan)))
    assert f"{MODULE}.Job0: override of time limit ended, and the field says what the code says." in told


def test_the_registrys_own_statements_grow_per_batch_with_ended_overrides(db, jobs_root):
    write(jobs_root, 12)
    prepare()
    Job.objects.filter(module_name=MODULE).delete()
    counts = []
    for number in (1, 2, 10):
        for one in range(number):
            override(record(one), time_limit=5.0)
        with counted_statements() as statements:
            end_overrides()
        counts.append(len(statements))
    assert counts[1] == counts[2]


def run(*arguments):
    output = io.StringIO()
    call_command("schedule_override_ends", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_makes_one_schedule_and_enables_the_job(db):
    refresh_core()
    user = User.objects.create_user("operator")
    assert "at each full hour" in run("--user", "operator")
    assert "there already." in run("--user", "operator")
    schedule = ScheduledJob.objects.get(task=END_OVERRIDES_JOB)
    assert (schedule.interval, schedule.enabled, schedule.user) == ("hourly", True, user)
    assert schedule.kwargs == {"dryrun": False}
    assert schedule.job_model.enabled
    schedule.enabled = False
    schedule.save()
    assert "not enabled" in run("--user", "operator")
    assert ScheduledJob.objects.filter(task=END_OVERRIDES_JOB).count() == 1


def test_the_command_says_what_is_wrong(db):
    refresh_core()
    with pytest.raises(CommandError, match="no active user 'nobody'") as caught:
        run("--user", "nobody")
    assert caught.value.returncode == 2
    User.objects.create_user("operator")
    Job.objects.filter(job_class_name="EndOverrides").update(installed=False)
    with pytest.raises(CommandError, match="post_upgrade"):
        run("--user", "operator")


class EndOverridesTest(TransactionTestCase):
    databases = ("default", "job_logs")

    def test_the_job_ends_overrides_and_logs_each(self):
        self.addCleanup(write(Path(settings.JOBS_ROOT)).unlink)
        prepare()
        override(record(), time_limit=5.0)
        for dryrun, left in ((True, {"time_limit": 5.0}), (False, {})):
            result = create_job_result_and_run_job(
                "nautobot_job_registry.jobs", "EndOverrides", **job_arguments({"dryrun": dryrun})
            )
            messages = list(result.job_log_entries.values_list("message", flat=True))
            self.assertEqual(result.status, "SUCCESS", messages)
            told = f"{MODULE}.Job0: override of time limit ended, and the field says what the code says."
            self.assertIn(told, messages)
            self.assertEqual(result.result, {"overrides_ended": 1})
            self.assertEqual(record().overrides, left)
        log = Reconciliation.objects.latest()
        self.assertEqual((log.trigger, log.scope, log.job_result), ("job", "overrides", result))


def test_ends_alone_that_find_nothing_to_do_mend_a_failure_before(job):
    Reconciliation.objects.create(trigger="job", scope="overrides", status="failed", started=timezone.now())
    assert end_overrides().plan.is_empty
    assert not Reconciliation.objects.unmended().exists()
    before = Reconciliation.objects.count()
    end_overrides()
    assert Reconciliation.objects.count() == before
