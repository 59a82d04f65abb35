"""What is evidence of a decision: what is stored, and not what an instance was when somebody read it (rule 16)."""

import pickle
import time
from threading import Thread

import pytest
from django.db import connection, connections, transaction
from nautobot.extras.models import Job, JobQueue

from nautobot_job_registry.core_bridge import agreement
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests import test_core_bridge
from tests.support import counted_statements, refresh_core

pytestmark = pytest.mark.django_db

sides = test_core_bridge.sides

PATH = {"module_name": "bridged", "job_class_name": "Bridged"}
# How somebody gets hold of an instance of core's row, and holds on to it.
HELD = {
    "read": lambda: Job.objects.get(**PATH),
    "refreshed": lambda: refreshed(Job.objects.get(**PATH)),
    "refreshed_in_part": lambda: refreshed(Job.objects.get(**PATH), ["enabled", "time_limit", "time_limit_override"]),
    "pickled": lambda: pickle.loads(pickle.dumps(Job.objects.get(**PATH))),
    "only": lambda: Job.objects.only("time_limit", "time_limit_override", "enabled").get(**PATH),
    "deferred": lambda: Job.objects.defer("time_limit", "time_limit_override", "last_updated").get(**PATH),
}


def refreshed(job, fields=None):
    job.refresh_from_db(fields=fields)
    return job


def registry(**values):
    """Decide something in the registry."""
    record = RegisteredJob.objects.get(**PATH)
    for name, value in values.items():
        setattr(record, name, value)
    record.save()


def both(sides, name):
    return getattr(sides.row("registry"), name), getattr(sides.row("core"), name)


@pytest.mark.parametrize("how", HELD)
def test_a_decision_is_seen_however_the_row_was_read(sides, how):
    job = HELD[how]()
    job.time_limit, job.time_limit_override, job.enabled = 5.0, True, True
    job.save()
    assert both(sides, "time_limit") == (5.0, 5.0)
    assert both(sides, "enabled") == (True, True)
    assert sides.row("registry").overrides == {"time_limit": 5.0}


@pytest.mark.parametrize("how", HELD)
def test_a_row_that_was_read_before_winds_nothing_back(sides, how):
    job = HELD[how]()
    registry(time_limit=5.0, time_limit_override=True, enabled=True)
    job.description = "whatever"
    job.save()
    assert both(sides, "time_limit") == (5.0, 5.0)
    assert both(sides, "enabled") == (True, True)
    assert sides.row("registry").overrides == {"time_limit": 5.0}
    assert sides.row("core").time_limit_override is True


@pytest.mark.parametrize("how", ["read", "refreshed", "pickled", "only"])
def test_what_is_decided_with_a_row_that_was_read_before_counts_and_the_rest_is_only_old(sides, how):
    job = HELD[how]()
    registry(time_limit=5.0, time_limit_override=True)
    job.enabled = True
    job.save()
    assert both(sides, "time_limit") == (5.0, 5.0)
    assert both(sides, "enabled") == (True, True)


def test_a_decision_that_was_read_again_can_be_taken_back(sides):
    """What the row said before is a decision where somebody says it who knows what it says now."""
    registry(enabled=True)
    job = sides.row("core")
    job.enabled = False
    job.save()
    assert both(sides, "enabled") == (False, False)


def test_a_decision_that_was_refreshed_can_be_taken_back(sides):
    job = sides.row("core")
    registry(enabled=True)
    job.refresh_from_db()
    job.enabled = False
    job.save()
    assert both(sides, "enabled") == (False, False)


def test_an_instance_can_be_saved_again_and_again(sides):
    job = sides.row("core")
    for value in (True, False, True):
        job.enabled = value
        job.save()
        assert both(sides, "enabled") == (value, value)


def test_only_the_columns_that_are_written_are_decided(sides):
    job = sides.row("core")
    job.enabled = True
    job.save(update_fields=["description"])
    assert both(sides, "enabled") == (False, False)
    job.save(update_fields=["enabled"])
    assert both(sides, "enabled") == (True, True)


def test_a_stale_instance_that_saves_other_columns_changes_nothing(sides):
    job = sides.row("core")
    registry(enabled=True)
    job.save(update_fields=["description"])
    assert both(sides, "enabled") == (True, True)


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_in_core_is_seen_when_it_is_saved_again(sides):
    job = sides.row("core")
    job.enabled, job.time_limit, job.time_limit_override = True, 5.0, True
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        job.save()
        raise ZeroDivisionError
    assert both(sides, "enabled") == (False, False)
    job.save()
    assert both(sides, "enabled") == (True, True)
    assert both(sides, "time_limit") == (5.0, 5.0)


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_in_the_registry_reaches_core_when_it_is_saved_again(sides):
    record = sides.row("registry")
    record.enabled, record.time_limit, record.time_limit_override = True, 5.0, True
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record.save()
        raise ZeroDivisionError
    record.save()
    assert both(sides, "enabled") == (True, True)
    assert both(sides, "time_limit") == (5.0, 5.0)
    reconcile()
    assert both(sides, "time_limit") == (5.0, 5.0)


@pytest.mark.django_db(transaction=True)
def test_a_record_that_was_saved_once_does_not_write_it_again_over_a_later_edit(sides):
    record = sides.row("registry")
    record.time_limit, record.time_limit_override = 5.0, True
    record.save()
    job = sides.row("core")
    job.time_limit = 6.0
    job.save()
    record.enabled = True
    record.save()
    assert both(sides, "time_limit") == (6.0, 6.0)
    assert both(sides, "enabled") == (True, True)


@pytest.mark.parametrize("held", ["read", "deferred", "pickled"])
def test_two_records_that_were_read_at_once_both_count(sides, held):
    rows = RegisteredJob.objects.defer("description", "source_version") if held == "deferred" else RegisteredJob.objects
    first, second = rows.get(**PATH), rows.get(**PATH)
    if held == "pickled":
        second = pickle.loads(pickle.dumps(second))
    first.time_limit, first.time_limit_override = 5.0, True
    first.save()
    second.enabled = True
    second.save()
    assert both(sides, "time_limit") == (5.0, 5.0)
    assert both(sides, "enabled") == (True, True)


def test_columns_of_before_are_no_decision(sides):
    """Core's refresh in a migration saves all columns as it read them, and no signal tells of it."""
    before = Job.objects.filter(**PATH).values("time_limit", "time_limit_override", "enabled").get()
    registry(time_limit=5.0, time_limit_override=True, enabled=True)
    registry(time_limit=6.0)
    Job.objects.filter(**PATH).update(**before)
    assert not reconcile(dry_run=True).plan.is_empty
    reconcile()
    assert both(sides, "time_limit") == (6.0, 6.0)
    assert both(sides, "enabled") == (True, True)
    assert reconcile(dry_run=True).plan.is_empty


# What an old picture of core's row says, which somebody has stored meanwhile: what a person then decides, and the same.
CHOSEN_AS_BEFORE = {
    "a value": ({"time_limit": 5.0, "time_limit_override": True}, (5.0, 5.0), {"time_limit": 5.0}),
    "no override": ({"time_limit_override": False}, (60.0, 60.0), {}),
    "enabled": ({"enabled": False}, (6.0, 6.0), {"time_limit": 6.0}),
}


@pytest.mark.parametrize("chosen", CHOSEN_AS_BEFORE)
@pytest.mark.parametrize("how", ["read", "refreshed", "pickled"])
def test_what_is_chosen_counts_though_an_old_picture_that_was_stored_meanwhile_says_the_same(sides, how, chosen):
    """The person has read the row before core's refresh wrote its old columns back, and chooses what these say."""
    values, said, overrides = CHOSEN_AS_BEFORE[chosen]
    registry(time_limit=5.0, time_limit_override=True)
    before = Job.objects.filter(**PATH).values("time_limit", "time_limit_override", "enabled").get()
    registry(time_limit=6.0, enabled=True)
    job = HELD[how]()
    Job.objects.filter(**PATH).update(**before | values)
    for name, value in values.items():
        setattr(job, name, value)
    job.save()
    for _ in range(2):
        assert both(sides, "time_limit") == said
        assert both(sides, "enabled") == (chosen != "enabled",) * 2
        assert sides.row("registry").overrides == overrides
        reconcile()
    assert reconcile(dry_run=True).plan.is_empty


def test_what_is_not_written_is_not_chosen_though_an_old_picture_says_the_same(sides):
    registry(time_limit=5.0, time_limit_override=True)
    before = Job.objects.filter(**PATH).values("time_limit").get()
    registry(time_limit=6.0)
    job = sides.row("core")
    Job.objects.filter(**PATH).update(**before)
    job.time_limit = 5.0
    job.save(update_fields=["description"])
    reconcile()
    assert both(sides, "time_limit") == (6.0, 6.0)


def test_something_new_that_nobody_told_of_is_a_decision(sides):
    registry(time_limit=5.0, time_limit_override=True)
    Job.objects.filter(**PATH).update(time_limit=7.0)
    reconcile()
    assert both(sides, "time_limit") == (7.0, 7.0)
    assert sides.row("registry").field_overrides.get().origin == "core"


@pytest.mark.parametrize("edit", ["add", "set", "assignment"])
def test_queues_that_are_assigned_from_their_own_side_are_seen(sides, edit):
    registry_queues(["default", "night"])
    job, day = sides.row("core"), JobQueue.objects.get(name="day")
    if edit == "add":
        day.jobs.add(job)
    elif edit == "set":
        day.jobs.set([job])
    else:
        job.job_queue_assignments.create(job_queue=day)
    assert sides.row("registry").overrides["job_queues"] == ["day", "default", "night"]


def registry_queues(names):
    record = RegisteredJob.objects.get(**PATH)
    record.job_queues_override = True
    record.save()
    record.job_queues.set(JobQueue.objects.filter(name__in=names))


def test_a_refresh_that_read_the_row_before_its_queues_were_chosen_winds_them_not_back(sides):
    job = sides.row("core")
    registry_queues(["day", "default"])
    job.job_queues.set(JobQueue.objects.filter(name="default"))
    job.save()
    reconcile()
    assert sides.row("registry").overrides == {"job_queues": ["day", "default"]}
    assert sides.said("core", "job_queues") == (["day", "default"], True)


@pytest.mark.parametrize("default", ["default", "night"])
def test_a_refresh_that_read_the_row_before_its_queues_were_given_back_chooses_none(sides, default):
    """It writes the flag of before to a row whose queues are those of the source by then: nobody chose these."""
    registry_queues(["day", "default"])
    registry(job_queues_override=False)
    if default != "default":
        registry(default_job_queue=JobQueue.objects.get(name=default), default_job_queue_override=True)
    Job.objects.filter(**PATH).update(job_queues_override=True)
    reconcile()
    assert "job_queues" not in sides.row("registry").overrides
    assert sides.said("core", "job_queues") == (sorted({"default", default}), False)
    assert reconcile(dry_run=True).plan.is_empty


def test_an_override_that_is_cleared_while_its_source_changes_says_what_the_source_says_now(
    sides,
    jobs_root,
):
    registry(time_limit=5.0, time_limit_override=True)
    record = sides.row("registry")
    assert record.current_revision.number == 1
    sides.write(jobs_root, description="source", time_limit=90)
    refresh_core()
    reconcile()
    record.time_limit_override = False
    record.save()
    assert both(sides, "time_limit") == (90.0, 90.0)


def test_an_override_of_a_job_without_a_core_job_is_cleared_to_what_the_source_says_now(
    sides,
    jobs_root,
):
    registry(time_limit=5.0, time_limit_override=True)
    record = sides.row("registry")
    sides.write(jobs_root, description="source", time_limit=90)
    refresh_core()
    reconcile()
    RegisteredJob.objects.filter(**PATH).update(core_job=None)
    record.time_limit_override = False
    record.save()
    assert sides.row("registry").time_limit == 90.0


@pytest.mark.parametrize("held", ["read", "before", "only", "update_fields"])
def test_a_queue_that_is_renamed_has_its_new_name_in_the_ledger(sides, held):
    night = JobQueue.objects.get(name="night")
    registry_queues(["default", "night"])
    registry(default_job_queue=night, default_job_queue_override=True)
    if held == "read":
        night = JobQueue.objects.get(name="night")
    elif held == "only":
        night = JobQueue.objects.only("name").get(name="night")
    night.name = "late"
    night.save(update_fields=["name"] if held == "update_fields" else None)
    record = sides.row("registry")
    noted = dict(record.field_overrides.values_list("field", "value"))
    assert noted == {"job_queues": ["default", "late"], "default_job_queue": "late"}
    assert set(record.field_overrides.values_list("origin", flat=True)) == {"operator"}
    assert reconcile(dry_run=True).plan.is_empty
    registry(enabled=True)
    assert set(record.field_overrides.values_list("origin", flat=True)) == {"operator"}


WRITTEN_BACK = {
    "a value": {"time_limit": 6.0},
    "no override": {"time_limit_override": False},
    "enabled": {"enabled": True},
    "a queue": {"default_job_queue": "night", "default_job_queue_override": True},
}


@pytest.mark.parametrize("chosen", WRITTEN_BACK)
@pytest.mark.parametrize("quicker", [False, True])
def test_what_is_chosen_counts_though_an_old_picture_is_stored_right_after_it(sides, chosen, quicker):
    """A script saves without a transaction: core's refresh may write its old columns before we have looked."""
    registry(time_limit=5.0, time_limit_override=True)
    columns = ("time_limit", "time_limit_override", "enabled", "default_job_queue", "default_job_queue_override")
    before = Job.objects.filter(**PATH).values(*columns).get()
    job = sides.row("core")
    for name, value in WRITTEN_BACK[chosen].items():
        setattr(job, name, JobQueue.objects.get(name=value) if name == "default_job_queue" else value)
    agreement.look_at_core_row(job)
    if quicker:
        registry(time_limit=7.0)
        before["time_limit"] = 7.0
    Job.objects.filter(**PATH).update(**before)
    agreement.pull_decisions(job, decided=agreement.take_news(job))
    for _ in range(2):
        # Of what the quicker one has decided the later word counts, and of nothing else.
        is_overtaken = quicker and chosen in ("a value", "no override")
        wanted = before if is_overtaken else {**before, **WRITTEN_BACK[chosen]}
        for side in ("registry", "core"):
            row = sides.row(side)
            assert row.enabled == wanted["enabled"]
            assert row.time_limit_override == wanted["time_limit_override"]
            assert row.time_limit == (wanted["time_limit"] if row.time_limit_override else 60.0)
            assert row.default_job_queue_override == wanted["default_job_queue_override"]
            assert not row.default_job_queue_override or row.default_job_queue.name == "night"
        reconcile()
    assert reconcile(dry_run=True).plan.is_empty


def test_what_somebody_else_has_taken_over_meanwhile_counts_though_an_old_picture_is_stored_after_it(sides):
    """A script's decision reaches the registry by another's save; what a refresh then writes back is no second one."""
    old = Job.objects.filter(**PATH).values("time_limit", "time_limit_override", "enabled").get()
    job = sides.row("core")
    job.time_limit, job.time_limit_override = 9.0, True
    agreement.look_at_core_row(job)
    Job.objects.filter(**PATH).update(time_limit=9.0, time_limit_override=True)
    registry(description="Another's", description_override=True)
    Job.objects.filter(**PATH).update(**old)
    agreement.pull_decisions(job, decided=agreement.take_news(job))
    for _ in range(2):
        for side in ("registry", "core"):
            row = sides.row(side)
            assert (row.time_limit, row.time_limit_override, row.description) == (9.0, True, "Another's")
        reconcile()
    assert reconcile(dry_run=True).plan.is_empty


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("is_set", [True, False])
def test_the_ledger_says_what_is_stored_though_a_save_that_decides_nothing_has_read_the_record_before(
    sides, is_set, partial
):
    registry(description="Kept", description_override=True, time_limit=5.0, time_limit_override=not is_set)
    old = sides.row("registry")
    registry(time_limit=5.0, time_limit_override=is_set)
    if partial:
        old.save(update_fields=["last_updated"])
    else:
        old.override_reason = "Said of what is there"
        old.save()
    noted = set(old.field_overrides.values_list("field", flat=True))
    assert noted == set(sides.row("registry").overridden_fields) == {"description", *(["time_limit"] if is_set else [])}
    assert sides.row("core").time_limit_override is is_set


@pytest.mark.parametrize("chosen", [False, True])
def test_queues_that_core_has_assigned_are_locked_before_its_row_where_they_may_be_written(sides, chosen):
    """Core's refresh writes them first, and the row then: who does it the other way round meets it in a deadlock."""
    record = sides.row("registry")
    if chosen:
        record.job_queues_override = True
        record.save()
        record.refresh_from_db()
    record.description, record.description_override = "Chosen", True
    with counted_statements() as statements:
        record.save()
    locks = [sql for sql in statements if "FOR NO KEY UPDATE" in sql]
    assert ["extras_jobqueueassignment" in sql for sql in locks] == ([True, False] if chosen else [False])


def wait_until_somebody_waits():
    """Wait until another connection waits for a lock that this one has."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("chosen", ["default_job_queue", "revision"])
@pytest.mark.parametrize("side", ["registry", "core"])
def test_an_edit_that_waited_for_another_finds_what_that_one_points_at(sides, jobs_root, side, chosen):
    """PostgreSQL reads the row anew for whom waited for it, but not what is joined to it: that is missing then."""
    row = sides.row(side)
    row.time_limit, row.time_limit_override = 5.0, True

    def edit():
        row.save()
        connections.close_all()

    if chosen == "revision":
        sides.write(jobs_root, description="newly described", time_limit=90)
        refresh_core()
    thread = Thread(target=edit)
    with transaction.atomic():
        if chosen == "revision":
            reconcile(reload=False)
            Job.objects.filter(**PATH).update(enabled=False)
        else:
            night = JobQueue.objects.get(name="night")
            registry(default_job_queue=night, default_job_queue_override=True)
        thread.start()
        wait_until_somebody_waits()
    thread.join()
    record = sides.row("registry")
    assert record.core_job is not None
    assert both(sides, "time_limit") == (5.0, 5.0)
    assert record.overrides == {
        "time_limit": 5.0,
        **({"default_job_queue": "night"} if chosen == "default_job_queue" else {}),
    }
    assert both(sides, "description") == ("newly described" if chosen == "revision" else record.description,) * 2
    assert sorted(record.field_overrides.values_list("field", flat=True)) == sorted(record.overridden_fields)
    assert reconcile(dry_run=True).plan.is_empty
