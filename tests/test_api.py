"""What the REST API answers, to whom, and at what cost."""

from unittest import mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from nautobot.apps.testing import APITestCase, APIViewTestCases
from nautobot.apps.utils import get_route_for_model
from nautobot.extras.models import JobQueue

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from tests import builders
from tests.support import grant

SERIALIZED = (
    models.RegisteredJob,
    models.JobRevision,
    models.JobRun,
    models.JobSchedule,
    models.FieldOverride,
    models.JobLoadError,
    models.Reconciliation,
)


class RegisteredJobAPITestCase(
    APIViewTestCases.GetObjectViewTestCase,
    APIViewTestCases.ListObjectsViewTestCase,
    APIViewTestCases.UpdateObjectViewTestCase,
    APIViewTestCases.DeleteObjectViewTestCase,
    APIViewTestCases.NotesURLViewTestCase,
):
    model = models.RegisteredJob
    update_data = {"enabled": True}
    bulk_update_data = {"time_limit": 5, "time_limit_override": True}
    choices_fields = []

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(4):
            builders.revision(builders.job(number, installed=False, absence="removed"))


class JobRevisionAPITestCase(APIViewTestCases.GetObjectViewTestCase, APIViewTestCases.ListObjectsViewTestCase):
    model = models.JobRevision

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 4):
            builders.revision(builders.job(number), number=number)


class FieldOverrideAPITestCase(APIViewTestCases.GetObjectViewTestCase, APIViewTestCases.ListObjectsViewTestCase):
    model = models.FieldOverride

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 4):
            builders.override(number)


class JobRunAPITestCase(APIViewTestCases.GetObjectViewTestCase, APIViewTestCases.ListObjectsViewTestCase):
    model = models.JobRun

    @classmethod
    def setUpTestData(cls):
        for number in range(1, 4):
            builders.run(number)


class JobScheduleAPITestCase(APIViewTestCases.GetObjectViewTestCase, APIViewTestCases.ListObjectsViewTestCase):
    model = models.JobSchedule

    @classmethod
    def setUpTestData(cls):
        for number in range(1, 4):
            builders.schedule(number)


class JobLoadErrorAPITestCase(APIViewTestCases.GetObjectViewTestCase, APIViewTestCases.ListObjectsViewTestCase):
    model = models.JobLoadError

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 4):
            builders.load_error(number)


class ReconciliationAPITestCase(APIViewTestCases.GetObjectViewTestCase, APIViewTestCases.ListObjectsViewTestCase):
    model = models.Reconciliation

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 4):
            builders.reconciliation(number)


class RegistryAPITestCase(APITestCase):
    """What the generic suites do not ask."""

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        cls.queue = JobQueue.objects.create(name="night", queue_type="celery")
        cls.repository = builders.repository()
        cls.job = builders.job(
            1,
            source_type="git",
            source_name="network_jobs",
            git_repository=cls.repository,
            source_version="0123456789abcdef",
            default_job_queue=cls.queue,
            default_job_queue_override=True,
            job_queues_override=True,
            time_limit=5,
            time_limit_override=True,
        )
        cls.job.job_queues.add(cls.queue)
        cls.revision = builders.revision(cls.job, metadata={"time_limit": 60, "name": "Job number 1"})
        cls.local_job = builders.job(2)
        builders.revision(cls.local_job)
        cls.run_anchor, cls.schedule = builders.run(1, job=cls.job), builders.schedule(1, job=cls.job)
        cls.load_error = builders.load_error(1)
        cls.reconciliation = builders.reconciliation(1)

    def list_url(self, model, **params):
        url = reverse(get_route_for_model(model, "list", api=True))
        return self.add_query_params_to_url(url, params) if params else url

    def detail_url(self, obj):
        return reverse(get_route_for_model(obj, "detail", api=True), kwargs={"pk": obj.pk})

    def get(self, url):
        response = self.client.get(url, **self.header)
        self.assertEqual(response.status_code, 200, response.content)
        return response.json()

    def statements(self, url):
        """Count the statements of a second request, with the content types known."""
        self.get(url)
        with CaptureQueriesContext(connection) as captured:
            self.get(url)
        return len(captured)

    def make_superuser(self):
        self.user.is_superuser = True
        self.user.save()

    def test_routes_are_those_of_the_design(self):
        names = {"registered-jobs", "job-revisions", "field-overrides", "load-errors", "reconciliations"}
        names |= {"job-runs", "job-schedules"}
        paths = {self.list_url(model) for model in SERIALIZED}
        self.assertEqual(paths, {f"/api/plugins/job-registry/{name}/" for name in names})

    def test_a_job_tells_its_path_overrides_and_source_values(self):
        self.make_superuser()
        data = self.get(self.detail_url(self.job))
        self.assertEqual(data["class_path"], "module_1.jobs.Job1")
        overrides = {"time_limit": 5.0, "job_queues": ["night"], "default_job_queue": "night"}
        self.assertEqual(data["overrides"], overrides)
        self.assertEqual(data["time_limit"], 5)
        self.assertEqual(data["source_values"]["time_limit"], 60)
        self.assertNotIn("core_decisions", data)

    def test_a_job_without_a_revision_has_no_source_values(self):
        self.make_superuser()
        self.assertEqual(self.get(self.detail_url(builders.job(3)))["source_values"], {})

    def test_what_the_registry_logs_cannot_be_written(self):
        self.make_superuser()
        for obj in (self.revision, self.run_anchor, self.schedule, self.load_error, self.reconciliation):
            for method, url in (
                *([] if obj is self.reconciliation else [("post", self.list_url(type(obj)))]),
                ("put", self.list_url(type(obj))),
                ("patch", self.list_url(type(obj))),
                ("delete", self.list_url(type(obj))),
                ("patch", self.detail_url(obj)),
                ("put", self.detail_url(obj)),
                ("delete", self.detail_url(obj)),
            ):
                with self.subTest(model=type(obj).__name__, method=method, url=url):
                    response = getattr(self.client, method)(url, {}, format="json", **self.header)
                    self.assertEqual(response.status_code, 405)

    def test_constraints_of_a_permission_hold(self):
        grant(self.user, models.RegisteredJob, ["view"], {"source_type": "git"})
        data = self.get(self.list_url(models.RegisteredJob))
        self.assertEqual([row["id"] for row in data["results"]], [str(self.job.pk)])
        response = self.client.get(self.detail_url(self.local_job), **self.header)
        self.assertEqual(response.status_code, 404)

    def test_source_code_needs_its_own_permission(self):
        grant(self.user, models.JobRevision, ["view"])
        self.assertNotIn("source_code", self.get(self.detail_url(self.revision)))
        grant(self.user, models.JobRevision, ["view_source"], {"job__source_type": "git"})
        self.assertEqual(self.get(self.detail_url(self.revision))["source_code"], builders.SOURCE_CODE)
        rows = self.get(self.list_url(models.JobRevision))["results"]
        shown = {row["job"]["id"]: "source_code" in row for row in rows}
        self.assertEqual(shown, {str(self.job.pk): True, str(self.local_job.pk): False})

    def test_a_traceback_needs_its_own_permission(self):
        grant(self.user, models.JobLoadError, ["view"])
        data = self.get(self.detail_url(self.load_error))
        self.assertNotIn("traceback", data)
        self.assertEqual(data["message"], "Message 1")
        grant(self.user, models.JobLoadError, ["view_source"])
        self.assertEqual(self.get(self.detail_url(self.load_error))["traceback"], builders.TRACEBACK)

    @pytest.mark.slow
    def test_source_code_does_not_leak_through_depth_or_csv(self):
        for model in SERIALIZED:
            grant(self.user, model, ["view"])
        for depth in range(4):
            for model in SERIALIZED:
                content = self.client.get(self.list_url(model, depth=depth), **self.header).content
                self.assertNotIn(b"SECRET_SOURCE", content)
                self.assertNotIn(b"secret path", content)
        for model in SERIALIZED:
            response = self.client.get(self.list_url(model, format="csv"), **self.header)
            self.assertEqual(response.status_code, 200)
            self.assertNotIn(b"SECRET_SOURCE", response.content)
            self.assertNotIn(b"secret path", response.content)

    def test_csv_has_the_source_for_those_who_may_see_it(self):
        self.make_superuser()
        response = self.client.get(self.list_url(models.JobRevision, format="csv"), **self.header)
        self.assertIn(b"SECRET_SOURCE", response.content)

    def test_no_worker_is_asked_for_the_sake_of_a_queue(self):
        self.make_superuser()
        with mock.patch("nautobot.extras.models.jobs.get_job_queue_worker_count") as count:
            for depth in range(4):
                data = self.get(self.list_url(models.RegisteredJob, depth=depth, exclude_m2m="false"))
                self.get(self.list_url(models.JobRevision, depth=depth))
        count.assert_not_called()
        row = next(row for row in data["results"] if row["id"] == str(self.job.pk))
        self.assertEqual(row["default_job_queue"]["display"], "celery: night")
        self.assertEqual(row["job_queues"][0]["display"], "celery: night")

    @pytest.mark.slow
    def test_a_list_costs_the_same_for_5_rows_and_for_50(self):
        self.make_superuser()
        for number in range(10, 58):
            job = builders.job(
                number,
                source_type="git",
                git_repository=builders.repository(f"Repository {number}", f"repository_{number}"),
                default_job_queue=self.queue,
                default_job_queue_override=True,
            )
            builders.revision(job, number=number)
            builders.load_error(number % 27 + 1, module_name=f"m{number}", git_repository=job.git_repository)
            builders.reconciliation(number % 27 + 1, user=self.user)
            builders.run(number % 27 + 1, job=job, revision=job.current_revision)
            builders.schedule(number % 27 + 1, job=job, name=f"Schedule of {number}")
        for model in SERIALIZED:
            with self.subTest(model=model.__name__):
                few = self.statements(self.list_url(model, limit=5))
                many = self.statements(self.list_url(model, limit=50))
                self.assertEqual(few, many)
                self.assertLessEqual(many, 10)

    def test_a_detail_costs_at_most_8_statements(self):
        self.make_superuser()
        for obj in (self.job, self.revision, self.run_anchor, self.schedule, self.load_error, self.reconciliation):
            with self.subTest(model=type(obj).__name__):
                self.assertLessEqual(self.statements(self.detail_url(obj)), 8)
