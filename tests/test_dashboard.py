"""What the dashboard counts, to whom, where each number leads, and at what cost."""

import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase
from nautobot.extras.models import JobResult, ScheduledJob
from nautobot.users.models import ObjectPermission

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.metrics import needs
from tests import builders
from tests.support import counted_statements, grant

URL = "/plugins/job-registry/dashboard/"
MOST_STATEMENTS = 30
RUNS = 10_000
NEEDED = {
    "failed_reconciliations": 1,
    "load_errors": 1,
    "suspensions": 1,
    "drifted_overrides": 1,
    "ending_overrides": 2,
    "skewed_runs": 2,
    "proposed_predecessors": 1,
}
# Installed, removed, load error, unconfirmed, source unavailable, not enabled, with overrides.
JOBS = {
    "System": [0, 0, 0, 0, 0, 0, 0],
    "App": [1, 0, 0, 0, 0, 0, 0],
    "Git repository": [1, 0, 2, 0, 0, 1, 0],
    "Local (JOBS_ROOT)": [4, 1, 0, 0, 0, 3, 3],
    "All": [6, 1, 2, 0, 0, 4, 3],
}


def days_ago(days):
    return timezone.now() - timedelta(days=days)


def runs(number, **values):
    """Store many runs of no job in two statements."""
    results = JobResult.objects.bulk_create(JobResult(name=f"run {count}") for count in range(number))
    models.JobRun.objects.bulk_create(
        models.JobRun(job_result=result, class_path="module.Job", **values) for result in results
    )


def suspension(number, **values):
    return models.Suspension.objects.create(
        class_path=f"module_{number}.Job",
        object_type=ContentType.objects.get_for_model(ScheduledJob),
        object_id=uuid.uuid4(),
        object_name=f"Schedule {number}",
        reason="removed",
        origin="registry",
        **values,
    )


class DashboardTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        empty_registry()
        gone = builders.job(1, installed=False, absence="removed")
        builders.job(2, source_type="git", predecessor=gone, predecessor_grounds="same source text")
        for number in (3, 4):
            builders.job(number, source_type="git", installed=False, absence="load_error", enabled=True)
        builders.job(5, source_type="app", enabled=True)
        builders.job(6, enabled=True)
        drifted, ending, ended = (builders.override(number) for number in (7, 8, 9))
        builders.revision(drifted.job, 2, metadata={"description": "changed since"})
        models.FieldOverride.objects.filter(pk=ending.pk).update(expires_at=days_ago(-6))
        models.FieldOverride.objects.filter(pk=ended.pk).update(expires_at=days_ago(-1))
        models.FieldOverride.objects.filter(pk=drifted.pk).update(expires_at=days_ago(-8))
        builders.load_error(1)
        builders.load_error(2, resolved_at=timezone.now())
        suspension(1)
        suspension(2, outcome="restored")
        runs(2, is_skewed=True, created=days_ago(6))
        runs(3, is_skewed=True, created=days_ago(9))
        runs(4, created=days_ago(1))
        builders.reconciliation(1, scope="local", status="failed", started=days_ago(20))
        builders.reconciliation(2, scope="all", started=days_ago(13))
        cls.failed = builders.reconciliation(3, scope="app:x", status="failed", started=days_ago(2), error="It broke.")
        builders.reconciliation(4, scope="local", started=days_ago(2))
        builders.reconciliation(5, scope="local", status="failed", started=days_ago(2) - timedelta(minutes=1))
        cls.last = builders.reconciliation(6, scope="git:y", started=timezone.now())

    def be_superuser(self):
        self.user.is_superuser = True
        self.user.save()

    def grant(self, model, constraints=None):
        grant(self.user, model, ["view"], constraints)

    def page(self, status=200):
        response = self.client.get(URL)
        self.assertEqual(response.status_code, status)
        return response.content.decode()

    def needed(self, page):
        """Return how many of each need the page tells of, and where the number leads."""
        rows = re.findall(r'<tr id="need-(\w+)">\s*<td[^>]*>(.*?)</td>', page, re.DOTALL)
        return {key: self.cell(cell) for key, cell in rows}

    def table(self, page, name):
        """Return the cells of each row of a table, by the heading of the row."""
        if f'id="{name}"' not in page:
            return {}
        body = page.split(f'id="{name}"')[1].split("<tbody>")[1].split("</tbody>")[0]
        rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', body, re.DOTALL)
        cells = re.compile(r"<td.*?</td>", re.DOTALL)
        return {label: [self.cell(cell) for cell in cells.findall(row)] for label, row in rows}

    @staticmethod
    def cell(html):
        link = re.search(r'href="([^"]*)"', html)
        return int(strip_tags(html).replace(",", "")), link.group(1).replace("&amp;", "&") if link else ""

    def assert_lists(self, count, url):
        """The list at an address has that many rows, and says nothing of a filter that is not valid."""
        page = self.client.get(url, headers={"HX-Request": "true"})
        self.assertEqual(page.status_code, 200)
        self.assertEqual(page.content.decode().count('name="pk"'), count, url)
        self.assertNotIn("Invalid filters", self.client.get(url).content.decode())

    def test_counts_what_needs_a_look(self):
        self.be_superuser()
        needed = self.needed(self.page())
        self.assertEqual({key: count for key, (count, _) in needed.items()}, NEEDED)

    @pytest.mark.slow
    def test_each_number_is_that_of_the_list_it_leads_to(self):
        self.be_superuser()
        page = self.page()
        jobs, reconciles = self.table(page, "registry-jobs"), self.table(page, "registry-reconciles")
        self.assertEqual({label: [count for count, _ in cells] for label, cells in jobs.items()}, JOBS)
        numbers = [
            *self.needed(page).values(),
            *(cell for row in (*jobs.values(), *reconciles.values()) for cell in row),
        ]
        for count, url in numbers:
            with self.subTest(url=url):
                if url:
                    self.assert_lists(count, url)

    def test_a_number_leads_nowhere_only_where_its_list_is_not_there(self):
        for need in needs.NEEDS:
            route = f"plugins:nautobot_job_registry:{need.model._meta.model_name}_list"
            with self.subTest(need=need.key):
                if need.url:
                    self.assertTrue(need.url.startswith(reverse(route)))

    def test_each_need_says_what_it_means_and_what_to_do_where_there_are_some(self):
        self.be_superuser()
        models.JobLoadError.objects.update(resolved_at=timezone.now())
        page = self.page()
        for need in needs.NEEDS:
            self.assertIn(need.meaning, page)
            self.assertEqual(need.advice in page, need is not needs.LOAD_ERRORS)

    def test_reconciles_are_counted_by_day(self):
        self.be_superuser()
        page = self.page()
        counts = {label: [n for n, _ in cells] for label, cells in self.table(page, "registry-reconciles").items()}
        self.assertEqual(counts["Succeeded"], [1, *[0] * 10, 1, 0, 1])
        self.assertEqual(counts["Failed"], [*[0] * 11, 2, 0, 0])
        last = page.split('id="registry-last-reconcile"')[1].split("</div>")[0]
        self.assertIn(self.last.get_absolute_url(), last)
        self.assertIn("Succeeded", last)

    def test_a_failure_is_mended_by_a_success_of_the_same_or_of_all_sources_only(self):
        self.assertEqual(list(models.Reconciliation.objects.unmended()), [self.failed])
        builders.reconciliation(7, scope="all", started=timezone.now())
        self.assertFalse(models.Reconciliation.objects.unmended().exists())

    def test_page_without_rows_says_that_there_is_nothing_to_do(self):
        self.be_superuser()
        empty_registry()
        models.JobRun.objects.all().delete()
        models.Suspension.objects.all().delete()
        page = self.page()
        self.assertEqual({count for count, _ in self.needed(page).values()}, {0})
        self.assertEqual(page.count("Nothing: there are none."), len(needs.NEEDS))
        self.assertIn("There has been no reconcile yet", page)

    # Who may see it

    def test_without_a_right_there_is_no_page(self):
        self.page(status=403)
        self.client.logout()
        self.assertIn("/login/", self.client.get(URL).url)

    def test_each_part_takes_its_right(self):
        for model in needs.SHOWN:
            ObjectPermission.objects.all().delete()
            self.grant(model)
            page = self.page()
            with self.subTest(model=model.__name__):
                shown = {need.key for need in needs.NEEDS if need.model is model}
                self.assertEqual(set(self.needed(page)), shown)
                self.assertEqual('id="registry-jobs"' in page, model is models.RegisteredJob)
                self.assertEqual('id="registry-reconciles"' in page, model is models.Reconciliation)

    def test_numbers_are_over_what_the_user_may_view(self):
        self.grant(models.RegisteredJob, {"source_type": "git"})
        self.grant(models.FieldOverride, {"job__source_type": "git"})
        self.grant(models.Reconciliation, {"scope": "git:y"})
        self.grant(models.JobRun, {"is_skewed": False})
        page = self.page()
        needed = {key: count for key, (count, _) in self.needed(page).items()}
        self.assertEqual(needed["proposed_predecessors"], 1)
        self.assertEqual({needed[key] for key in needed if key != "proposed_predecessors"}, {0})
        jobs = {label: [n for n, _ in cells] for label, cells in self.table(page, "registry-jobs").items()}
        self.assertEqual(jobs["All"], JOBS["Git repository"])
        reconciles = self.table(page, "registry-reconciles")
        self.assertEqual(sum(count for count, _ in reconciles["Succeeded"] + reconciles["Failed"]), 1)

    def test_menu_leads_to_it_first(self):
        self.grant(models.JobLoadError)
        menu = self.client.get(reverse("home")).content.decode()
        self.assertIn(f'href="{URL}"', menu)
        self.assertLess(menu.index(URL), menu.index("/plugins/job-registry/load-errors/"))

    # How it looks, and what it costs

    def test_charts_show_the_numbers_of_the_tables(self):
        self.be_superuser()
        response = self.client.get(URL)
        charts = re.findall(r'<script id="echarts-config-([\w-]+)" type="application/json">', response.content.decode())
        self.assertEqual(charts, ["registry-jobs-chart", "registry-reconciles-chart"])
        page = response.content.decode()
        self.assertIn('{"name": "Load error", "type": "bar", "data": [0, 0, 2, 0]', page)

    def test_markup_is_escaped(self):
        self.be_superuser()
        builders.reconciliation(8, scope=builders.MARKUP, started=timezone.now())
        page = self.page()
        self.assertNotIn(builders.MARKUP, page)
        self.assertIn("&lt;script&gt;alert(", page)

    @pytest.mark.slow
    def test_cost_does_not_grow_with_jobs_and_runs(self):
        self.be_superuser()
        few = self.cost()
        runs(RUNS, is_skewed=True, created=days_ago(1))
        for number in range(100, 150):
            builders.job(number)
        many = self.cost()
        self.assertLessEqual(many, MOST_STATEMENTS)
        self.assertEqual(few, many)
        self.assertEqual(self.needed(self.page())["skewed_runs"][0], RUNS + NEEDED["skewed_runs"])

    def cost(self):
        self.page()
        with counted_statements() as statements:
            self.page()
        return len(statements)
