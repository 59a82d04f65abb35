"""The registry's part of Nautobot's health check, asked for as a monitor asks for it."""

import io

from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from health_check.plugins import plugin_dir
from nautobot.apps.testing import TransactionTestCase

from nautobot_job_registry import checks, models
from nautobot_job_registry.factory import empty_registry
from tests import builders

NAME = "JobRegistry"
WELL = "working"


def settings(**values):
    return override_settings(PLUGINS_CONFIG={"nautobot_job_registry": {**checks.default_settings(), **values}})


class HealthTestCase(TransactionTestCase):
    def setUp(self):
        super().setUp()
        empty_registry()
        self.client.logout()

    def health(self):
        """Return the status of the answer, and what it says of the registry."""
        response = self.client.get("/health/?format=json")
        return response.status_code, response.json()[NAME]

    def command(self):
        output = io.StringIO()
        try:
            call_command("health_check", stdout=output)
        except SystemExit as ended:
            return ended.code, output.getvalue()
        return 0, output.getvalue()

    @settings(health_check_is_critical=True)
    def test_fails_until_the_failure_is_mended(self):
        self.assertEqual(self.health(), (200, WELL))
        builders.reconciliation(1)
        builders.reconciliation(2, scope="all", status="failed", error="secret")
        status, text = self.health()
        self.assertEqual(status, 500)
        self.assertIn("A reconcile of the job registry failed", text)
        self.assertNotIn("secret", text)
        self.assertEqual(self.command()[0], 1)
        # A good reconcile of another source does not hide it.
        builders.reconciliation(3, scope="git:y")
        self.assertEqual(self.health()[0], 500)
        builders.reconciliation(4, scope="all")
        self.assertEqual(self.health(), (200, WELL))
        code, output = self.command()
        self.assertEqual(code, 0, output)
        self.assertIn(NAME, output)

    def test_a_failure_is_told_and_harms_nothing_unless_it_is_said_to_be_critical(self):
        builders.reconciliation(2, status="failed")
        status, text = self.health()
        self.assertEqual(status, 200)
        self.assertIn("A reconcile of the job registry failed", text)
        self.assertEqual(self.command()[0], 0)

    def test_missing_table_is_left_to_the_checks_of_nautobot(self):
        table = models.Reconciliation._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{table}" RENAME TO "gone"')
            self.addCleanup(self.rename_back, table)
        self.assertEqual(self.health()[1], WELL)

    def rename_back(self, table):
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "gone" RENAME TO "{table}"')

    def test_setting_leaves_the_check_out(self):
        known = plugin_dir._registry
        self.addCleanup(setattr, plugin_dir, "_registry", known)
        plugin_dir.reset()
        with settings(health_check=False):
            checks.register_health_check()
        self.assertEqual(plugin_dir._registry, [])
        with settings():
            checks.register_health_check()
        self.assertEqual(plugin_dir._registry, [(checks.JobRegistryHealthCheck, {})])
