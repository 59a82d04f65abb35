"""What is dropped of the registry's history, and what never is."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.db.models import QuerySet
from django.test import override_settings
from django.utils import timezone
from nautobot.apps.testing import TransactionTestCase, create_job_result_and_run_job
from nautobot.extras.models import JobLogEntry, JobResult

from nautobot_job_registry import checks, models
from nautobot_job_registry.core_bridge import host
from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.history import retention
from tests import builders
from tests.support import counted_statements


@pytest.fixture
def registry(db):
    empty_registry()
    models.JobRun.objects.all().delete()


def settings(**values):
    return override_settings(PLUGINS_CONFIG={"nautobot_job_registry": {**checks.default_settings(), **values}})


def days_ago(days):
    return timezone.now() - timedelta(days=days)


def reconciliation(days, **values):
    return builders.reconciliation(1, **{"scope": "all", "started": days_ago(days), **values})


def revision(of_job, number, days):
    row = builders.revision(of_job, number)
    # Its own manager refuses: a revision is never changed.
    QuerySet(models.JobRevision).filter(pk=row.pk).update(created=days_ago(days))
    return row


def run_of(of_revision):
    return models.JobRun.objects.create(
        job_result=JobResult.objects.create(name="run"), class_path="module.Job", revision=of_revision
    )


def clean_up(**values):
    """Return how many rows of each kind are dropped with some settings."""
    with settings(**values):
        return [dropped.count for dropped in retention.clean_up()]


def ids(model):
    return set(model.objects.values_list("pk", flat=True))


def test_old_reconciliations_and_resolved_errors_are_dropped(registry):
    reconciliation(400)
    kept = [reconciliation(300), reconciliation(1)]
    builders.load_error(1, resolved_at=days_ago(400))
    errors = [builders.load_error(2, resolved_at=days_ago(300)), builders.load_error(3, first_seen=days_ago(900))]
    assert clean_up() == [1, 1, 0]
    assert ids(models.Reconciliation) == {row.pk for row in kept}
    assert ids(models.JobLoadError) == {row.pk for row in errors}


def test_last_reconciliation_and_last_failed_one_of_each_source_are_kept(registry):
    reconciliation(903, status="failed")
    reconciliation(902)
    kept = [
        reconciliation(901, status="failed"),
        reconciliation(900),
        reconciliation(899, scope="git:a", status="failed"),
        reconciliation(898, scope="git:b"),
    ]
    assert clean_up() == [2, 0, 0]
    assert ids(models.Reconciliation) == {row.pk for row in kept}
    assert [row.scope for row in models.Reconciliation.objects.unmended()] == ["git:a"]


def test_cleaning_up_leaves_the_same_failures_unmended(registry):
    """Where the success that mended a failure went before the failure, it would need somebody again."""
    for days, scope, status in (
        (900, "all", "failed"),
        (899, "all", "succeeded"),
        (898, "git:a", "failed"),
        (897, "git:a", "succeeded"),
        (2, "git:a", "succeeded"),
        (1, "local", "failed"),
    ):
        reconciliation(days, scope=scope, status=status)
    before = set(models.Reconciliation.objects.unmended())
    clean_up(reconciliation_retention_days=1)
    assert set(models.Reconciliation.objects.unmended()) == before
    assert {row.scope for row in before} == {"local"}


def test_revisions_outlive_the_reconciliation_that_made_them(registry):
    made_by = reconciliation(400)
    reconciliation(1)
    row = builders.revision(builders.job(1), reconciliation=made_by)
    assert clean_up() == [1, 0, 0]
    assert models.JobRevision.objects.get(pk=row.pk).reconciliation is None


def test_revisions_are_kept_unless_a_setting_says_otherwise(registry):
    job = builders.job(1)
    for number in (1, 2):
        revision(job, number, days=900)
    assert clean_up() == [0, 0, 0]
    assert models.JobRevision.objects.count() == 2


def test_current_revisions_and_those_that_a_run_points_to_are_never_dropped(registry):
    job = builders.job(1)
    unused, ran, recent, current = (revision(job, number, days) for number, days in enumerate((900, 800, 5, 700), 1))
    run = run_of(ran)
    assert clean_up(revision_retention_days=30) == [0, 0, 1]
    assert ids(models.JobRevision) == {ran.pk, recent.pk, current.pk}
    run.refresh_from_db()
    job.refresh_from_db()
    assert (run.revision, job.current_revision) == (ran, current)
    assert unused.number not in models.JobRevision.objects.values_list("number", flat=True)


def test_zero_days_keep_for_ever(registry):
    for days in (900, 1):
        reconciliation(days)
    builders.load_error(1, resolved_at=days_ago(900))
    assert clean_up(reconciliation_retention_days=0, resolved_error_retention_days=0) == [0, 0, 0]
    assert (models.Reconciliation.objects.count(), models.JobLoadError.objects.count()) == (2, 1)


def test_rows_are_dropped_in_batches(registry, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_SIZE", 10)
    rows = [models.Reconciliation(trigger="command", status="succeeded", started=days_ago(400)) for _ in range(35)]
    models.Reconciliation.objects.bulk_create(rows)
    reconciliation(1)
    with counted_statements() as statements:
        assert clean_up() == [35, 0, 0]
    deletions = [sql for sql in statements if sql.startswith("DELETE") and models.Reconciliation._meta.db_table in sql]
    assert len(deletions) == 4


def test_long_texts_are_not_read_to_be_dropped(registry):
    reconciliation(400, changes=[{"job": "a.B"}])
    reconciliation(1)
    with counted_statements() as statements:
        clean_up()
    assert not [sql for sql in statements if sql.startswith("SELECT") and '"changes"' in sql]


class TwoCleanUpsTest(TransactionTestCase):
    def test_a_second_clean_up_leaves_to_the_first_what_that_has_begun(self):
        empty_registry()
        reconciliation(400)
        reconciliation(1)
        with ThreadPoolExecutor(1) as other, transaction.atomic():
            begun = retention._lock_batch(retention.expired_reconciliations(days_ago(365)))
            self.assertEqual(len(begun), 1)
            self.assertEqual(other.submit(self.clean_up_elsewhere).result(timeout=60), [0, 0, 0])
        self.assertEqual(clean_up(), [1, 0, 0])

    def clean_up_elsewhere(self):
        try:
            return clean_up()
        finally:
            connections.close_all()


# The doors


def run_command(*arguments):
    output = io.StringIO()
    call_command("clean_up_job_registry", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_command_says_what_it_would_drop_and_what_it_dropped(registry):
    for days in (400, 1):
        reconciliation(days)
    kept = "Kept all revisions: revision_retention_days is 0."
    errors = "{} 0 resolved load errors older than 365 days."
    would = "Would drop 1 reconciliations older than 365 days."
    assert run_command("--dry-run") == [would, errors.format("Would drop"), kept]
    assert models.Reconciliation.objects.count() == 2
    assert run_command() == [would.replace("Would drop", "Dropped"), errors.format("Dropped"), kept]
    assert models.Reconciliation.objects.count() == 1


def test_command_needs_a_migrated_database(db, monkeypatch):
    monkeypatch.setattr(host, "_missing_tables", lambda connection: {"gone"})
    with pytest.raises(CommandError, match=r"^The database is not migrated to the latest: run"):
        run_command()


class CleanUpJobRegistryTest(TransactionTestCase):
    databases = ("default", "job_logs")

    def setUp(self):
        super().setUp()
        empty_registry()
        for days in (400, 1):
            reconciliation(days)

    def run_job(self, **values):
        return create_job_result_and_run_job(
            "nautobot_job_registry.jobs", "CleanUpJobRegistry", **job_arguments(values)
        )

    def test_dry_run_drops_nothing_and_a_run_does(self):
        job_result = self.run_job(dryrun=True)
        self.assertEqual((job_result.status, job_result.result["reconciliations"]), ("SUCCESS", 1))
        self.assertEqual(models.Reconciliation.objects.count(), 2)
        job_result = self.run_job(dryrun=False)
        self.assertEqual((job_result.status, job_result.result["reconciliations"]), ("SUCCESS", 1))
        self.assertEqual(models.Reconciliation.objects.count(), 1)
        log = JobLogEntry.objects.filter(job_result=job_result).values_list("message", flat=True)
        self.assertIn("Dropped 1 reconciliations older than 365 days.", list(log))
