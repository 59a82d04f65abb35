"""Runs and schedules are anchored at their creation, and the run tells which code it executed."""

import importlib
import os
import shutil
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.utils import timezone
from nautobot.core import events
from nautobot.core.celery import import_jobs
from nautobot.extras.models import Job, JobResult, ScheduledJob

import nautobot_job_registry
from nautobot_job_registry import models, signals
from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, commit_all, empty_registry
from nautobot_job_registry.reconcile import reconcile
from nautobot_job_registry.runs import anchoring, evidence
from nautobot_job_registry.sources import discovery, loaded_code
from nautobot_job_registry.sources import files as source_files
from tests.support import counted_statements, refresh_core

pytestmark = pytest.mark.django_db
outside_of_transactions = pytest.mark.django_db(transaction=True, databases=["default", "job_logs"])

MODULE = "anchored_jobs"
PATH = f"{MODULE}.Backup"


@pytest.fixture
def user():
    return get_user_model().objects.create(username="operator", is_superuser=True, is_active=True)


@pytest.fixture
def job(jobs_root):
    """A local job that is known to both sides, and enabled."""
    write(jobs_root, "first")
    refresh_core()
    reconcile()
    Job.objects.filter(module_name=MODULE).update(enabled=True)
    return models.RegisteredJob.objects.get(module_name=MODULE)


def write(folder, description, **values):
    classes = [JobClassSourceFactory(name="Backup", meta={"description": description})]
    return JobModuleFactory(folder=folder, name=MODULE, classes=classes, **values)


def core_job():
    return Job.objects.get(module_name=MODULE)


def run(user):
    """Run the job in this process, through core's own function, and return its anchor."""
    result = JobResult.execute_job(core_job(), user, **job_arguments({}))
    assert result.status == "SUCCESS", result.traceback
    return models.JobRun.objects.get(job_result=result)


def test_a_run_is_anchored_when_it_is_asked_for(job, user):
    result = JobResult.enqueue_job(core_job(), user, **job_arguments({}))
    anchor = result.registry_run
    assert (anchor.job, anchor.class_path, anchor.created) == (job, PATH, result.date_created)
    assert (anchor.revision, anchor.code_hash, anchor.is_skewed) == (None, "", False)


def test_a_run_tells_which_code_it_executed(job, user):
    anchor = run(user)
    assert anchor.revision == job.current_revision
    assert anchor.code_hash == job.current_revision.source_hash
    assert anchor.worker
    assert not anchor.is_skewed


def test_a_schedule_is_anchored_when_it_is_made(job, user):
    schedule = ScheduledJob.create_schedule(
        core_job(), user, name="Nightly", interval="custom", crontab="0 3 * * *", **job_arguments({})
    )
    anchor = schedule.registry_schedule
    assert (anchor.job, anchor.class_path) == (job, PATH)
    schedule.description = "changed"
    schedule.save()
    assert models.JobSchedule.objects.count() == 1


def test_a_task_that_is_no_job_is_not_anchored(job):
    JobResult.objects.create(name="nautobot.extras.tasks.process_webhook", task_name="nautobot.extras.tasks.x")
    ScheduledJob.objects.create(name="x", task="celery.backend_cleanup", interval="daily", start_time=timezone.now())
    assert not models.JobRun.objects.exists()
    assert not models.JobSchedule.objects.exists()


def test_a_run_without_a_core_job_is_anchored_by_the_class_path_that_it_names(job):
    by_task = JobResult.objects.create(name="Backup", task_name=PATH)
    by_name = JobResult.objects.create(name=PATH)
    schedule = ScheduledJob.objects.create(name="x", task=PATH, interval="daily", start_time=timezone.now())
    assert [by_task.registry_run.job, by_name.registry_run.job, schedule.registry_schedule.job] == [job] * 3


def test_a_run_of_a_job_that_is_not_registered_yet_keeps_its_class_path(job, user):
    core, result = core_job(), JobResult.enqueue_job(core_job(), user, **job_arguments({}))
    empty_registry()
    assert models.JobRun.objects.get(job_result=result).job is None
    later = JobResult.objects.create(name="Backup", job_model=core)
    assert (later.registry_run.job, later.registry_run.class_path) == (None, PATH)


def test_a_deleted_record_leaves_runs_and_schedules_with_their_class_path(job, user):
    anchor = run(user)
    schedule = ScheduledJob.create_schedule(
        core_job(), user, name="Nightly", interval="daily", **job_arguments({}), start_time=timezone.now()
    )
    models.RegisteredJob.objects.filter(pk=job.pk).update(installed=False, absence="removed")
    job.refresh_from_db()
    job.delete()
    anchor.refresh_from_db()
    assert (anchor.job, anchor.revision, anchor.class_path) == (None, None, PATH)
    assert anchor.code_hash and anchor.job_result.name
    assert (schedule.registry_schedule.job, schedule.registry_schedule.class_path) == (None, PATH)


def test_a_deleted_result_takes_its_anchor_along(job, user):
    anchor = run(user)
    anchor.job_result.delete()
    assert not models.JobRun.objects.exists()


# It never harms the run


@contextmanager
def without_table(model):
    """Take the table of a model away, so that every statement on it fails."""
    table = model._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(model, table, f"{table}_away")
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(model, f"{table}_away", table)


@outside_of_transactions
def test_a_run_goes_on_where_it_cannot_be_anchored(job, user, caplog):
    core = core_job()
    with without_table(models.JobRun), without_table(models.JobSchedule):
        assert JobResult.execute_job(core, user, **job_arguments({})).status == "SUCCESS"
        with transaction.atomic():
            result = JobResult.objects.create(name="Backup", job_model=core)
            ScheduledJob.objects.create(name="x", task=PATH, interval="daily", start_time=timezone.now())
    assert JobResult.objects.filter(pk=result.pk).exists()
    for words in ("could not anchor a run", "could not anchor a schedule", "could not store which code a run executes"):
        assert words in caplog.text


def test_a_run_that_was_not_anchored_goes_on_without_evidence(job, user):
    result = JobResult(name="Backup", job_model=core_job(), user=user)
    JobResult.objects.bulk_create([result])
    assert not anchoring.record_evidence(result.pk, code_hash="0" * 64, source_version="", worker="w")
    done = JobResult.enqueue_job(core_job(), user, job_result=result, synchronous=True, **job_arguments({}))
    assert done.status == "SUCCESS"
    assert not models.JobRun.objects.exists()


def test_evidence_that_is_too_long_is_cut(job, user):
    result = JobResult.objects.create(name="Backup", job_model=core_job())
    assert anchoring.record_evidence(result.pk, code_hash="", source_version="v" * 999, worker="w" * 999)
    anchor = models.JobRun.objects.get()
    assert (anchor.source_version, anchor.worker) == ("v" * 255, "w" * 255)


# What it costs


@contextmanager
def without_the_app():
    """Let Nautobot run jobs as it does where the app does not listen."""
    broker = next(broker for broker in events._EVENT_BROKERS if isinstance(broker, evidence.RunStarts))
    events.deregister_event_broker(broker)
    post_save.disconnect(signals.anchor_new_run, sender=JobResult)
    try:
        yield
    finally:
        post_save.connect(signals.anchor_new_run, sender=JobResult)
        events.register_event_broker(broker)


def cost_of_a_run(core, user):
    with counted_statements() as statements:
        assert JobResult.execute_job(core, user, **job_arguments({})).status == "SUCCESS"
    return statements


@outside_of_transactions
def test_a_run_costs_two_statements_more_than_without_the_app(job, user):
    core = core_job()
    cost_of_a_run(core, user)
    ours = cost_of_a_run(core, user)
    with without_the_app():
        without = cost_of_a_run(core, user)
    assert len(ours) - len(without) == 2
    assert [sql.split()[0] for sql in ours if "nautobot_job_registry_jobrun" in sql] == ["INSERT", "UPDATE"]


@outside_of_transactions
def test_anchoring_a_schedule_costs_one_statement(job):
    core = core_job()
    with counted_statements() as statements:
        ScheduledJob.objects.create(name="x", task=PATH, job_model=core, interval="daily", start_time=timezone.now())
    assert len([sql for sql in statements if "nautobot_job_registry_" in sql]) == 1


# Which code it is


def test_code_that_the_registry_has_not_seen_is_skewed_and_old_code_is_named(job, user, jobs_root):
    first = job.current_revision
    write(jobs_root, "second")
    unseen = run(user)
    assert (unseen.revision, unseen.is_skewed) == (None, True)
    reconcile()
    job.refresh_from_db()
    current = run(user)
    assert (current.revision, current.is_skewed) == (job.current_revision, False)
    assert current.revision != first
    write(jobs_root, "first")
    old = run(user)
    assert (old.revision, old.is_skewed, old.code_hash) == (first, True, first.source_hash)


def test_what_was_loaded_counts_and_not_what_is_on_the_disk(job, jobs_root):
    loaded = discovery.loaded_class(PATH)
    write(jobs_root, "another")
    assert loaded_code.code_hash(loaded) == job.current_revision.source_hash
    (jobs_root / f"{MODULE}.py").unlink()
    assert loaded_code.code_hash(loaded) == job.current_revision.source_hash


def test_a_class_that_is_kept_while_its_module_is_loaded_anew_is_hashed_as_it_was(job, jobs_root):
    kept = discovery.loaded_class(PATH)
    write(jobs_root, "another")
    import_jobs()
    assert discovery.loaded_class(PATH) is not kept
    assert loaded_code.code_hash(kept) == job.current_revision.source_hash
    assert loaded_code.code_hash(discovery.loaded_class(PATH)) != job.current_revision.source_hash


def test_a_change_within_a_second_and_to_the_same_size_is_loaded_and_hashed(jobs_root, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for description in ("aaaa", "bbbb", "cccc"):
        path = write(jobs_root, description)
        os.utime(path, (1_900_000_000.5, 1_900_000_000.5))
        import_jobs()
        loaded = discovery.loaded_class(PATH)
        assert loaded.description == description
        assert loaded_code.code_hash(loaded) == sha256(path.read_bytes()).hexdigest()


def test_compiled_files_are_used_where_they_are_surely_of_this_source(jobs_root, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write(jobs_root, "words")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    import_jobs()
    compiled = Path(cache_from_source(path))
    before = compiled.stat().st_mtime_ns
    import_jobs()
    assert compiled.stat().st_mtime_ns == before
    assert loaded_code.code_hash(discovery.loaded_class(PATH)) == sha256(path.read_bytes()).hexdigest()


def test_a_folder_that_is_a_link_may_be_put_elsewhere(tmp_path, settings):
    link = tmp_path / "current"
    settings.JOBS_ROOT = str(link)
    for release in ("first", "second"):
        (tmp_path / release).mkdir()
        classes = [JobClassSourceFactory(name="Linked")]
        path = JobModuleFactory(folder=tmp_path / release, name=f"linked_{release}", classes=classes)
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / release)
        import_jobs()
        loaded = discovery.loaded_class(f"linked_{release}.Linked")
        assert loaded_code.code_hash(loaded) == sha256(path.read_bytes()).hexdigest()


def test_packages_and_their_modules_are_hashed(jobs_root):
    path = JobModuleFactory(
        folder=jobs_root, name="anchored_package.inner.module", classes=[JobClassSourceFactory(name="Deep")]
    )
    import_jobs()
    loaded = discovery.loaded_class("anchored_package.inner.module.Deep")
    assert loaded_code.code_hash(loaded) == sha256(path.read_bytes()).hexdigest()


def test_the_commit_on_the_disk_is_told_and_not_that_of_the_database(git_root):
    clone = git_root / "anchored_repository"
    JobModuleFactory(folder=git_root, name="anchored_repository.jobs", classes=[JobClassSourceFactory(name="Synced")])
    head = commit_all(clone)
    with source_files.importable_from(git_root):
        loaded = importlib.import_module("anchored_repository.jobs").Synced
    assert loaded_code.source_version(loaded) == head
    assert loaded_code.code_hash(loaded) == sha256((clone / "jobs.py").read_bytes()).hexdigest()
    shutil.rmtree(clone / ".git")
    assert loaded_code.source_version(loaded) == ""


def test_system_and_app_jobs_tell_the_version_and_the_file_that_was_loaded():
    import_jobs()
    system = discovery.loaded_class("nautobot.core.jobs.GitRepositorySync")
    ours = discovery.loaded_class("nautobot_job_registry.jobs.ReconcileJobRegistry")
    assert loaded_code.source_version(system) == django_settings.VERSION
    assert loaded_code.source_version(ours) == nautobot_job_registry.__version__
    signals.note_loaded_code()
    for loaded in (system, ours):
        content = Path(sys.modules[loaded.__module__].__file__).read_bytes()
        assert loaded_code.code_hash(loaded) == sha256(content).hexdigest()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A class of a module that is installed outside the folders of jobs, as those of an app are."""
    monkeypatch.syspath_prepend(tmp_path)
    path = JobModuleFactory(folder=tmp_path, name="anchored_app", classes=[JobClassSourceFactory(name="Installed")])
    yield importlib.import_module("anchored_app").Installed, path
    del sys.modules["anchored_app"]


def test_nothing_is_claimed_of_an_installed_file_that_was_changed_after_the_start(installed):
    loaded, path = installed
    os.utime(path, (1_600_000_000, 1_600_000_000))
    assert loaded_code.code_hash(loaded) == ""


def test_an_installed_file_that_was_hashed_in_time_may_change(installed, monkeypatch):
    loaded, path = installed
    monkeypatch.setattr(loaded_code, "STARTED", time.time() + 60)
    loaded_code.hash_loaded_files([loaded])
    monkeypatch.undo()
    before = sha256(path.read_bytes()).hexdigest()
    path.write_text("# Upgraded while the worker runs.")
    assert loaded_code.code_hash(loaded) == before


def test_the_clean_up_of_old_results_takes_their_anchors_along(job, user):
    anchor = run(user)
    JobResult.objects.filter(pk=anchor.job_result_id).update(date_done=timezone.now() - timedelta(days=9))
    clean_up = Job.objects.get(job_class_name="LogsCleanup")
    arguments = {"cleanup_types": ["extras.JobResult"], "max_age": 1}
    result = JobResult.execute_job(clean_up, user, **job_arguments(arguments))
    assert result.status == "SUCCESS", result.traceback
    assert result.result["nautobot_job_registry.JobRun"] == 1
    assert [row.job_result for row in models.JobRun.objects.all()] == [result]
    connection.check_constraints()
