"""What GraphQL tells."""

from nautobot.apps.graphql import execute_query
from nautobot.apps.testing import TestCase

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from tests import builders
from tests.support import counted_statements


class GraphQLTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        empty_registry()
        cls.job = builders.job(1, source_type="git", source_name="network_jobs", git_repository=builders.repository())
        builders.revision(cls.job)
        builders.job(2)
        builders.load_error(1)
        builders.reconciliation(1)

    def ask(self, query):
        self.user.is_superuser = True
        self.user.save()
        return execute_query(query, user=self.user)

    def fields(self, type_name):
        result = self.ask(f'{{ __type(name: "{type_name}") {{ fields {{ name }} }} }}')
        self.assertIsNone(result.errors)
        return {field["name"] for field in result.data["__type"]["fields"]}

    def test_a_job_is_told_with_its_revisions_and_repository(self):
        result = self.ask(
            '{ registered_jobs(source_type: ["git"]) '
            "{ name module_name installed git_repository { name } revisions { number } } }"
        )
        self.assertIsNone(result.errors)
        self.assertEqual(
            result.data["registered_jobs"],
            [
                {
                    "name": "Job number 1",
                    "module_name": "module_1.jobs",
                    "installed": True,
                    "git_repository": {"name": "Network Jobs"},
                    "revisions": [{"number": 1}],
                }
            ],
        )

    def test_what_rest_tells_beside_the_columns_is_told_in_few_statements(self):
        self.job.time_limit, self.job.time_limit_override = 9, True
        self.job.save()
        query = "{ registered_jobs { name class_path overrides source_values } }"
        self.ask(query)
        with counted_statements() as few:
            result = self.ask(query)
        self.assertIsNone(result.errors)
        told = {job["name"]: job for job in result.data["registered_jobs"]}["Job number 1"]
        self.assertEqual((told["class_path"], told["overrides"]), ("module_1.jobs.Job1", {"time_limit": 9.0}))
        self.assertEqual(told["source_values"]["description"], "Description 1")
        for number in range(10, 20):
            builders.revision(builders.job(number, time_limit=5, time_limit_override=True))
        with counted_statements() as many:
            self.ask(query)
        self.assertEqual(len(many), len(few))

    def test_load_errors_and_reconciliations_are_told(self):
        result = self.ask("{ job_load_errors(resolved: false) { message } reconciliations { scope changed } }")
        self.assertIsNone(result.errors)
        self.assertEqual(result.data["job_load_errors"], [{"message": "Message 1"}])
        self.assertEqual(result.data["reconciliations"], [{"scope": "app:app_1", "changed": 1}])

    def test_overrides_and_drift_are_told(self):
        job = models.RegisteredJob.objects.get(module_name="module_1.jobs")
        job.description, job.description_override = "chosen", True
        job.save()
        query = "{ field_overrides(drifted: %s) { field value job { name } } registered_jobs(drifted: %s) { name } }"
        told = {"field": "DESCRIPTION", "value": "chosen", "job": {"name": job.name}}
        for drifted in (False, True):
            with self.subTest(drifted=drifted):
                if drifted:
                    models.FieldOverride.objects.update(source_value="what it said then")
                result = self.ask(query % ("true" if drifted else "false", "true" if drifted else "false"))
                self.assertIsNone(result.errors)
                self.assertEqual(len(result.data["field_overrides"]), 1)
                found = result.data["field_overrides"][0]
                self.assertEqual({**found, "field": found["field"].upper()}, told)
                self.assertIn({"name": job.name}, result.data["registered_jobs"])

    def test_runs_and_schedules_are_told_with_their_job(self):
        builders.run(1, job=self.job, is_skewed=True)
        builders.run(2)
        builders.schedule(1, job=self.job)
        result = self.ask(
            "{ job_runs(is_skewed: true) { class_path worker job { name runs { class_path } } job_result { status } } "
            "job_schedules { class_path scheduled_job { name } } }"
        )
        self.assertIsNone(result.errors)
        path = "module_1.jobs.Job1"
        job = {"name": "Job number 1", "runs": [{"class_path": path}]}
        run = {"class_path": path, "worker": "celery@worker1", "job": job, "job_result": {"status": "SUCCESS"}}
        self.assertEqual(result.data["job_runs"], [run])
        self.assertEqual(result.data["job_schedules"], [{"class_path": path, "scheduled_job": {"name": "Schedule 1"}}])

    def test_sources_and_inner_notes_are_not_told(self):
        self.assertNotIn("source_code", self.fields("JobRevisionType"))
        self.assertNotIn("traceback", self.fields("JobLoadErrorType"))
        self.assertNotIn("core_decisions", self.fields("RegisteredJobType"))

    def test_all_else_is_told(self):
        """Nautobot has no GraphQL type of users."""
        hidden = {
            models.JobRevision: {"source_code"},
            models.JobLoadError: {"traceback"},
            models.Reconciliation: {"user"},
            models.FieldOverride: {"set_by"},
            models.Suspension: {"restored_by"},
            models.JobRun: set(),
            models.JobSchedule: set(),
        }
        for model in hidden:
            columns = {field.name for field in model._meta.fields} - hidden[model]
            self.assertEqual(columns - self.fields(f"{model.__name__}Type"), set(), model)
