"""What the pages show, to whom, and at what cost."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

import pytest
import yaml
from django.db import connection
from django.forms import ModelMultipleChoiceField, MultipleChoiceField
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils.html import escape, strip_tags
from nautobot.apps.testing import TestCase, ViewTestCases
from nautobot.apps.utils import get_filterset_for_model, get_form_for_model, get_route_for_model, get_table_for_model
from nautobot.extras.models import JobQueue

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.reconcile import rejected_sync
from tests import builders
from tests.support import grant

SHOWN = (
    models.RegisteredJob,
    models.JobRevision,
    models.JobRun,
    models.JobSchedule,
    models.FieldOverride,
    models.JobLoadError,
    models.Reconciliation,
)


class RegisteredJobViewTestCase(
    ViewTestCases.GetObjectViewTestCase,
    ViewTestCases.GetObjectChangelogViewTestCase,
    ViewTestCases.GetObjectNotesViewTestCase,
    ViewTestCases.ListObjectsViewTestCase,
    ViewTestCases.EditObjectViewTestCase,
    ViewTestCases.DeleteObjectViewTestCase,
    ViewTestCases.BulkEditObjectsViewTestCase,
    ViewTestCases.BulkDeleteObjectsViewTestCase,
):
    model = models.RegisteredJob
    form_data = {"enabled": True, "description": "By hand", "description_override": True}
    bulk_edit_data = {"enabled": True, "description": "By hand", "description_override": True}
    # Where nothing is proposed these pages say so on the page of the job, which takes the right to view it.
    custom_action_required_permissions = {
        name: ["nautobot_job_registry.view_registeredjob", "nautobot_job_registry.change_registeredjob"]
        for name in ("adopt", "dismiss_predecessor", "enable", "disable")
    }

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(4):
            builders.revision(builders.job(number, installed=False, absence="removed"))


class JobRevisionViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = models.JobRevision

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 5):
            builders.revision(builders.job(number), number=number)


class FieldOverrideViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = models.FieldOverride
    custom_action_required_permissions = {
        "terms": ["nautobot_job_registry.view_fieldoverride", "nautobot_job_registry.change_registeredjob"]
    }

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 5):
            builders.override(number)


class JobRunViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = models.JobRun

    @classmethod
    def setUpTestData(cls):
        for number in range(1, 5):
            builders.run(number)


class JobScheduleViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = models.JobSchedule

    @classmethod
    def setUpTestData(cls):
        for number in range(1, 5):
            builders.schedule(number)


class JobLoadErrorViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = models.JobLoadError

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 5):
            builders.load_error(number)


class ReconciliationViewTestCase(ViewTestCases.GetObjectViewTestCase, ViewTestCases.ListObjectsViewTestCase):
    model = models.Reconciliation

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        for number in range(1, 5):
            builders.reconciliation(number)


class PagesTestCase(TestCase):
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
            time_limit=5,
            time_limit_override=True,
        )
        variable = {"name": "site_name", "type": "StringVar", "label": "Site", "required": True, "default": "DC1"}
        cls.revision = builders.revision(cls.job, metadata={"time_limit": 61, "variables": [variable]})
        cls.local_job = builders.job(2)

    def grant(self, model, actions, constraints=None):
        grant(self.user, model, actions, constraints)

    def make_superuser(self):
        self.user.is_superuser = True
        self.user.save()

    def page(self, url):
        response = self.client.get(url)
        self.assertEqual(response.status_code, 200)
        return response.content.decode()

    def rows(self, model):
        """Return the part of the list page that has the rows."""
        response = self.client.get(reverse(get_route_for_model(model, "list")), headers={"HX-Request": "true"})
        self.assertEqual(response.status_code, 200)
        return response.content.decode()

    def test_no_page_offers_to_make_a_row_or_to_write_a_log(self):
        for model in SHOWN:
            actions = ("add", "import", "bulk_edit", "bulk_delete")
            for action in actions[:2] if model is models.RegisteredJob else actions:
                with self.subTest(model=model.__name__, action=action), self.assertRaises(NoReverseMatch):
                    reverse(get_route_for_model(model, action))
            for action in () if model is models.RegisteredJob else ("edit", "delete"):
                with self.subTest(model=model.__name__, action=action), self.assertRaises(NoReverseMatch):
                    reverse(get_route_for_model(model, action), kwargs={"pk": self.job.pk})

    def test_an_address_that_is_no_key_is_not_found(self):
        self.make_superuser()
        for model in SHOWN:
            for tail in ("none/", "-" * 36 + "/"):
                self.assertEqual(self.client.get(reverse(get_route_for_model(model, "list")) + tail).status_code, 404)

    def test_the_documentation_is_a_redirect(self):
        response = self.client.get(reverse("plugins:nautobot_job_registry:docs"))
        self.assertEqual(response.status_code, 302)
        self.assertTrue(response.url.endswith("nautobot_job_registry/docs/index.html"))

    def test_each_page_leads_to_its_chapter_of_the_documentation(self):
        self.make_superuser()
        chapters = set()
        for model in SHOWN:
            content = self.client.get(reverse(get_route_for_model(model, "list"))).content.decode()
            chapters |= set(re.findall(r"nautobot_job_registry/docs/(user/\w+)\.html", content))
        chapters |= set(
            re.findall(r"nautobot_job_registry/docs/(user/\w+)\.html", self.page(self.job.get_absolute_url()))
        )
        self.assertIn("user/browse", chapters)
        self.assertGreaterEqual(len(chapters), 5)
        docs = Path(models.__file__).parents[2] / "docs"
        self.assertEqual([name for name in chapters if not (docs / f"{name}.md").exists()], [])

    def test_the_menu_group_is_in_the_jobs_tab(self):
        self.make_superuser()
        content = self.page(reverse("home"))
        self.assertIn("Job Registry", content)
        for model in SHOWN:
            query = "?resolved=false" if model is models.JobLoadError else ""
            self.assertIn(f'href="{reverse(get_route_for_model(model, "list"))}{query}"', content)

    def test_a_list_shows_where_a_job_comes_from_and_how_it_is(self):
        self.make_superuser()
        builders.job(3, installed=False, absence="load_error")
        content = self.rows(models.RegisteredJob)
        self.assertIn("module_1.jobs.Job1", content)
        self.assertIn("<span>01234567</span>", content)
        self.assertIn('data-clipboard-text="0123456789abcdef"', content)
        self.assertIn("Time limit, Default job queue", content)
        self.assertIn('<span class="badge text-bg-success text-capitalize">installed</span>', content)
        self.assertIn('<span class="badge bg-danger text-capitalize">load error</span>', content)
        self.assertIn(f'Git repository: <a href="{self.repository.get_absolute_url()}">network_jobs</a>', content)

    def test_a_job_shows_source_override_and_effect(self):
        self.make_superuser()
        content = self.page(self.job.get_absolute_url())
        for text in ("module_1.jobs.Job1", "0123456789abcdef", "site_name", "StringVar", "DC1", "night"):
            self.assertIn(text, content)
        row = strip_tags(content.split(">Time limit</th>")[1].split("</tr>")[0])
        self.assertRegex(
            " ".join(row.split()),
            r"^61 seconds Overridden .* 5 seconds( Keep and mark as reviewed)? Remove override Edit reason and end$",
        )
        self.assertIn(self.revision.get_absolute_url(), content)

    def test_drift_is_shown_filtered_and_coloured(self):
        self.make_superuser()
        job = builders.job(5, description="chosen", description_override=True)
        for number, said in ((1, "old words"), (2, "new words")):
            builders.revision(job, number=number, metadata={"description": said})
        models.FieldOverride.objects.filter(job=job).update(source_value="old words", source_is_known=True)
        self.assertIn("code said old words when set", strip_tags(self.page(job.get_absolute_url())))
        url = reverse(get_route_for_model(models.RegisteredJob, "list"))
        for params, names in (
            ("drifted=true", [job.name]),
            ("overridden_field=description", [job.name]),
            ("overridden_field=time_limit&overridden_field=description", [self.job.name, job.name]),
            ("drifted=false", [self.job.name, self.local_job.name]),
        ):
            content = self.client.get(f"{url}?{params}", headers={"HX-Request": "true"}).content.decode()
            with self.subTest(params=params):
                self.assertEqual([n for n in (self.job.name, self.local_job.name, job.name) if n in content], names)
                self.assertEqual('class="table-warning' in content, params != "drifted=false")

    def test_jobs_are_sorted_by_the_number_of_their_overrides(self):
        self.make_superuser()
        builders.job(6, hidden_override=True)
        url = reverse(get_route_for_model(models.RegisteredJob, "list"))
        for sort, order in (("-overridden", ["1", "6", "2"]), ("overridden", ["2", "6", "1"])):
            content = self.client.get(f"{url}?sort={sort}", headers={"HX-Request": "true"}).content.decode()
            self.assertEqual(sorted("126", key=lambda number: content.index(f">Job number {number}<")), order)

    def test_the_list_is_exported_as_yaml(self):
        self.make_superuser()
        response = self.client.get(
            reverse(get_route_for_model(models.RegisteredJob, "list")) + "?export&name=Job+number+1"
        )
        documents = list(yaml.safe_load_all(response.content))
        self.assertEqual([document["class_path"] for document in documents], ["module_1.jobs.Job1"])
        self.assertEqual(documents[0]["overrides"], {"time_limit": 5.0, "default_job_queue": "night"})
        self.assertEqual(documents[0]["source_values"]["time_limit"], 61)

    def test_runs_and_schedules_are_shown_to_those_who_may_view_them(self):
        run, other = builders.run(1, job=self.local_job), builders.run(2)
        schedule = builders.schedule(1, job=self.local_job)
        url = self.local_job.get_absolute_url()
        self.grant(models.RegisteredJob, ["view"])
        for tab in ("runs", "schedules"):
            self.assertEqual(self.client.get(f"{url}{tab}/").status_code, 403)
            self.assertNotIn(f"{url}{tab}/", self.page(url))
        self.grant(models.JobRun, ["view"], {"worker": run.worker})
        self.grant(models.JobSchedule, ["view"], {"scheduled_job__name": "Schedule 1"})
        self.assertIn(f"{url}runs/", self.page(url))
        runs, schedules = self.page(f"{url}runs/"), self.page(f"{url}schedules/")
        self.assertIn(run.get_absolute_url(), runs)
        self.assertNotIn(other.get_absolute_url(), runs)
        self.assertIn(schedule.get_absolute_url(), schedules)
        for core, content in ((run.job_result, runs), (schedule.scheduled_job, schedules)):
            self.assertNotIn(core.get_absolute_url(), content, "A link that leads to a closed door.")
            self.grant(type(core), ["view"])
        runs, schedules = self.page(f"{url}runs/"), self.page(f"{url}schedules/")
        self.assertIn(run.job_result.get_absolute_url(), runs)
        self.assertIn(schedule.scheduled_job.get_absolute_url(), schedules)

    def test_a_job_without_a_revision_says_so(self):
        self.make_superuser()
        self.assertIn("unknown: no revision yet", self.page(self.local_job.get_absolute_url()))

    def test_an_absence_is_explained(self):
        self.make_superuser()
        for absence, words in (
            ("removed", "The class is no longer in the code."),
            ("load_error", "could not be loaded"),
            ("unconfirmed", "its source could not be read completely"),
            ("source_unavailable", "Make the source available again"),
            ("source_unavailable", "--source local --confirm-empty"),
        ):
            with self.subTest(absence=absence):
                models.RegisteredJob.objects.filter(pk=self.job.pk).update(installed=False, absence=absence)
                self.assertIn(words, self.page(self.job.get_absolute_url()))

    def test_a_job_shows_the_open_errors_of_its_module_only(self):
        self.make_superuser()
        source = {"source_type": "local", "source_name": "JOBS_ROOT"}
        builders.load_error(1, module_name="module_2.jobs", message="in the module", **source)
        builders.load_error(2, module_name="module_2", message="in the package", **source)
        builders.load_error(3, module_name="module_2.jobs", message="once", resolved_at=builders.moment(3), **source)
        builders.load_error(4, module_name="module_2.other", message="elsewhere", **source)
        builders.load_error(5, module_name="module_2.jobs", job_class_name="Else", message="another class", **source)
        content = self.page(self.local_job.get_absolute_url())
        for text, shown in (
            ("in the module", True),
            ("in the package", True),
            (">once<", False),
            ("elsewhere", False),
            ("another class", False),
        ):
            self.assertEqual(text in content, shown, text)

    def test_related_rows_need_their_own_permission(self):
        self.grant(models.RegisteredJob, ["view"])
        self.assertNotIn(self.revision.get_absolute_url() + '">1<', self.page(self.job.get_absolute_url()))

    def test_constraints_of_a_permission_hold(self):
        self.grant(models.RegisteredJob, ["view"], {"source_type": "git"})
        content = self.rows(models.RegisteredJob)
        self.assertIn("Job number 1", content)
        self.assertNotIn("Job number 2", content)
        self.page(self.job.get_absolute_url())
        self.assertEqual(self.client.get(self.local_job.get_absolute_url()).status_code, 404)

    def test_source_code_needs_its_own_permission(self):
        self.grant(models.JobRevision, ["view"])
        url = self.revision.get_absolute_url()
        self.assertNotIn("SECRET_SOURCE", self.page(url))
        self.grant(models.JobRevision, ["view_source"], {"job__source_type": "git"})
        self.assertIn("SECRET_SOURCE", self.page(url))
        other = builders.revision(self.local_job)
        self.assertNotIn("SECRET_SOURCE", self.page(other.get_absolute_url()))

    def test_a_traceback_needs_its_own_permission(self):
        error = builders.load_error(1, message="No module named 'missing'")
        self.grant(models.JobLoadError, ["view"])
        content = self.page(error.get_absolute_url())
        self.assertIn(escape("No module named 'missing'"), content)
        self.assertIn("/jobs/broken_1.py", content)
        self.assertNotIn(builders.TRACEBACK, content)
        self.grant(models.JobLoadError, ["view_source"])
        self.assertIn(builders.TRACEBACK, self.page(error.get_absolute_url()))

    def test_a_load_error_tells_its_commits_and_what_they_mean(self):
        self.make_superuser()
        commits = {"source_version": "b" * 40, "commit_author": "Ada", "commit_subject": "Use a new library"}
        error = builders.load_error(1, effective_version="a" * 40, source_type="git", source_name="x", **commits)
        self.assertIn("none of the repository&#x27;s jobs can be run", self.page(error.get_absolute_url()))
        builders.job(9, source_type="git", source_name="x")
        content = self.page(error.get_absolute_url())
        for text in ("Ada", "Use a new library", "b" * 40, f"jobs still run from commit {'a' * 40}", "sync rejected"):
            self.assertIn(text, content)
        self.assertIn("Ada", self.rows(models.JobLoadError))
        error.resolved_at = builders.moment(9)
        error.save()
        self.assertNotIn("jobs still run from", self.page(error.get_absolute_url()))

    def test_a_reconciliation_tells_what_changed_by_kind(self):
        self.make_superuser()
        fields = {"hidden": {"old": False, "new": True}, "time_limit": {"old": 17.0, "new": 23.0}}
        gone = {"action": "uninstall", "absence": "removed", "source": "git:y", "fields": {}}
        row = builders.reconciliation(
            1,
            changes=[
                {"job": "module_1.jobs.Job1", "action": "change", "fields": fields},
                {"job": "module_2.jobs.Job2", "action": "register", "source": "git:y", "fields": {}},
                {"job": "module_3.jobs.Job3", **gone},
                {"job": "module_4.jobs.Job4", **gone},
                {"load_error": "broken_module", "action": "open", "message": "invalid syntax"},
            ],
        )
        content = self.page(row.get_absolute_url())
        for text in (
            "module_1.jobs.Job1 Changed. Hidden: No → to Yes",
            "Time limit: 17 → to 23",
            "git:y (1) + module_2.jobs.Job2",
            "module_3.jobs.Job3 Removed: the class is no longer in the code.",
            "broken_module Cannot be loaded: invalid syntax.",
        ):
            self.assertIn(text, " ".join(strip_tags(content).split()))
        titles = ["Cannot be loaded (1)", "Removed, or missing for now (2)", "New (1)", "Changed (1)"]
        found = [content.find(f"{title}</h2>") for title in titles]
        self.assertEqual(found, sorted(found))
        self.assertGreater(found[0], 0)
        self.assertNotIn("Switched off", content)
        self.assertIn('load-errors/?q=broken_module"', content)
        # A job that has no page any more is no dead link.
        self.assertIn("<span>module_3.jobs.Job3</span>", content)
        job = builders.job(3)
        self.assertIn(f'<a href="{job.get_absolute_url()}">module_3.jobs.Job3</a>', self.page(row.get_absolute_url()))

    def test_a_reconciliation_says_at_its_head_what_went_wrong(self):
        self.make_superuser()
        row = builders.reconciliation(1, changed=0, status="failed", error="Traceback\nValueError: no")
        content = self.page(row.get_absolute_url())
        self.assertIn("The reconcile failed, and nothing was changed.", content)
        self.assertIn("ValueError: no", content)
        self.assertIn("Nothing changed.", content)
        commits = {"attempted": "7" * 40, "effective": "e" * 40}
        row = builders.reconciliation(2, changed=0, status="rejected", error=rejected_sync.REJECTED.format(**commits))
        content = self.page(row.get_absolute_url())
        self.assertIn("Runs from eeeeeeee; the sync to 77777777 was rejected.", content)
        self.assertIn("7" * 40, content)

    def test_a_reconciliation_that_found_load_errors_did_not_just_succeed(self):
        self.make_superuser()
        error = {"load_error": "broken", "action": "open", "message": "no", "source": "local"}
        row = builders.reconciliation(1, changed=0, errors_opened=1, unchanged=3, changes=[error])
        for content in (self.page(row.get_absolute_url()), self.rows(models.Reconciliation)):
            self.assertIn('<span class="badge text-bg-warning text-capitalize">Succeeded, with errors</span>', content)
        content = self.page(row.get_absolute_url())
        chips = content.split("data-registry-chips>")[1].split("</p>")[0]
        self.assertEqual(" ".join(strip_tags(chips).split()), "1 load error 3 unchanged")
        self.assertIn('href="#changes-load_errors"', chips)
        self.assertIn('id="changes-load_errors"', content)

    def test_a_reconciliation_leads_to_what_changed_in_the_code(self):
        self.make_superuser()
        job = builders.job(41)
        change = {"current_revision": {"old": 1, "new": 2}}
        moved = {"source_version": {"old": "a" * 40, "new": "b" * 40}}
        about = {"job": job.class_path, "source": "git:y"}
        row = builders.reconciliation(
            1,
            changes=[
                {**about, "action": "change", "fields": change},
                {**about, "action": "refresh", "fields": moved},
                {**about, "action": "relink", "fields": {}, "message": "1 run and 0 schedules are linked"},
            ],
            finished=builders.moment(1) + timedelta(milliseconds=170),
        )
        for number in (1, 2):
            revision = builders.revision(job, number, reconciliation=row)
        content = self.page(row.get_absolute_url())
        url = reverse(get_route_for_model(models.JobRevision, "diff"), kwargs={"pk": revision.pk})
        self.assertIn("Code changed (revision 2).", content)
        self.assertIn(f'href="{url}"', content)
        self.assertIn("Linked again (1)", content)
        self.assertIn("0.2 s", content)
        # Short in the sentence, and whole below it.
        self.assertIn("Version of git:y moved to bbbbbbbb.", content)
        self.assertIn("b" * 40, content)

    def test_the_first_reconcile_is_a_line_for_each_source(self):
        self.make_superuser()
        changes = [
            {"job": f"{source}.Job{n}", "source": f"git:{source}", "action": "register", "fields": {}}
            for source in ("x", "y")
            for n in range(15)
        ]
        row = builders.reconciliation(1, changed=0, registered=30, changes=changes)
        content = self.page(row.get_absolute_url())
        group = content.split('data-registry-group="registered"')[1]
        self.assertTrue(group.startswith(" open>"))
        lines = r"<details[^>]*><summary[^>]*>([^<]*)</summary>"
        self.assertEqual(re.findall(lines, group), ["git:x (15)", "git:y (15)"])
        # So it is with thousands, whose names come as a line is opened.
        changes = [{**changes[0], "job": f"x.Job{n}", "source": f"git:{'xy'[n % 2]}"} for n in range(1202)]
        row = builders.reconciliation(2, changed=0, registered=1202, changes=changes)
        content = self.page(row.get_absolute_url())
        self.assertEqual(re.findall(lines, content), ["git:x (601)", "git:y (601)"])
        shown = []
        content = content[content.index("git:y (601)") :]
        while link := re.search(r'href="([^"]+group=registered[^"]+)"', content):
            content = self.client.get(unescape(link[1])).content.decode()
            shown += re.findall(r"<span>x\.Job(\d+)</span>", content)
        self.assertEqual(sorted(map(int, shown)), list(range(1, 1202, 2)))
        url = reverse(get_route_for_model(models.Reconciliation, "changes"), kwargs={"pk": row.pk})
        for asked in ({"start": "9" * 5000}, {"start": "²"}, {"start": "-1"}, {"group": "<b>"}):
            response = self.client.get(url, {"group": "registered", **asked})
            self.assertEqual(response.status_code, 200)
            self.assertNotIn("<b>", response.content.decode())

    def test_the_page_of_a_reconciliation_costs_the_same_for_few_changes_and_for_many(self):
        self.make_superuser()
        counts = []
        for number, first in ((3, 500), (40, 600)):
            jobs = [builders.job(first + index) for index in range(number)]
            changed = {"action": "change", "fields": {"current_revision": {"old": 1, "new": 2}}}
            row = builders.reconciliation(1, changes=[{"job": job.class_path, **changed} for job in jobs])
            for job in jobs:
                builders.revision(job, 2, reconciliation=row)
            self.page(row.get_absolute_url())
            with CaptureQueriesContext(connection) as captured:
                content = self.page(row.get_absolute_url())
            self.assertEqual(content.count("Show diff"), number)
            counts.append(len(captured))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 30)

    def test_all_of_a_long_reconciliation_can_be_reached(self):
        self.make_superuser()
        changes = [{"job": f"module.Job{n}", "action": "register", "fields": {}} for n in range(2100)]
        content = self.page(builders.reconciliation(1, changes=changes).get_absolute_url())
        self.assertLess(len(content), 1_000_000)
        shown = []
        while True:
            shown += re.findall(r"<span>(module\.Job\d+)</span>", content)
            link = re.search(r'href="([^"]+group=registered[^"]+)"', content)
            if link is None:
                break
            content = self.client.get(unescape(link[1])).content.decode()
        self.assertEqual(sorted(shown), sorted(change["job"] for change in changes))

    def test_the_list_tells_what_happened_and_to_whom_it_is_filtered(self):
        self.make_superuser()
        changes = [{"job": f"m.Job{n}", "source": "git:y", "action": "return", "fields": {}} for n in range(7)]
        changes.append({"job": "m.Other", "source": "git:y", "action": "uninstall", "absence": "removed"})
        builders.reconciliation(1, changes=changes, changed=0, returned=7, uninstalled=1)
        builders.reconciliation(2, changed=0, status="failed")
        builders.reconciliation(3, changed=0, status="rejected", errors_opened=2)
        content = self.rows(models.Reconciliation)
        for text in ("1 removed or missing, 7 restored", "Nothing was changed", "2 load errors", "Sync rejected"):
            self.assertIn(text, content)
        url = reverse(get_route_for_model(models.Reconciliation, "list"))
        headers = {"HX-Request": "true"}
        content = self.client.get(f"{url}?job=m.Job3", headers=headers).content.decode()
        self.assertIn("m.Job3 was restored: git:y has the class again.", content)
        self.assertNotIn("m.Job4", content)
        self.assertNotIn("2 load errors", content)
        content = self.client.get(f"{url}?kind=returned", headers=headers).content.decode()
        self.assertIn("m.Job4 was restored", content)
        self.assertIn("… and 2 more", content)
        self.assertNotIn("m.Other", content)

    def test_the_filtered_list_costs_the_same_for_few_rows_and_for_many(self):
        self.make_superuser()
        changes = [{"job": "m.Job", "source": "git:y", "action": "return", "fields": {}}]
        url = f"{reverse(get_route_for_model(models.Reconciliation, 'list'))}?job=m.Job"
        builders.reconciliation(1, changes=changes)
        few = self.statements(url, headers={"HX-Request": "true"})
        for number in range(2, 25):
            builders.reconciliation(number, changes=changes)
        self.assertEqual(self.statements(url, headers={"HX-Request": "true"}), few)

    def test_markup_from_sources_is_escaped(self):
        self.make_superuser()
        markup = builders.MARKUP
        job = builders.job(7, name=markup, grouping=markup, description=markup, source_name=markup)
        variable = {"name": markup, "type": markup, "label": markup, "required": True, "default": markup}
        revision = builders.revision(job, metadata={"variables": [variable]}, source_code=markup)
        same_source = {"source_name": markup, "module_name": "module_7.jobs"}
        error = builders.load_error(7, message=markup, traceback=markup, exception_type=markup, **same_source)
        models.JobLoadError.objects.update(commit_author=markup, commit_subject=markup, effective_version=markup)
        fields = {markup: {"old": markup, "new": [markup]}}
        changes = [{"job": markup, "action": markup, "fields": fields}, {"load_error": markup, "message": markup}]
        reconciliation = builders.reconciliation(7, changes=changes, error=markup, scope=markup)
        for obj in (job, revision, error, reconciliation):
            with self.subTest(model=type(obj).__name__):
                self.assertNotIn(markup, self.page(obj.get_absolute_url()))
                self.assertNotIn(markup, self.rows(type(obj)))
        url = f"{reverse(get_route_for_model(models.Reconciliation, 'list'))}?{urlencode({'job': markup})}"
        content = self.client.get(url, headers={"HX-Request": "true"}).content.decode()
        self.assertIn(reconciliation.get_absolute_url(), content)
        self.assertNotIn(markup, content)

    def test_no_worker_is_asked_for_the_sake_of_a_queue(self):
        self.make_superuser()
        with mock.patch("nautobot.extras.models.jobs.get_job_queue_worker_count") as count:
            self.page(self.job.get_absolute_url())
            self.rows(models.RegisteredJob)
        count.assert_not_called()

    @pytest.mark.slow
    def test_each_field_of_a_filter_form_filters(self):
        self.make_superuser()
        values = {"NullBooleanField": "true", "DateTimeField": "2026-01-01T00:00:00"}
        for model in SHOWN:
            for name, field in get_form_for_model(model, "Filter")().fields.items():
                value = values.get(type(field).__name__, "")
                if isinstance(field, ModelMultipleChoiceField):
                    value = str(field.queryset.values_list(field.to_field_name or "pk", flat=True).first() or "")
                elif isinstance(field, MultipleChoiceField):
                    value = next(iter(field.choices))[0]
                url = reverse(get_route_for_model(model, "list"))
                with self.subTest(model=model.__name__, field=name, value=value):
                    content = self.page(f"{url}?{urlencode({name: value or 'x'})}")
                    if value:
                        self.assertNotIn("Invalid filters were specified", content)
                    self.assertIn(name, get_filterset_for_model(model).base_filters)

    @pytest.mark.slow
    def test_each_sortable_column_sorts(self):
        self.make_superuser()
        builders.load_error(1)
        builders.reconciliation(1)
        for model in SHOWN:
            table_class = get_table_for_model(model)
            self.user.set_config(f"tables.{table_class.__name__}.columns", list(table_class.base_columns), commit=True)
            url = reverse(get_route_for_model(model, "list"))
            for column in table_class(model.objects.all()).columns:
                if column.orderable and column.name not in ("pk", "actions"):
                    with self.subTest(model=model.__name__, column=column.name):
                        response = self.client.get(f"{url}?sort={column.name}", headers={"HX-Request": "true"})
                        self.assertEqual(response.status_code, 200)

    def statements(self, url, **options):
        """Count the statements of a second request, with the content types known."""
        self.client.get(url, **options)
        with CaptureQueriesContext(connection) as captured:
            self.client.get(url, **options)
        return len(captured)

    def test_the_list_of_runs_reads_nothing_large_and_counts_without_a_join(self):
        self.make_superuser()
        run = builders.run(1, job=self.job, revision=self.revision)
        tab = reverse("plugins:nautobot_job_registry:registeredjob_runs", kwargs={"pk": self.job.pk})
        for url in (reverse(get_route_for_model(models.JobRun, "list")), tab):
            with CaptureQueriesContext(connection) as captured:
                content = self.client.get(url, headers={"HX-Request": "true"}).content.decode()
            self.assertIn(run.get_absolute_url(), content)
            ours = [query["sql"] for query in captured if 'FROM "nautobot_job_registry_jobrun"' in query["sql"]]
            read, counts = [[sql for sql in ours if ("COUNT(" in sql) is is_count] for is_count in (False, True)]
            for column in ("traceback", "result", "task_kwargs"):
                self.assertNotIn(f'"extras_jobresult"."{column}"', " ".join(read))
            self.assertNotIn('"source_code"', " ".join(read))
            self.assertNotIn("JOIN", " ".join(counts))

    @pytest.mark.slow
    def test_a_list_costs_the_same_for_5_rows_and_for_50(self):
        self.make_superuser()
        for number in range(10, 58):
            repository = builders.repository(f"Repository {number}", f"repository_{number}")
            job = builders.job(number, source_type="git", git_repository=repository)
            builders.revision(job, number=number)
            builders.load_error(number % 27 + 1, module_name=f"m{number}", git_repository=repository)
            builders.reconciliation(number % 27 + 1, user=self.user)
            builders.run(number % 27 + 1, job=job, revision=job.current_revision)
            builders.schedule(number % 27 + 1, job=job, name=f"Schedule of {number}")
        for model in SHOWN:
            with self.subTest(model=model.__name__):
                url = reverse(get_route_for_model(model, "list"))
                few, many = (
                    self.statements(f"{url}?per_page={rows}", headers={"HX-Request": "true"}) for rows in (5, 50)
                )
                self.assertEqual(few, many)
                self.assertLessEqual(many, 15)
