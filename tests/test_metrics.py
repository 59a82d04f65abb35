"""The metrics of the registry, on Nautobot's own page of metrics."""

from django.db import connection
from nautobot.apps.testing import TestCase
from prometheus_client.parser import text_string_to_metric_families

from nautobot_job_registry import metrics, models
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.metrics import needs
from tests import builders
from tests.support import counted_statements

PREFIX = "nautobot_job_registry_"
NAMES = {
    "jobs",
    "failed_reconciliations",
    "load_errors",
    "suspensions",
    "failing_schedules",
    "drifted_overrides",
    "ending_overrides",
    "skewed_runs",
    "proposed_predecessors",
    "last_reconciliation_timestamp_seconds",
    "last_reconciliation_succeeded",
}
# One for each need, one for the jobs, one for the last reconcile, and two for the savepoint.
STATEMENTS = len(needs.NEEDS) + 2 + 2


class MetricsTestCase(TestCase):
    def setUp(self):
        super().setUp()
        empty_registry()
        self.client.logout()

    def scraped(self):
        """Return the samples of the registry on the real page, by name; those of the jobs by source and state."""
        response = self.client.get("/metrics/")
        self.assertEqual(response.status_code, 200)
        families = text_string_to_metric_families(response.content.decode())
        ours = {family.name.removeprefix(PREFIX): family for family in families if family.name.startswith(PREFIX)}
        self.assertEqual({family.type for family in ours.values()}, {"gauge"})
        self.names = set(ours)
        jobs = {tuple(sorted(sample.labels.values())): sample.value for sample in ours.pop("jobs").samples}
        return jobs, {name: family.samples[0].value for name, family in ours.items() if family.samples}

    def test_page_tells_the_numbers(self):
        builders.job(1, enabled=True)
        builders.job(2, source_type="git")
        builders.job(3, source_type="git", installed=False, absence="load_error")
        builders.load_error(1)
        builders.load_error(2)
        builders.reconciliation(1)
        builders.reconciliation(2, status="failed")
        jobs, numbers = self.scraped()
        self.assertEqual(self.names, NAMES)
        self.assertEqual(jobs["installed", "local"], 1)
        self.assertEqual(jobs["local", "not_enabled"], 0)
        self.assertEqual(jobs["git", "not_enabled"], 1)
        self.assertEqual(jobs["git", "load_error"], 1)
        self.assertEqual(jobs["app", "removed"], 0)
        self.assertEqual(numbers["load_errors"], 2)
        self.assertEqual(numbers["failed_reconciliations"], 1)
        self.assertEqual(numbers["suspensions"], 0)
        self.assertEqual(numbers["last_reconciliation_timestamp_seconds"], builders.moment(2).timestamp())
        self.assertEqual(numbers["last_reconciliation_succeeded"], 0)

    def test_before_the_first_reconcile_there_is_no_number_of_the_last(self):
        _, numbers = self.scraped()
        self.assertEqual(self.names, NAMES)
        self.assertNotIn("last_reconciliation_succeeded", numbers)
        builders.reconciliation(1)
        self.assertEqual(self.scraped()[1]["last_reconciliation_succeeded"], 1)

    def test_cost_does_not_grow(self):
        for number in range(20):
            builders.override(number)
            builders.load_error(number + 1)
            with counted_statements() as statements:
                list(metrics.registry_metrics())
            self.assertEqual(len(statements), STATEMENTS)

    def test_missing_table_costs_the_numbers_and_nothing_else(self):
        """As in a backward migration, in which Nautobot asks for the metrics too."""
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{models.Suspension._meta.db_table}" RENAME TO "gone"')
        with self.assertLogs("nautobot_job_registry.metrics", "WARNING") as logs:
            families = list(metrics.registry_metrics())
        self.assertEqual({family.name.removeprefix(PREFIX) for family in families}, NAMES)
        self.assertEqual([family.samples for family in families], [[]] * len(NAMES))
        self.assertIn("cannot be read", logs.output[0])
        # The transaction goes on.
        self.assertFalse(models.JobLoadError.objects.exists())
