"""Discover, plan, apply, report (rules 5 to 11)."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from nautobot.extras.models import Job, JobQueue, ObjectChange

from nautobot_job_registry import signals
from nautobot_job_registry.core_bridge import host
from nautobot_job_registry.core_bridge.rows import SHARED_FLAGS, SHARED_VALUES
from nautobot_job_registry.engine.fields import FLAG_FIELDS
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import JobLoadError, JobRevision, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile, store
from nautobot_job_registry.sources import discovery
from tests.support import break_with, counted_statements, refresh_core

pytestmark = pytest.mark.django_db

STATEMENTS_UNCHANGED = 12


def write_jobs(folder, count=1, module="many", **meta):
    classes = [
        JobClassSourceFactory(name=f"Job{number}", meta={"name": f"{module} {number}", **meta})
        for number in range(count)
    ]
    return JobModuleFactory(folder=folder, name=module, classes=classes)


def registered(class_path):
    module_name, _, job_class_name = class_path.rpartition(".")
    return RegisteredJob.objects.get(module_name=module_name, job_class_name=job_class_name)


def core_job(class_path):
    module_name, _, job_class_name = class_path.rpartition(".")
    return Job.objects.get(module_name=module_name, job_class_name=job_class_name)


def assert_same_as_core():
    for core in Job.objects.all():
        ours = RegisteredJob.objects.get(module_name=core.module_name, job_class_name=core.job_class_name)
        names = [*SHARED_VALUES, *FLAG_FIELDS, *SHARED_FLAGS, "enabled", "installed"]
        for name in [*names, "default_job_queue"]:
            assert getattr(ours, name) == getattr(core, name), (core.class_path, name)
        assert set(ours.job_queues.all()) == set(core.job_queues.all())
        assert ours.core_job == core


def test_registry_holds_what_core_holds_value_for_value(jobs_root):
    write_jobs(jobs_root, 3, task_queues=["first", "second"], time_limit=9, hidden=True)
    refresh_core()
    reconcile(reload=False)
    assert RegisteredJob.objects.count() == Job.objects.count()
    assert_same_as_core()


def test_what_is_there_is_adopted_with_overrides_and_enabled(jobs_root):
    path = write_jobs(jobs_root, 2)
    refresh_core()
    empty_registry()
    Job.objects.filter(module_name="many").update(enabled=True, description="By hand", description_override=True)
    gone = Job.objects.create(
        module_name="gone",
        job_class_name="Gone",
        name="Gone",
        grouping="g",
        installed=False,
        enabled=True,
        time_limit=3,
        time_limit_override=True,
        default_job_queue=core_job("many.Job0").default_job_queue,
    )
    reconcile()
    assert_same_as_core()
    record = registered("gone.Gone")
    assert (record.installed, record.absence, record.core_job) == (False, "removed", gone)
    assert record.current_revision is None
    assert path.exists()


@pytest.mark.parametrize("how", ["removed", "load_error"])
def test_core_says_of_a_job_that_is_not_there_what_the_registry_says_and_shows_its_page(jobs_root, admin_client, how):
    """Core's page of a job that it takes for installed, and cannot load, fails where a time limit is overridden."""
    path = write_jobs(jobs_root)
    reconcile()
    job = registered("many.Job0")
    job.time_limit, job.time_limit_override = 90.0, True
    job.save()
    path.write_text("raise ValueError") if how == "load_error" else path.unlink()
    with counted_statements() as statements:
        reconcile()
    assert registered("many.Job0").absence == how
    core = core_job("many.Job0")
    assert not core.installed
    assert len([sql for sql in statements if sql.startswith('UPDATE "extras_job"') and "installed" in sql]) == 1
    assert admin_client.get(core.get_absolute_url()).status_code == 200


def test_second_reconcile_writes_only_its_log_row(jobs_root):
    write_jobs(jobs_root, 2)
    break_with("missing_import", jobs_root)
    reconcile()
    before = list(RegisteredJob.objects.order_by("pk").values())
    errors = list(JobLoadError.objects.values())
    counts = ObjectChange.objects.count(), JobRevision.objects.count(), Reconciliation.objects.count()
    assert reconcile().plan.is_empty
    assert list(RegisteredJob.objects.order_by("pk").values()) == before
    assert list(JobLoadError.objects.values()) == errors
    after = ObjectChange.objects.count(), JobRevision.objects.count(), Reconciliation.objects.count() - 1
    assert after == counts


def test_dry_run_writes_nothing_and_shows_the_plan_of_the_real_run(jobs_root):
    write_jobs(jobs_root)
    with counted_statements() as statements:
        planned = reconcile(dry_run=True).plan
    assert not [sql for sql in statements if sql.split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert not Reconciliation.objects.filter(trigger="command").exists()
    carried_out = reconcile(reload=False).plan
    assert [(action.key, action.kind) for action in planned.jobs] == [
        (action.key, action.kind) for action in carried_out.jobs
    ]


@pytest.mark.slow
def test_statements_do_not_grow_with_unchanged_jobs(jobs_root):
    counts = []
    for number, size in enumerate((5, 60)):
        write_jobs(jobs_root, size, module=f"many_{number}")
        refresh_core()
        reconcile(reload=False)
        with counted_statements() as statements:
            assert reconcile(reload=False).plan.is_empty
        counts.append(len(statements))
    assert counts[0] == counts[1] <= STATEMENTS_UNCHANGED


def test_loading_the_code_costs_no_statement_per_job(jobs_root):
    counts = []
    for number, size in enumerate((5, 60)):
        write_jobs(jobs_root, size, module=f"many_{number}")
        reconcile()
        with counted_statements() as statements:
            assert reconcile().plan.is_empty
        counts.append(len(statements))
    assert counts[0] == counts[1] <= STATEMENTS_UNCHANGED + 4


def test_statements_grow_per_batch_with_changed_jobs(jobs_root):
    counts = []
    for name in ("old", "new"):
        JobQueue.objects.create(name=name, queue_type="celery")
    # The first round fills caches of content types.
    for size in (2, 5, 60):
        for description in ("old", "new"):
            write_jobs(jobs_root, size, module=f"size_{size}", description=description, task_queues=[description])
            if description == "new":
                with counted_statements() as statements:
                    reconcile()
                counts.append(len(statements))
            else:
                reconcile()
    assert counts[1] == counts[2]


def test_statements_do_not_grow_with_the_ways_in_which_jobs_change(jobs_root):
    fields = {"description": "new", "time_limit": 5, "soft_time_limit": 4, "hidden": True, "is_singleton": True}
    fields |= {"dryrun_default": True, "has_sensitive_variables": False, "task_queues": ["new"]}
    JobQueue.objects.create(name="new", queue_type="celery")
    counts = []
    # The first round fills caches of content types.
    for size in (2, 3, 100):
        module = f"mixed_{size}"
        write_jobs(jobs_root, size, module=module)
        reconcile()
        chosen = [
            {field: value for position, (field, value) in enumerate(fields.items()) if (number + 1) >> position & 1}
            for number in range(size)
        ]
        classes = [
            JobClassSourceFactory(name=f"Job{number}", meta={"name": f"{module} {number}", **meta})
            for number, meta in enumerate(chosen)
        ]
        JobModuleFactory(folder=jobs_root, name=module, classes=classes)
        with counted_statements() as statements:
            reconcile()
        counts.append(len(statements))
        for number, meta in enumerate(chosen):
            core = core_job(f"{module}.Job{number}")
            queue = meta.get("task_queues", ["default"])[0]
            assert core.default_job_queue.name == queue
            plain = {field: value for field, value in meta.items() if field != "task_queues"}
            assert {field: getattr(core, field) for field in plain} == plain
        assert reconcile().plan.is_empty
    assert counts[1] == counts[2]


def test_row_of_core_keeps_its_queue_where_the_record_has_none(jobs_root):
    path = write_jobs(jobs_root, 2)
    reconcile()
    path.unlink()
    reconcile()
    queue = JobQueue.objects.create(name="core's own", queue_type="celery")
    kept, other = registered("many.Job0"), registered("many.Job1")
    Job.objects.filter(pk=kept.core_job_id).update(default_job_queue=queue, hidden=True)
    Job.objects.filter(pk=other.core_job_id).update(default_job_queue=queue)
    RegisteredJob.objects.filter(pk=kept.pk).update(default_job_queue=None, current_revision=None)
    reconcile()
    found = {job.job_class_name: job.default_job_queue.name for job in Job.objects.filter(module_name="many")}
    assert found == {"Job0": "core's own", "Job1": "default"}
    assert not core_job("many.Job0").hidden


def test_change_in_the_source_is_followed_logged_and_told(jobs_root):
    empty_registry()
    write_jobs(jobs_root, 2, description="old", task_queues=["one"])
    reconcile()
    assert not ObjectChange.objects.filter(changed_object_type__model="registeredjob").exists()
    write_jobs(jobs_root, 2, description="new", task_queues=["two"])
    outcome = reconcile()
    record = registered("many.Job0")
    assert (record.description, record.default_job_queue.name) == ("new", "two")
    assert [queue.name for queue in record.job_queues.all()] == ["two"]
    assert record.current_revision.number == 2
    entries = ObjectChange.objects.filter(changed_object_id=record.pk)
    assert [(entry.action, entry.object_data["description"]) for entry in entries] == [("update", "new")]
    told = {change["job"]: change["fields"] for change in outcome.reconciliation.changes}
    assert told["many.Job0"]["description"] == {"old": "old", "new": "new"}


def test_override_is_kept_through_a_change(jobs_root):
    write_jobs(jobs_root, description="old")
    reconcile()
    record = registered("many.Job0")
    record.description, record.description_override = "mine", True
    record.validated_save()
    write_jobs(jobs_root, description="new", time_limit=5)
    reconcile()
    record.refresh_from_db()
    assert (record.description, record.time_limit) == ("mine", 5)
    record.description_override = False
    record.save()
    record.refresh_from_db()
    assert record.description == "new"


def test_broken_file_harms_only_its_own_job_and_is_mended(jobs_root):
    write_jobs(jobs_root, module="fine")
    path = write_jobs(jobs_root, module="frail")
    reconcile()
    text = path.read_text()
    path.write_text("1 / 0\n")
    reconcile()
    frail = registered("frail.Job0")
    assert (frail.installed, frail.absence) == (False, "load_error")
    assert frail.uninstalled_at is not None
    assert registered("fine.Job0").installed
    error = JobLoadError.objects.get(resolved_at=None)
    assert (error.module_name, error.line, error.exception_type) == ("frail", 1, "ZeroDivisionError")
    path.write_text(text)
    reconcile()
    frail.refresh_from_db()
    error.refresh_from_db()
    assert (frail.installed, frail.absence, frail.uninstalled_at) == (True, "", None)
    assert error.resolved_at is not None
    assert frail.revisions.count() == 1


def test_removal_keeps_the_record_and_return_revives_it(jobs_root):
    path = write_jobs(jobs_root)
    write_jobs(jobs_root, module="other")
    reconcile()
    record = registered("many.Job0")
    path.unlink()
    reconcile()
    record.refresh_from_db()
    assert (record.installed, record.absence) == (False, "removed")
    write_jobs(jobs_root)
    reconcile()
    record.refresh_from_db()
    assert (record.installed, record.absence) == (True, "")
    actions = list(ObjectChange.objects.filter(changed_object_id=record.pk).values_list("action", flat=True))
    assert actions == ["update", "update", "create"]


def test_revision_names_the_reconcile_that_made_it(jobs_root):
    write_jobs(jobs_root, 1, description="old")
    first = reconcile().reconciliation
    write_jobs(jobs_root, 1, description="new")
    second = reconcile().reconciliation
    assert reconcile().plan.is_empty
    named = JobRevision.objects.filter(job__module_name="many").order_by("number")
    assert [revision.reconciliation for revision in named] == [first, second]
    assert (second.changed, second.finished > second.started) == (1, True)


def test_revision_outlives_the_log_row_of_the_reconcile(jobs_root):
    write_jobs(jobs_root, 1)
    reconcile().reconciliation.delete()
    assert JobRevision.objects.get(job__module_name="many").reconciliation is None


def test_new_job_after_the_first_registration_is_logged_as_created(jobs_root):
    reconcile()
    write_jobs(jobs_root)
    reconcile()
    entry = ObjectChange.objects.get(changed_object_id=registered("many.Job0").pk)
    assert entry.action == "create"


def test_user_is_named_in_the_log(jobs_root):
    reconcile()
    user = get_user_model().objects.create(username="operator")
    write_jobs(jobs_root)
    outcome = reconcile(user=user)
    assert outcome.reconciliation.user == user
    assert ObjectChange.objects.get(changed_object_id=registered("many.Job0").pk).user_name == "operator"


def test_change_in_core_is_adopted(jobs_root):
    write_jobs(jobs_root)
    refresh_core()
    reconcile(reload=False)
    Job.objects.filter(module_name="many").update(enabled=True, time_limit=77, time_limit_override=True)
    reconcile(reload=False)
    assert_same_as_core()
    assert reconcile(reload=False).plan.is_empty


def test_job_that_core_cannot_store_is_registered(jobs_root):
    break_with("extreme_names", jobs_root)
    break_with("both_receivers", jobs_root)
    refresh_core()
    reconcile(reload=False)
    record = registered("extreme_names.LongName")
    assert (record.name, record.grouping) == ("n" * 100, "g" * 255)
    assert record.current_revision.metadata["name"] == "n" * 130
    assert registered("both_receivers.Both").is_job_hook_receiver
    assert reconcile(reload=False).plan.is_empty


def test_two_jobs_of_one_name_keep_their_own_records(jobs_root):
    for module in ("one", "other"):
        JobModuleFactory(
            folder=jobs_root, name=module, classes=[JobClassSourceFactory(name="Same", meta={"name": "X"})]
        )
    refresh_core()
    reconcile(reload=False)
    assert_same_as_core()
    assert {registered("one.Same").name, registered("other.Same").name} == {"X", "X (2)"}


def test_failure_is_stored_and_mended_by_the_next(jobs_root, monkeypatch):
    write_jobs(jobs_root)

    def fail(*args, **kwargs):
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_write_queues", fail)
        with pytest.raises(Exception, match="no_such_table"):
            reconcile()
    failed = Reconciliation.objects.latest()
    assert failed.status == "failed"
    assert "no_such_table" in failed.error
    assert not RegisteredJob.objects.filter(module_name="many").exists()
    reconcile()
    assert registered("many.Job0").installed


def test_migration_goes_on_whatever_happens(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no")

    with monkeypatch.context() as patch:
        patch.setattr(discovery, "discover", fail)
        signals.reconcile_after_migrate(sender=None)
    assert Reconciliation.objects.latest().status == "failed"


def test_migration_without_tables_is_left_alone(monkeypatch):
    before = Reconciliation.objects.count()
    monkeypatch.setattr(host, "_missing_tables", lambda connection: {"gone"})
    signals.reconcile_after_migrate(sender=None)
    assert Reconciliation.objects.count() == before


def test_setting_switches_the_reconcile_after_migrate_off(settings):
    before = Reconciliation.objects.count()
    settings.PLUGINS_CONFIG["nautobot_job_registry"]["reconcile_after_migrate"] = False
    try:
        signals.reconcile_after_migrate(sender=None)
    finally:
        settings.PLUGINS_CONFIG["nautobot_job_registry"]["reconcile_after_migrate"] = True
    assert Reconciliation.objects.count() == before
