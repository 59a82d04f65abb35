"""The page of a job: its news come first, what it names can be done there, and its history is one."""

import re
from datetime import timedelta
from html import unescape

from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase
from nautobot.extras.models import Job, JobHook, JobQueue, JobResult, ObjectChange

from nautobot_job_registry import factory, models
from nautobot_job_registry.core_bridge.change_log import OWN_OCCASION
from tests import builders
from tests.support import counted_statements, grant

ROUTE = "plugins:nautobot_job_registry:registeredjob"
MOST_STATEMENTS, MOST_WITH_TABS = 20, 56


def words(html):
    """Return the text of a piece of a page."""
    return " ".join(strip_tags(html).split())


class JobPageTestCase(TestCase):
    """A job of a Git repository with a core row, looked at by somebody with rights that each test grants."""

    def setUp(self):
        super().setUp()
        factory.empty_registry()
        self.client.force_login(self.user)
        self.repository = builders.repository()
        source = {"source_type": "git", "source_name": "network_jobs", "git_repository": self.repository}
        self.source = {key: value for key, value in source.items() if key != "git_repository"}
        queue = JobQueue.objects.get_or_create(name="default")[0]
        key = {"module_name": "network_jobs.jobs", "job_class_name": "Backup"}
        core = Job.objects.create(**key, name="Backup", grouping="G", installed=True, default_job_queue=queue)
        self.job = builders.job(
            1, **{**key, **source, "name": "Backup", "grouping": "G", "core_job": core, "default_job_queue": queue}
        )
        builders.revision(self.job)
        self.job.refresh_from_db()

    def grant(self, model, *actions):
        grant(self.user, model, actions)

    def make_superuser(self):
        self.user.is_superuser = True
        self.user.save()

    def page(self, tail=""):
        response = self.client.get(f"{self.job.get_absolute_url()}{tail}")
        self.assertEqual(response.status_code, 200)
        return response.content.decode()

    def alerts(self):
        """Return the level and the text of each alert of the page, in their order."""
        parts = [
            part for part in self.page().split('<div class="alert alert-')[1:] if "text-body text-break" in part[:400]
        ]
        texts = [part.split('<div class="text-body', 1)[1].partition(">")[2].split("</div>")[0] for part in parts]
        levels = [part.split(maxsplit=1)[0] for part in parts]
        return [(level, words(text)) for level, text in zip(levels, texts, strict=True)]


class NewsTestCase(JobPageTestCase):
    """What is so is said at the top, what is worst first."""

    def setUp(self):
        super().setUp()
        self.make_superuser()

    def test_all_is_well(self):
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(enabled=True)
        self.assertEqual(self.alerts(), [])
        self.assertEqual(
            words(self.page().split('id="registry-state"')[1].split("</div>")[0].partition(">")[2]), "installed"
        )

    def test_a_load_error_is_told_with_file_and_line(self):
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(installed=False, absence="load_error")
        error = builders.load_error(7, module_name="network_jobs.jobs", file_path="/x/jobs.py", **self.source)
        builders.load_error(8, module_name="network_jobs.others", **self.source)
        [(level, text)] = self.alerts()
        self.assertEqual((level, text), ("danger", "It cannot be loaded: /x/jobs.py, line 7: Error7: Message 7."))
        self.assertIn(error.get_absolute_url(), self.page())
        self.assertIn("?source=git%3Anetwork_jobs", self.page())

    def test_what_is_not_confirmed_names_what_stands_in_the_way(self):
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(installed=False, absence="unconfirmed")
        for number in (2, 3, 4, 5):
            builders.load_error(number, module_name=f"network_jobs.m{number}", file_path="", **self.source)
        [(level, text)] = self.alerts()
        self.assertEqual(level, "warning")
        self.assertIn("counts as removed once these can be loaded: network_jobs.m", text)
        self.assertIn("and 1 more", text)

    def test_a_rejected_sync_says_which_commit_runs(self):
        versions = {"source_version": "b" * 40, "effective_version": "a" * 40}
        builders.load_error(2, module_name="network_jobs.other", **versions, **self.source)
        (level, text), _ = self.alerts()
        self.assertEqual(level, "warning")
        self.assertIn("It runs from aaaaaaaa; the sync to bbbbbbbb was rejected: /jobs/broken_2.py, line 2", text)
        self.assertIn("sync rejected", words(self.page().split('id="registry-state"')[1].split("</div>")[0]))
        self.assertIn(reverse("extras:gitrepository_sync", kwargs={"pk": self.repository.pk}), self.page())

    def test_drift_suspensions_and_schedules_that_do_not_fit(self):
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(
            description="Chosen", description_override=True, enabled=True
        )
        self.job.refresh_from_db()
        builders.revision(
            self.job, number=2, metadata={"description": "New", "variables": [{"name": "site", "required": True}]}
        )
        factory.FieldOverrideFactory(job=self.job, field="description", value="Chosen")
        models.FieldOverride.objects.filter(job=self.job).update(source_value="Old", source_is_known=True)
        schedule = builders.schedule(1, job=self.job).scheduled_job
        schedule.job_model = self.job.core_job
        schedule.save()
        builders.suspension(2, job=self.job)
        told = dict(self.alerts())
        texts = " ".join(text for _, text in self.alerts())
        self.assertEqual(set(told), {"warning"})
        self.assertIn("1 schedule has stored arguments that do not fit what the job asks for now: Schedule 1.", texts)
        self.assertIn("Suspended with the job: ", texts)
        self.assertIn("1 override has drifted, the code says something else now: Description.", texts)

    def test_what_is_worst_comes_first(self):
        builders.load_error(2, module_name="network_jobs.jobs", **self.source)
        self.assertEqual([level for level, _ in self.alerts()], ["danger", "info"])

    def test_markup_in_what_a_job_says_is_shown_as_text(self):
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(installed=False, absence="load_error")
        builders.load_error(2, module_name="network_jobs.jobs", message=builders.MARKUP, **self.source)
        self.assertNotIn(builders.MARKUP, self.page())

    def test_the_page_costs_no_more_with_more_news(self):
        builders.load_error(1, module_name="network_jobs.m1", **self.source)
        builders.suspension(1, job=self.job)
        self.page()
        with counted_statements() as few:
            self.page()
        for number in range(2, 12):
            builders.load_error(number, module_name=f"network_jobs.m{number}", **self.source)
            builders.suspension(number, job=self.job)
        with counted_statements() as many:
            self.page()
        self.assertEqual(len(many), len(few))
        # Each page of an object costs as many for its tabs, relationships and custom fields.
        own = [sql for sql in many if "nautobot_job_registry_" in sql or "extras_scheduledjob" in sql]
        self.assertLessEqual(len(own), MOST_STATEMENTS)
        self.assertLessEqual(len(many), MOST_WITH_TABS)


class RightsTestCase(JobPageTestCase):
    """Somebody with few rights is told, and offered, no more than that."""

    def test_errors_and_suspensions_need_their_own_rights(self):
        self.grant(models.RegisteredJob, "view")
        builders.load_error(2, module_name="network_jobs.jobs", message="In the module", **self.source)
        builders.suspension(1, job=self.job)
        self.assertEqual([level for level, _ in self.alerts()], ["info"])
        self.assertNotIn("In the module", self.page())

    def test_buttons_need_the_rights_for_what_they_do(self):
        enable, run = (
            reverse(f"{ROUTE}_enable", kwargs={"pk": self.job.pk}),
            f"/extras/jobs/{self.job.core_job_id}/run/",
        )
        self.grant(models.RegisteredJob, "view")
        content = self.page()
        for absent in (enable, run, "Reconcile this source", self.job.core_job.get_absolute_url()):
            self.assertNotIn(absent, content)
        self.grant(models.RegisteredJob, "change")
        self.assertNotIn(enable, self.page())
        self.assertEqual(self.client.post(enable, follow=True).status_code, 200)
        self.job.refresh_from_db()
        self.assertFalse(self.job.enabled)
        self.grant(Job, "view", "change", "run")
        self.assertIn(enable, self.page())
        self.assertNotIn(run, self.page())

    def test_a_job_is_enabled_on_both_sides_by_one_click(self):
        for model in (models.RegisteredJob, Job):
            self.grant(model, "view", "change", "run")
        content = self.client.post(reverse(f"{ROUTE}_enable", kwargs={"pk": self.job.pk}), follow=True).content.decode()
        self.assertIn("Backup is enabled.", content)
        self.job.refresh_from_db()
        self.assertTrue(self.job.enabled)
        self.assertTrue(Job.objects.get(pk=self.job.core_job_id).enabled)
        self.assertIn(f"/extras/jobs/{self.job.core_job_id}/run/", content)
        self.client.post(reverse(f"{ROUTE}_disable", kwargs={"pk": self.job.pk}))
        self.assertFalse(Job.objects.get(pk=self.job.core_job_id).enabled)

    def test_what_is_selected_is_enabled_by_one_click(self):
        self.make_superuser()
        url = reverse(f"{ROUTE}_bulk_edit")
        self.assertIn('name="_set_enabled"', self.client.get(reverse(f"{ROUTE}_list")).content.decode())
        response = self.client.post(url, {"_set_enabled": "True", "pk": [str(self.job.pk)]})
        self.assertEqual(response.status_code, 302)
        result = JobResult.objects.latest("date_created")
        self.assertEqual(result.name, "Bulk Edit Objects")
        self.assertTrue(response.url.endswith(f"{result.pk}/"))
        before = JobResult.objects.count()
        answer = self.client.post(url, {"_set_enabled": "True"}, follow=True)
        self.assertIn("No registered jobs were selected.", [str(one) for one in answer.context["messages"]])
        self.assertEqual(JobResult.objects.count(), before)

    def test_an_override_is_removed_from_the_page_that_shows_both_values(self):
        self.make_superuser()
        self.job.description, self.job.description_override = "Chosen", True
        self.job.save()
        row = self.page().split('data-registry-setting="overridden"')[1].split("</tr>")[0]
        action = re.search(r'action="([^"]*follow/)"', row).group(1)
        self.client.post(action, {"_confirm": "true"})
        self.job.refresh_from_db()
        self.assertFalse(self.job.description_override)

    def test_a_look_changes_nothing(self):
        self.make_superuser()
        self.assertEqual(self.client.get(reverse(f"{ROUTE}_enable", kwargs={"pk": self.job.pk})).status_code, 302)
        self.job.refresh_from_db()
        self.assertFalse(self.job.enabled)


class UsedByTestCase(JobPageTestCase):
    """The page names what would run the job."""

    def setUp(self):
        super().setUp()
        self.make_superuser()

    def test_hooks_and_schedules_are_listed(self):
        self.assertNotIn("USED BY", self.page())
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(is_job_hook_receiver=True)
        Job.objects.filter(pk=self.job.core_job_id).update(is_job_hook_receiver=True)
        hook = JobHook.objects.create(name="On change", job=self.job.core_job, type_create=True)
        schedule = builders.schedule(1, job=self.job).scheduled_job
        schedule.job_model = self.job.core_job
        schedule.save()
        self.job.refresh_from_db()
        panel = self.page().rsplit("USED BY", 1)[1].split("</table>")[0]
        self.assertIn(f'href="{hook.get_absolute_url()}"', panel)
        self.assertIn(schedule.get_absolute_url(), panel)


class TimelineTestCase(JobPageTestCase):
    """All that happened to a job is told in one place."""

    def setUp(self):
        super().setUp()
        self.now = timezone.now()

    def rows(self, query=""):
        """Return what, what happened, and by whom of each row of the timeline."""
        content = self.page(f"history/{query}")
        if 'id="registry-timeline"' not in content:
            return []
        body = content.split('id="registry-timeline"')[1].split("<tbody>")[1].split("</tbody>")[0]
        cells = [
            [words(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.S)] for row in body.split("</tr>")[:-1]
        ]
        return [tuple(row[1:]) for row in cells]

    @staticmethod
    def older(page):
        """Return where the button for what is older leads; None where there is none."""
        match = re.search(r'href="([^"]*)">Show older changes', page)
        return match and unescape(match.group(1))

    def log(self, minutes, user_name="ada", detail="", **data):
        said = {"enabled": False, "time_limit": 0, "time_limit_override": False, **data}
        entry = ObjectChange.objects.create(
            changed_object=self.job,
            user_name=user_name,
            action="update",
            request_id=self.job.pk,
            object_data=said,
            change_context_detail=detail,
        )
        ObjectChange.objects.filter(pk=entry.pk).update(time=self.now - timedelta(minutes=minutes))

    def reconciled(self, minutes, **entry):
        started = self.now - timedelta(minutes=minutes)
        return builders.reconciliation(
            1, started=started, changes=[{"job": self.job.class_path, "fields": {}, **entry}], trigger="git_sync"
        )

    def test_each_kind_is_told_newest_first(self):
        self.make_superuser()
        created = self.now - timedelta(minutes=60)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE nautobot_job_registry_jobrevision SET created = %s", [created])
        self.log(50)
        self.log(40, time_limit=5, time_limit_override=True)
        self.log(30, time_limit=9, time_limit_override=True, enabled=True)
        self.log(
            20, detail=f"{OWN_OCCASION}reconcile (command, all)", time_limit=7, time_limit_override=True, enabled=True
        )
        self.log(10, enabled=True)
        self.reconciled(5, action="return", source="local")
        builders.suspension(3, job=self.job, suspended_at=self.now - timedelta(minutes=4))
        told = self.rows()
        self.assertEqual([kind for kind, *_ in told], ["Suspension", "Reconcile", *["Decision"] * 4, "Revision"])
        self.assertEqual(
            [(text, who) for kind, text, who in told if kind == "Decision"],
            [
                ("Removed the override of Time limit: 7", "ada"),
                ("Enabled", "ada"),
                ("Changed the override of Time limit: 5 → 9", "ada"),
                ("Overrode Time limit: 5", "ada"),
            ],
        )
        self.assertEqual(told[1][2], "Git sync")

    def test_one_kind_is_chosen(self):
        self.make_superuser()
        self.log(50)
        self.log(40, enabled=True)
        self.assertEqual([kind for kind, *_ in self.rows("?kind=decision")], ["Decision"])
        self.assertEqual({kind for kind, *_ in self.rows("?kind=nothing&before=never")}, {"Decision", "Revision"})

    def test_what_is_older_is_on_the_next_page(self):
        self.make_superuser()
        for number in range(120):
            self.reconciled(number + 1, action="return", source="local", number=number)
        first = self.page("history/?kind=reconcile")
        older = self.older(first)
        found = [len(self.rows("?kind=reconcile"))]
        while older:
            found.append(len(self.rows(older)))
            self.assertLess(len(found), 9, older)
            older = self.older(self.page(f"history/{older}"))
        self.assertEqual(sum(found), 120)
        self.assertEqual(found, [50, 50, 20])

    def test_only_what_may_be_viewed_is_told(self):
        self.grant(models.RegisteredJob, "view")
        self.grant(models.JobRevision, "view")
        self.log(50)
        self.log(40, enabled=True)
        self.reconciled(5, action="return", source="local")
        self.assertEqual([kind for kind, *_ in self.rows()], ["Revision"])
        self.assertNotIn("kind=decision", self.page("history/"))
