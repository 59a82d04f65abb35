"""What the registry's panel on the first page shows, to whom, and at what cost."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from tests import builders
from tests.support import grant

TITLE = 'id="job-registry"'
PREFIX = "/plugins/job-registry"
ALL_COUNTS = {
    "Installed jobs": (4, "/registered-jobs/?installed=true"),
    "Not installed: removed": (1, "/registered-jobs/?installed=false&absence=removed"),
    "Not installed: load error": (2, "/registered-jobs/?installed=false&absence=load_error"),
    "Installed, not enabled": (3, "/registered-jobs/?installed=true&enabled=false"),
    "Jobs with overridden fields": (2, "/registered-jobs/?overridden=true"),
}


class HomepageTestCase(TestCase):
    def setUp(self):
        super().setUp()
        empty_registry()
        builders.job(1, enabled=True)
        builders.job(2, time_limit_override=True, name_override=True)
        builders.job(3)
        builders.job(4, source_type="app", source_name="some_app")
        builders.job(5, installed=False, absence="removed", hidden_override=True)
        builders.job(6, installed=False, absence="load_error")
        builders.job(7, installed=False, absence="load_error", enabled=True)
        builders.load_error(1)
        builders.load_error(2, resolved_at=builders.moment(3))
        self.reconciliation = builders.reconciliation(2, status="failed")
        builders.reconciliation(1)

    def grant(self, model, constraints=None):
        grant(self.user, model, ["view"], constraints)

    def panel(self):
        content = self.client.get(reverse("home")).content.decode()
        return content.split(TITLE)[1].split("</ul>")[0] if TITLE in content else ""

    def counts(self):
        """Return what the panel counts: how many, and where it links to."""
        found = {}
        for item in self.panel().split('<li class="list-group-item">')[1:]:
            if "badge bg-primary" in item:
                count, text = strip_tags(item).split(maxsplit=1)
                found[text.strip()] = (int(count), item.split('href="')[1].split('"')[0].replace("&amp;", "&"))
        return found

    def attention(self):
        """Return how much needs attention, and in which colour."""
        item = self.panel().split('<li class="list-group-item">')[1]
        return int(strip_tags(item).split()[0]), item.split('class="badge ')[1].split()[0]

    def test_every_number_is_that_of_the_list_it_links_to(self):
        self.user.is_superuser = True
        self.user.save()
        counts = self.counts()
        self.assertEqual(counts, {text: (count, PREFIX + url) for text, (count, url) in ALL_COUNTS.items()})
        for text, (count, url) in counts.items():
            with self.subTest(text=text):
                table = self.client.get(url, headers={"HX-Request": "true"}).content.decode()
                self.assertEqual(len(re.findall(r'<tr class="(?:[^"]* )?(?:even|odd)"', table)), count)

    def test_last_reconcile_is_the_newest(self):
        self.grant(models.Reconciliation)
        panel = self.panel()
        self.assertIn(self.reconciliation.get_absolute_url(), panel)
        self.assertIn("Failed", panel)
        self.assertEqual(self.counts(), {})

    def test_without_a_right_there_is_no_panel(self):
        self.assertEqual(self.panel(), "")

    def test_each_number_needs_its_right(self):
        self.assertEqual(self.counts(), {})
        self.grant(models.JobLoadError)
        self.assertEqual((self.attention(), self.counts()), ((1, "bg-danger"), {}))
        models.JobLoadError.objects.all().delete()
        self.assertEqual(self.attention(), (0, "text-bg-success"))
        self.assertNotIn("Last reconcile", self.panel())

    def test_numbers_are_over_what_the_user_may_view(self):
        self.grant(models.RegisteredJob, {"source_type": "app"})
        self.grant(models.JobLoadError, {"source_type": "app"})
        self.grant(models.Reconciliation, {"status": "succeeded", "scope": "nowhere"})
        counts = self.counts()
        self.assertEqual(counts["Installed jobs"][0], 1)
        self.assertNotIn("Not installed: load error", counts)
        self.assertEqual(self.attention(), (0, "text-bg-success"))
        self.assertNotIn("Last reconcile", self.panel())

    def test_what_needs_attention_is_counted_first(self):
        self.user.is_superuser = True
        self.user.save()
        # The load error and the failed reconcile.
        self.assertEqual(self.attention(), (2, "bg-danger"))
        self.assertLess(self.panel().index("Needs attention"), self.panel().index("Installed jobs"))

    def test_panel_costs_as_many_statements_as_it_has_parts(self):
        self.user.is_superuser = True
        self.user.save()
        self.panel()
        with CaptureQueriesContext(connection) as captured:
            self.panel()
        ours = [query for query in captured if 'FROM "nautobot_job_registry_' in query["sql"]]
        self.assertLessEqual(len(ours), 4)
