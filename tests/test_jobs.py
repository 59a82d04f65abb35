"""The app's own job, run as Nautobot runs a job."""

from pathlib import Path

from django.conf import settings
from nautobot.apps.testing import TransactionTestCase, get_job_class_and_model, run_job_for_testing
from nautobot.extras.models import JobLogEntry

from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import Reconciliation, RegisteredJob
from tests.support import refresh_core


class ReconcileJobRegistryTest(TransactionTestCase):
    databases = ("default", "job_logs")

    def setUp(self):
        super().setUp()
        classes = [JobClassSourceFactory(name="Backup", meta={"description": "words"})]
        path = JobModuleFactory(folder=Path(settings.JOBS_ROOT), name="backup_of_job_test", classes=classes)
        self.addCleanup(path.unlink)
        refresh_core()
        empty_registry()

    def run_job(self, **values):
        _, job = get_job_class_and_model("nautobot_job_registry.jobs", "ReconcileJobRegistry")
        job_result = run_job_for_testing(job, **job_arguments(values))
        job_result.refresh_from_db()
        return job_result

    def messages(self, job_result):
        return list(JobLogEntry.objects.filter(job_result=job_result).values_list("message", flat=True))

    def test_run_reconciles_and_is_named_in_the_log(self):
        job_result = self.run_job(source="", dryrun=False)
        self.assertEqual(job_result.status, "SUCCESS", self.messages(job_result))
        self.assertTrue(RegisteredJob.objects.filter(module_name="backup_of_job_test").exists())
        log = Reconciliation.objects.latest()
        self.assertEqual((log.trigger, log.job_result, log.user), ("job", job_result, job_result.user))
        told = "backup_of_job_test.Backup is new in JOBS_ROOT."
        self.assertIn(told, self.messages(job_result))
        self.assertEqual(job_result.result["registered"], RegisteredJob.objects.count())

    def test_dry_run_writes_nothing(self):
        before = Reconciliation.objects.count()
        job_result = self.run_job(source="local", dryrun=True)
        self.assertEqual(job_result.status, "SUCCESS", self.messages(job_result))
        self.assertFalse(RegisteredJob.objects.exists())
        self.assertEqual(Reconciliation.objects.count(), before)

    def test_no_source_is_all_of_them(self):
        job_result = self.run_job(source=None, dryrun=False)
        self.assertEqual(job_result.status, "SUCCESS", self.messages(job_result))
        self.assertEqual(Reconciliation.objects.latest().scope, "all")

    def test_unknown_source_fails_with_the_known_ones(self):
        job_result = self.run_job(source="git:nowhere", dryrun=False)
        self.assertEqual(job_result.status, "FAILURE")
        self.assertTrue(any("Known sources: system" in message for message in self.messages(job_result)))
