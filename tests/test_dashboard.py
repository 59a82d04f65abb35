"""What the dashboard counts, to whom, where each number leads, and at what cost."""

import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase
from nautobot.extras.models import GitRepository, JobResult, ScheduledJob
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
    "failing_schedules": 1,
    "drifted_overrides": 1,
    "ending_overrides": 2,
    "skewed_runs": 2,
    "proposed_predecessors": 1,
}
# What is said of each source: its state, and how many of its jobs are how.
SOURCES = {
    "package": ("in step", {"installed": 1}),
    "network_jobs": ("in step", {"installed": 1, "load error": 2, "not enabled": 1}),
    "Local (JOBS_ROOT)": ("has load errors", {"installed": 4, "removed": 1, "not enabled": 3, "with overrides": 3}),
}


GIT = {"source_type": "git", "source_name": "network_jobs"}


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
        builders.job(2, **GIT, predecessor=gone, predecessor_grounds="same source text")
        for number in (3, 4):
            builders.job(number, **GIT, installed=False, absence="load_error", enabled=True)
        builders.job(5, source_type="app", source_name="package", enabled=True)
        asking = builders.job(6, enabled=True)
        builders.revision(asking, metadata={"variables": [{"name": "days", "required": True}]})
        builders.schedule(1, job=asking)
        off = builders.schedule(2, job=asking).scheduled_job
        ScheduledJob.objects.filter(pk=off.pk).update(enabled=False)
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
        some = re.findall(r'id="need-(\w+)">\s*<div.*?(<a .*?</a>)', page, re.DOTALL)
        none = re.findall(r'<a class="text-secondary" href="([^"]*)" id="need-(\w+)"', page)
        return {key: self.cell(cell) for key, cell in some} | {key: (0, unescape(url)) for url, key in none}

    def sources(self, page):
        """Return state, numbers and links of each source that the page tells of, by its name."""
        if 'id="registry-sources"' not in page:
            return {}
        body = page.split('id="registry-sources"')[1].split("<tbody>")[1].split("</tbody>")[0]
        found = {}
        for row in re.findall(r"<tr data-registry-source.*?</tr>", body, re.DOTALL):
            name, state, total, parts, _ = re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
            told = [self.cell(link) for link in re.findall(r"<a href=.*?</a>", parts)]
            labels = [strip_tags(link).split(maxsplit=1)[1] for link in re.findall(r"<a href=.*?</a>", parts)]
            found[strip_tags(name)] = (
                strip_tags(state).strip(),
                dict(zip(labels, told, strict=True)),
                self.cell(total),
            )
        return found

    def days(self, page):
        """Return how many reconciles ended how on each day, with the links, by the label of the day."""
        found = {}
        for label, html in re.findall(r'data-registry-day="([\d-]+)">(.*?)</li>', page, re.DOTALL):
            links = re.findall(r'href="([^"]*)" aria-label="(\d+) (\w+(?: \w+)?) on', html)
            found[label] = {status: (int(count), unescape(url)) for url, count, status in links}
        return found

    @staticmethod
    def cell(html):
        link = re.search(r'href="([^"]*)"', html)
        return int(strip_tags(html).split()[0].replace(",", "")), unescape(link.group(1)) if link else ""

    def assert_lists(self, count, url):
        """The list at an address has that many rows, and says nothing of a filter that is not valid."""
        page = self.client.get(url, headers={"HX-Request": "true"})
        self.assertEqual(page.status_code, 200)
        rows = re.findall(r'<tr[^>]*class="[^"]*\b(?:even|odd)\b', page.content.decode())
        self.assertEqual(len(rows), count, url)
        self.assertNotIn("Invalid filters", self.client.get(url).content.decode())

    def test_counts_what_needs_a_look(self):
        self.be_superuser()
        needed = self.needed(self.page())
        self.assertEqual({key: count for key, (count, _) in needed.items()}, NEEDED)

    @pytest.mark.slow
    def test_each_number_is_that_of_the_list_it_leads_to(self):
        self.be_superuser()
        page = self.page()
        sources, days = self.sources(page), self.days(page)
        told = {
            name: (state, {label: count for label, (count, _) in parts.items()})
            for name, (state, parts, _) in sources.items()
        }
        self.assertEqual(told, SOURCES)
        numbers = [
            *self.needed(page).values(),
            *(cell for _, parts, total in sources.values() for cell in (*parts.values(), total)),
            *(cell for parts in days.values() for cell in parts.values()),
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
            for text in (need.meaning, need.advice):
                self.assertEqual(text in page, need is not needs.LOAD_ERRORS)

    def test_reconciles_are_counted_by_day(self):
        self.be_superuser()
        page = self.page()
        days = [{label: count for label, (count, _) in parts.items()} for parts in self.days(page).values()]
        self.assertEqual(days, [{"succeeded": 1}, *[{}] * 10, {"succeeded": 1, "failed": 2}, {}, {"succeeded": 1}])
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
        self.assertIn("All clear: nothing needs attention.", page)
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
                self.assertEqual('id="registry-sources"' in page, model is models.RegisteredJob)
                self.assertIn(f"{len(needs.NEEDS) - len(shown)} checks you may not view", page)
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
        self.assertEqual(set(self.sources(page)), {"network_jobs"})
        self.assertEqual(sum(count for parts in self.days(page).values() for count, _ in parts.values()), 1)

    def test_menu_leads_to_it_first(self):
        self.grant(models.JobLoadError)
        menu = self.client.get(reverse("home")).content.decode()
        self.assertIn(f'href="{URL}"', menu)
        self.assertLess(menu.index(URL), menu.index("/plugins/job-registry/load-errors/"))

    # How it looks, and what it costs

    def test_the_first_of_each_need_are_named_and_the_worst_need_comes_first(self):
        self.be_superuser()
        page = self.page()
        order = re.findall(r'<li class="list-group-item border-(\w+) ', page)
        self.assertEqual(order, sorted(order, key=["danger", "warning", "info"].index))
        self.assertIn(
            f'<a href="{models.JobLoadError.objects.get(resolved_at=None).get_absolute_url()}">broken_1</a>', page
        )
        runs(4, is_skewed=True, created=days_ago(1))
        self.assertIn("and 3 more", self.page())

    def test_a_source_says_in_one_word_how_it_stands(self):
        self.be_superuser()
        repository = builders.repository()
        models.RegisteredJob.objects.filter(source_type="git").update(
            git_repository=repository, source_version="a" * 40
        )
        for change, state in (
            (lambda: GitRepository.objects.update(current_head="a" * 40), "in step"),
            (lambda: GitRepository.objects.update(current_head="b" * 40), "differs"),
            (lambda: builders.load_error(20, source_type="git", source_name="network_jobs"), "has load errors"),
            (lambda: models.JobLoadError.objects.update(effective_version="a" * 40), "sync rejected"),
            (
                lambda: models.RegisteredJob.objects.filter(installed=False).update(absence="source_unavailable"),
                "unreachable",
            ),
        ):
            change()
            self.assertEqual(self.sources(self.page())["network_jobs"][0], state)

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
