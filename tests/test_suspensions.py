"""What is switched off with a job, and comes back with it (rule 18)."""

from datetime import datetime, timedelta, timezone

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone as django_timezone
from nautobot.core.celery import app
from nautobot.core.celery.schedulers import NautobotScheduleEntry
from nautobot.extras.models import Job, JobButton, JobHook, ObjectChange, ScheduledJob, ScheduledJobs

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.lifecycle.suspensions import suspending
from nautobot_job_registry.models import JobSchedule, Reconciliation, RegisteredJob, Suspension
from nautobot_job_registry.reconcile import reconcile, report
from nautobot_job_registry.views import change_rows, changes
from tests.support import counted_statements, refresh_core

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, 2, 0, tzinfo=timezone.utc)
BASES = {"Plain": "Job", "Hook": "JobHookReceiver", "Button": "JobButtonReceiver"}


def write_jobs(folder, *names, **bases):
    classes = [
        JobClassSourceFactory(name=name, base={**BASES, **bases}[name], meta={"name": f"Suspended {name}"})
        for name in names or BASES
    ]
    return JobModuleFactory(folder=folder, name="suspended", classes=classes)


def core_job(name):
    return Job.objects.get(module_name="suspended", job_class_name=name)


def record(name):
    return RegisteredJob.objects.get(module_name="suspended", job_class_name=name)


class Stage:
    """Three jobs in one module, with dependents of all kinds and in all states."""

    def __init__(self, folder):
        self.folder = folder
        self.user = get_user_model().objects.create(username="scheduler")
        self.write()
        refresh_core()
        Job.objects.filter(module_name="suspended").update(enabled=True)
        reconcile(reload=False)
        self.daily = self.schedule("daily")
        self.off = self.schedule("off", enabled=False, state="completed")
        self.pending = self.schedule("pending", enabled=False, state="pending")
        device = ContentType.objects.get(app_label="dcim", model="device")
        self.hook = JobHook.objects.create(name="hook", job=core_job("Hook"), type_create=True)
        self.button = JobButton.objects.create(name="button", text="Push", job=core_job("Button"))
        self.hook.content_types.add(device)
        self.button.content_types.add(device)

    def write(self, *names, **bases):
        self.path = write_jobs(self.folder, *names, **bases)

    def schedule(self, name, **values):
        values = {"interval": "daily", "start_time": START, "enabled": True, "state": "active", **values}
        job = core_job(values.pop("job", "Plain"))
        return ScheduledJob.objects.create(
            name=name, task=job.class_path, job_model=job, user=self.user, job_queue=job.default_job_queue, **values
        )

    def state(self):
        schedules = ScheduledJob.objects.filter(user=self.user).values_list("name", "enabled", "state")
        found = {name: (enabled, state) for name, enabled, state in schedules}
        for model in (JobHook, JobButton):
            found |= dict(model.objects.filter(job__module_name="suspended").values_list("name", "enabled"))
        return found


ALL_AS_BEFORE = {
    "daily": (True, "active"),
    "off": (False, "completed"),
    "pending": (False, "pending"),
    "hook": True,
    "button": True,
}
ALL_SUSPENDED = {**ALL_AS_BEFORE, "daily": (False, "completed"), "hook": False, "button": False}


@pytest.fixture
def stage(jobs_root):
    return Stage(jobs_root)


def outcomes():
    return {row.object_name: row.outcome for row in Suspension.objects.all()}


def test_removal_switches_off_what_is_on_and_records_it(stage):
    stage.path.unlink()
    outcome = reconcile()
    assert stage.state() == ALL_SUSPENDED
    rows = {row.object_name: row for row in Suspension.objects.all()}
    assert set(rows) == {"daily", "hook", "button"}
    assert {(row.reason, row.origin, row.outcome) for row in rows.values()} == {("removed", "registry", "suspended")}
    assert {name: row.job.class_path for name, row in rows.items()} == {
        "daily": "suspended.Plain",
        "hook": "suspended.Hook",
        "button": "suspended.Button",
    }
    assert rows["daily"].suspended_object == stage.daily
    assert (outcome.reconciliation.suspended, outcome.reconciliation.restored) == (3, 0)
    assert reconcile().plan.is_empty


def test_return_switches_on_what_was_suspended_and_no_more(stage):
    stage.path.unlink()
    reconcile()
    stage.write()
    outcome = reconcile()
    assert stage.state() == ALL_AS_BEFORE
    assert outcomes() == {"daily": "restored", "hook": "restored", "button": "restored"}
    assert (outcome.reconciliation.suspended, outcome.reconciliation.restored) == (0, 3)
    assert all(row.restored_at == outcome.reconciliation.started for row in Suspension.objects.all())
    assert reconcile().plan.is_empty


def test_what_core_switches_off_is_recorded_and_gets_its_reason_at_the_reconcile(stage):
    stage.path.unlink()
    # With the real models, as in a Git sync: core switches off what hangs on its rows.
    refresh_core()
    assert stage.state() == ALL_SUSPENDED
    assert {(row.reason, row.origin) for row in Suspension.objects.all()} == {("", "core")}
    outcome = reconcile(reload=False)
    assert {(row.reason, row.origin) for row in Suspension.objects.all()} == {("removed", "core")}
    assert outcome.reconciliation.suspended == 3
    assert reconcile(reload=False).plan.is_empty
    stage.write()
    refresh_core()
    reconcile(reload=False)
    assert stage.state() == ALL_AS_BEFORE


def test_temporary_absence_switches_nothing_off(stage):
    text = stage.path.read_text()
    stage.path.write_text("1 / 0\n")
    outcome = reconcile()
    assert record("Plain").absence == "load_error"
    assert stage.state() == ALL_AS_BEFORE
    assert (outcome.reconciliation.suspended, Suspension.objects.count()) == (0, 0)
    stage.path.write_text(text)
    reconcile()
    assert stage.state() == ALL_AS_BEFORE


def test_what_core_switched_off_because_of_a_temporary_absence_comes_back_with_the_job(stage):
    text = stage.path.read_text()
    stage.path.write_text("1 / 0\n")
    refresh_core()
    reconcile(reload=False)
    assert stage.state() == ALL_SUSPENDED
    assert {(row.reason, row.origin) for row in Suspension.objects.all()} == {("load_error", "core")}
    stage.path.write_text(text)
    refresh_core()
    assert reconcile(reload=False).reconciliation.restored == 3
    assert stage.state() == ALL_AS_BEFORE


def test_absence_that_turns_out_to_be_a_removal_switches_off(stage):
    stage.path.write_text("1 / 0\n")
    reconcile()
    stage.path.unlink()
    reconcile()
    assert stage.state() == ALL_SUSPENDED


def test_core_can_run_the_job_when_what_hangs_on_it_comes_back(stage):
    stage.path.unlink()
    refresh_core()
    reconcile(reload=False)
    assert not core_job("Plain").installed
    assert stage.state() == ALL_SUSPENDED
    stage.write()
    reconcile()
    assert record("Plain").installed
    assert core_job("Plain").installed
    assert stage.state() == ALL_AS_BEFORE
    assert reconcile(dry_run=True).plan.is_empty


def test_what_a_person_changed_meanwhile_stays_as_the_person_left_it(stage):
    hourly = stage.schedule("hourly", interval="hourly")
    stage.path.unlink()
    reconcile()
    hourly.refresh_from_db()
    hourly.interval = "weekly"
    hourly.save()
    stage.hook.refresh_from_db()
    stage.hook.content_types.add(ContentType.objects.get(app_label="dcim", model="rack"))
    stage.button.refresh_from_db()
    stage.button.enabled = True
    stage.button.save()
    outcome = reconcile()
    assert [(action.name, action.ending.value) for action in outcome.plan.dependents] == [("button", "changed")]
    stage.write()
    reconcile()
    assert stage.state() == {**ALL_AS_BEFORE, "hourly": (False, "completed"), "hook": False}
    assert outcomes() == {"daily": "restored", "hourly": "changed", "hook": "changed", "button": "changed"}
    assert reconcile().plan.is_empty


def test_schedule_that_was_approved_meanwhile_is_left_alone(stage):
    stage.path.unlink()
    reconcile()
    stage.daily.refresh_from_db()
    # What an approval does.
    stage.daily.decision_date = django_timezone.now()
    stage.daily.state, stage.daily.enabled = "active", True
    stage.daily.save()
    assert [action.ending.value for action in reconcile().plan.dependents] == ["changed"]
    assert stage.state()["daily"] == (True, "active")
    assert reconcile().plan.is_empty
    stage.write()
    assert {action.name for action in reconcile().plan.dependents} == {"hook", "button"}
    assert stage.state()["daily"] == (True, "active")


def test_schedule_that_is_approved_for_a_job_that_is_gone_waits_for_its_return(stage):
    stage.path.unlink()
    reconcile()
    stage.pending.refresh_from_db()
    stage.pending.state, stage.pending.enabled = "active", True
    stage.pending.save()
    reconcile()
    assert stage.state()["pending"] == (False, "completed")
    stage.write()
    reconcile()
    assert stage.state()["pending"] == (True, "active")


def test_what_the_scheduler_does_by_itself_is_nobodys_decision(stage):
    stage.path.unlink()
    reconcile()
    ScheduledJob.objects.filter(pk=stage.daily.pk).update(
        state="errored", total_run_count=7, last_run_at=django_timezone.now()
    )
    stage.write()
    reconcile()
    assert stage.state()["daily"] == (True, "active")


def test_row_of_a_backup_is_switched_off_again_and_the_one_that_a_person_switched_on_is_not(stage):
    before = ScheduledJob.objects.filter(pk=stage.daily.pk).values().get()
    hourly = stage.schedule("hourly", interval="hourly")
    stage.path.unlink()
    reconcile()
    ScheduledJob.objects.filter(pk=stage.daily.pk).update(**before)
    hourly.refresh_from_db()
    hourly.enabled, hourly.state = True, "active"
    hourly.save()
    reconcile()
    assert stage.state() == {**ALL_SUSPENDED, "hourly": (True, "active")}
    assert outcomes()["daily"] == "suspended"
    assert outcomes()["hourly"] == "changed"
    assert reconcile().plan.is_empty
    assert stage.state()["hourly"] == (True, "active")


def test_decision_of_an_earlier_absence_does_not_hold_in_the_next(stage):
    stage.path.unlink()
    reconcile()
    stage.button.refresh_from_db()
    stage.button.enabled = True
    stage.button.save()
    reconcile()
    stage.write()
    reconcile()
    stage.path.unlink()
    reconcile()
    assert stage.state() == ALL_SUSPENDED


def test_deleted_dependent_ends_its_suspension_at_once(stage):
    stage.path.unlink()
    reconcile()
    stage.daily.delete()
    stage.hook.delete()
    assert outcomes() == {"daily": "gone", "hook": "gone", "button": "suspended"}
    stage.write()
    reconcile()
    assert outcomes()["button"] == "restored"


def test_deletion_that_no_signal_tells_of_is_found_by_the_next_reconcile(stage):
    stage.path.unlink()
    reconcile()
    queryset = ScheduledJob.objects.filter(pk=stage.daily.pk)
    JobSchedule.objects.filter(scheduled_job=stage.daily).delete()
    queryset._raw_delete(queryset.db)
    assert [(action.name, action.ending.value) for action in reconcile().plan.dependents] == [("daily", "gone")]
    assert outcomes()["daily"] == "gone"


def test_schedule_goes_on_from_its_return_and_catches_up_with_nothing(stage):
    later = django_timezone.now() + timedelta(days=2)
    stage.schedule("later", start_time=later)
    ScheduledJob.objects.filter(pk=stage.daily.pk).update(last_run_at=START + timedelta(days=3), total_run_count=4)
    stage.path.unlink()
    reconcile()
    stage.write()
    before = django_timezone.now()
    reconcile()
    daily, later_one = (ScheduledJob.objects.get(name=name) for name in ("daily", "later"))
    assert before <= daily.last_run_at <= django_timezone.now()
    assert daily.total_run_count == 4
    assert not due(daily)
    assert later_one.last_run_at is None
    assert not due(later_one)


def due(schedule):
    """Ask the scheduler whether it would run a schedule now."""
    schedule.refresh_from_db()
    return NautobotScheduleEntry(schedule, app=app).is_due().is_due


def test_one_run_whose_time_has_passed_waits_for_a_person(stage):
    soon = django_timezone.now() + timedelta(hours=1)
    for name, begin in (("missed", soon), ("to come", soon)):
        stage.schedule(name, interval="future", one_off=True, start_time=begin)
    stage.path.unlink()
    reconcile()
    # As time goes by.
    missed = ScheduledJob.objects.get(name="missed")
    past = soon - timedelta(hours=2)
    ScheduledJob.objects.filter(pk=missed.pk).update(start_time=past)
    row = Suspension.objects.get(object_name="missed")
    Suspension.objects.filter(pk=row.pk).update(
        suspended_state={**row.suspended_state, "start_time": past.astimezone(timezone.utc).isoformat()}
    )
    stage.write()
    reconcile()
    assert stage.state()["to come"] == (True, "active")
    assert stage.state()["missed"] == (False, "completed")
    assert outcomes()["missed"] == "suspended"
    assert reconcile().plan.is_empty


def test_hook_of_a_job_that_returns_as_another_kind_stays_off(stage):
    stage.path.unlink()
    reconcile()
    stage.write(Hook="Job")
    reconcile()
    assert stage.state() == {**ALL_AS_BEFORE, "hook": False}
    assert outcomes() == {"daily": "restored", "hook": "suspended", "button": "restored"}
    assert reconcile().plan.is_empty
    stage.write()
    reconcile()
    assert stage.state() == ALL_AS_BEFORE


def test_setting_keeps_everything_off_until_a_person_restores_it(stage, settings):
    plugin = settings.PLUGINS_CONFIG["nautobot_job_registry"]
    settings.PLUGINS_CONFIG = {
        **settings.PLUGINS_CONFIG,
        "nautobot_job_registry": {**plugin, "restore_dependents": False},
    }
    stage.path.unlink()
    reconcile()
    stage.write()
    reconcile()
    assert stage.state() == ALL_SUSPENDED
    assert reconcile().plan.is_empty


def test_suspension_outlives_its_record_and_its_schedule_does_not_come_back_by_itself(stage):
    stage.path.unlink()
    refresh_core()
    reconcile(reload=False)
    record("Plain").delete()
    stage.write()
    refresh_core()
    reconcile(reload=False)
    row = Suspension.objects.get(object_name="daily")
    assert (row.job, row.class_path, row.outcome) == (None, "suspended.Plain", "suspended")
    assert stage.state()["daily"] == (False, "completed")
    assert reconcile(reload=False).plan.is_empty


def test_first_registration_switches_off_what_fires_at_nothing(stage):
    stage.path.unlink()
    Job.objects.filter(module_name="suspended").update(installed=False)
    empty_registry()
    reconcile()
    assert record("Plain").absence == "removed"
    assert stage.state() == ALL_SUSPENDED
    assert {row.job for row in Suspension.objects.all()} == {record(name) for name in BASES}
    stage.write()
    refresh_core()
    reconcile(reload=False)
    assert stage.state() == ALL_AS_BEFORE


def test_what_core_switched_off_before_the_registry_knew_the_job_is_linked_to_its_record(stage):
    empty_registry()
    stage.path.unlink()
    refresh_core()
    assert {row.job for row in Suspension.objects.all()} == {None}
    reconcile(reload=False)
    assert {(row.job, row.reason) for row in Suspension.objects.all()} == {(record(name), "removed") for name in BASES}
    stage.write()
    refresh_core()
    reconcile(reload=False)
    assert stage.state() == ALL_AS_BEFORE


def test_reconcile_of_one_source_leaves_the_others_alone(stage):
    stage.path.unlink()
    reconcile("system")
    assert stage.state() == ALL_AS_BEFORE
    reconcile("local")
    assert stage.state() == ALL_SUSPENDED
    stage.write()
    reconcile("system")
    assert stage.state() == ALL_SUSPENDED


def test_scheduler_and_change_log_are_told(stage, django_capture_on_commit_callbacks):
    ScheduledJobs.objects.update_or_create(ident=1, defaults={"last_update": START})
    stage.path.unlink()
    with django_capture_on_commit_callbacks(execute=True):
        reconcile()
    assert ScheduledJobs.last_change() > START
    entries = ObjectChange.objects.filter(changed_object_id__in=[stage.hook.pk, stage.button.pk])
    latest = {entry.object_repr: entry for entry in entries.order_by("time")}
    assert {name: entry.object_data["enabled"] for name, entry in latest.items()} == {"hook": False, "button": False}
    assert {entry.change_context_detail for entry in latest.values()} == {"Job Registry: reconcile (command, all)"}


def test_plan_tells_the_impact_before_the_fact(stage):
    stage.path.unlink()
    plan = reconcile(dry_run=True).plan
    assert stage.state() == ALL_AS_BEFORE
    told = {entry["job"]: entry for entry in report.plan_as_json(plan) if "job" in entry}
    numbers = told["suspended.Plain"]["dependents"]["suspended"]
    assert (numbers["schedules"], numbers["job_hooks"], numbers["job_buttons"]) == (1, 0, 0)
    tomorrow = numbers["next_run"]
    assert django_timezone.now() < tomorrow <= django_timezone.now() + timedelta(days=1)
    assert (tomorrow.astimezone(timezone.utc).hour, tomorrow.minute) == (2, 0)
    assert told["suspended.Hook"]["dependents"]["suspended"]["job_hooks"] == 1
    assert told["suspended.Button"]["dependents"]["suspended"]["job_buttons"] == 1
    table = report.plan_as_table(plan)
    assert f"1 switched off; the next run would be {tomorrow:%Y-%m-%d %H:%M}" in table
    assert "3 switched off; " in table
    assert plan.counts()["suspended"] == 3
    reconcile()
    stage.write()
    plan = reconcile(dry_run=True).plan
    assert "1 switched on again; the next run is" in report.plan_as_table(plan)
    assert plan.counts()["restored"] == 3
    assert stage.state() == ALL_SUSPENDED


def test_what_is_told_of_dependents_can_be_read_back_from_the_log(stage):
    stage.path.unlink()
    planned = reconcile(dry_run=True).plan
    reconcile()
    stored = {entry["job"]: entry for entry in Reconciliation.objects.latest().changes}
    for entry in report.plan_as_json(planned):
        [(kind, text)] = report.dependent_texts(entry["dependents"])
        assert list(report.dependent_texts(stored[entry["job"]]["dependents"])) == [(kind, text)]
        found = changes.grouped([stored[entry["job"]]])
        groups = {shown.group.key: shown for shown in changes.shown_groups(found, change_rows.Known())}
        [row] = groups["suspended"].sections[0].rows
        assert f"1 {kind.replace('_', ' ').rstrip('s')} switched off with the job" in row.told
        assert row.told.rstrip(".").endswith(text.partition("; ")[2])


def test_number_of_statements_does_not_grow_with_dependents(stage):
    counts = []
    for size in (3, 30):
        stage.write()
        reconcile()
        for number in range(size):
            stage.schedule(f"many {size} {number}")
        stage.path.unlink()
        with counted_statements() as planned:
            reconcile(dry_run=True)
        with counted_statements() as suspended:
            reconcile()
        with counted_statements() as idle:
            assert reconcile().plan.is_empty
        stage.write()
        with counted_statements() as restored:
            reconcile()
        counts.append([len(found) for found in (planned, suspended, idle, restored)])
        ScheduledJob.objects.filter(name__startswith="many").delete()
    assert counts[0] == counts[1]
    assert counts[0][2] <= 20


def test_failure_of_the_record_keeps_nothing_from_core(stage, monkeypatch):
    def fail(job):
        Suspension.objects.create(class_path="x" * 600)

    monkeypatch.setattr(suspending, "record_switching_off", fail)
    monkeypatch.setattr(suspending, "record_deletion", fail)
    job = core_job("Plain")
    job.installed = False
    job.save()
    stage.daily.refresh_from_db()
    assert not stage.daily.enabled
    stage.daily.delete()
    assert not ScheduledJob.objects.filter(name="daily").exists()


def test_schedule_of_a_day_that_never_comes_is_suspended_with_the_others(stage):
    stage.schedule("never", interval="custom", crontab="0 0 31 2 *")
    stage.path.unlink()
    reconcile()
    rows = {row.object_name: row.previous_state["next_run"] for row in Suspension.objects.all()}
    assert rows.keys() == {"daily", "hook", "button", "never"}
    assert rows["never"] is None
    stage.write()
    reconcile()
    assert stage.state() == {**ALL_AS_BEFORE, "never": (True, "active")}


def test_schedule_with_a_crontab_that_makes_no_sense_is_suspended_too(stage):
    ScheduledJob.objects.filter(pk=stage.daily.pk).update(interval="custom", crontab="every now and then")
    stage.path.unlink()
    reconcile()
    assert stage.state()["daily"] == (False, "completed")


@pytest.mark.django_db(transaction=True)
def test_what_another_transaction_is_writing_is_not_waited_for_but_left_to_the_next_reconcile(jobs_root):
    stage = Stage(jobs_root)
    other = connection.get_new_connection(connection.get_connection_params())
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '10s'")
    try:
        # As a Git sync holds them, while it waits for the registry's lock.
        for model in (ScheduledJob, ScheduledJobs):
            other.cursor().execute(f"SELECT 1 FROM {model._meta.db_table} FOR UPDATE")
        stage.path.unlink()
        outcome = reconcile()
        assert outcome.reconciliation.status == "succeeded"
        assert stage.state() == {**ALL_SUSPENDED, "daily": (True, "active")}
        assert set(outcomes()) == {"hook", "button"}
    finally:
        other.rollback()
        other.close()
    reconcile()
    assert stage.state() == ALL_SUSPENDED
    assert set(outcomes()) == {"daily", "hook", "button"}


@pytest.mark.parametrize("is_told", [True, False])
def test_what_a_person_switched_on_during_a_load_error_goes_off_where_the_class_turns_out_removed(stage, is_told):
    """What was decided while the job was expected back is no decision to fire at a job that is gone for good."""
    text = stage.path.read_text()
    stage.path.write_text(f"import a_module_that_is_not_there\n{text}")
    # With the real models, as in a Git sync: core switches off what hangs on its rows.
    refresh_core()
    reconcile(reload=False)
    assert record("Plain").absence == "load_error"
    assert outcomes()["daily"] == "suspended"
    stage.daily.refresh_from_db()
    stage.daily.enabled, stage.daily.state = True, "active"
    stage.daily.save()
    if is_told:
        reconcile()
        assert outcomes()["daily"] == "changed"
    stage.path.unlink()
    reconcile()
    assert record("Plain").absence == "removed"
    assert stage.state()["daily"] == (False, "completed")
    assert reconcile().plan.is_empty
    stage.path.write_text(text)
    refresh_core()
    reconcile(reload=False)
    assert stage.state()["daily"] == (True, "active")
    assert reconcile().plan.is_empty


def test_what_a_person_switches_on_once_the_class_is_known_to_be_removed_stays_on(stage):
    stage.path.write_text("import a_module_that_is_not_there\n" + stage.path.read_text())
    reconcile()
    stage.path.unlink()
    reconcile()
    assert stage.state()["daily"] == (False, "completed")
    stage.daily.refresh_from_db()
    stage.daily.enabled, stage.daily.state = True, "active"
    stage.daily.save()
    for _ in range(2):
        reconcile()
        assert stage.state()["daily"] == (True, "active")
