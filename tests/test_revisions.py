"""Revisions to read: each of them, two side by side, and all of a job as a timeline."""

from html import unescape
from unittest import mock

from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase
from nautobot.extras.models import Job, JobQueue, JobResult, ScheduledJob
from nautobot.users.models import ObjectPermission, Token

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.history import diff
from nautobot_job_registry.views import details
from nautobot_job_registry.views.details import comparison
from tests import builders

UI = "plugins:nautobot_job_registry"
API = "plugins-api:nautobot_job_registry-api"
OLD_CODE = "import os\n\n\nclass Backup(Job):\n    limit = 60\n"
NEW_CODE = "import os\n\n\nclass Backup(Job):\n    limit = 90\n    # SECRET\n"


def variable(name, **values):
    return {"name": name, "type": "StringVar", "label": "", "required": False, "default": None, **values}


def run(revision, number):
    """Store a run that used a revision."""
    result = JobResult.objects.create(name=f"run {number}", status="SUCCESS")
    told = {
        "job": revision.job,
        "revision": revision,
        "class_path": revision.job.class_path,
        "source_version": "0123456789abcdef",
        "worker": f"worker-{number}",
    }
    return models.JobRun.objects.update_or_create(job_result=result, defaults=told)[0]


def schedule(job, name, kwargs, **values):
    """Store a schedule of a job."""
    return ScheduledJob.objects.create(
        name=name,
        task=job.class_path,
        job_model=job.core_job,
        interval="daily",
        start_time=timezone.now(),
        kwargs=kwargs,
        **values,
    )


class RevisionsTestCase(TestCase):
    """A job with four revisions, and another job."""

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        queue = JobQueue.objects.get_or_create(name="default", queue_type="celery")[0]
        core = Job.objects.create(
            module_name="network.jobs", job_class_name="Backup", name="Backup", grouping="G", default_job_queue=queue
        )
        cls.job = builders.job(
            1,
            module_name="network.jobs",
            job_class_name="Backup",
            source_type="git",
            source_name="network_jobs",
            source_version="1111111111aaaa",
            core_job=core,
        )
        cls.log = builders.reconciliation(1)
        said = {"time_limit": 60.0, "variables": [variable("site"), variable("zone")]}
        now = {"time_limit": 90.0, "variables": [variable("site", required=True), variable("area")]}
        cls.first = cls.revision(1, said, OLD_CODE, "1111111111aaaa", "a" * 64)
        cls.second = cls.revision(2, said, OLD_CODE + "# comment\n", "2222222222bbbb", "b" * 64)
        cls.third = cls.revision(3, now, OLD_CODE + "# comment\n", "2222222222bbbb", "b" * 64)
        cls.fourth = cls.revision(4, now, NEW_CODE, "3333333333cccc", "c" * 64, reconciliation=cls.log)
        cls.foreign = builders.revision(builders.job(2))

    @classmethod
    def revision(cls, number, metadata, code, version, source_hash, **values):
        return builders.revision(
            cls.job,
            number,
            metadata=metadata,
            source_code=code,
            source_version=version,
            source_hash=source_hash,
            **values,
        )

    def setUp(self):
        super().setUp()
        self.user.is_superuser = True
        self.user.save()
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}

    def restrict_to(self, **rights):
        """Take all rights but those to view jobs and revisions, and the given ones by the name of the model."""
        self.user.is_superuser = False
        self.user.save()
        granted = {"registeredjob": [("view", None)], "jobrevision": [("view", None)], **rights}
        for name, permissions in granted.items():
            for action, constraints in permissions:
                permission = ObjectPermission.objects.create(
                    name=f"{action} {name} {constraints}", actions=[action], constraints=constraints
                )
                permission.users.add(self.user)
                permission.object_types.add(ContentType.objects.get(model=name))

    def page(self, url, status=200):
        response = self.client.get(url)
        self.assertEqual(response.status_code, status, response.content[:300])
        return response.content.decode()

    def text(self, url, status=200):
        """Return what a reader of the page sees, below the menus."""
        body = self.page(url, status).partition('<div class="tab-content">')[2].partition("<script")[0]
        return " ".join(unescape(strip_tags(body)).split())

    def diff_url(self, revision, against=None, view=None):
        parameters = {"against": against.pk if against else None, "view": view}
        query = "&".join(f"{name}={value}" for name, value in parameters.items() if value)
        return f"{reverse(f'{UI}:jobrevision_diff', kwargs={'pk': revision.pk})}?{query}"

    def rest(self, revision, against=None, status=200):
        url = reverse(f"{API}:jobrevision-diff", kwargs={"pk": revision.pk})
        data = {"against": against} if against else {}
        response = self.client.get(url, data, headers=self.headers)
        self.assertEqual(response.status_code, status, response.content[:300])
        return response.json()


class RevisionPageTestCase(RevisionsTestCase):
    def test_metadata_are_a_table_in_words(self):
        text = self.text(self.fourth.get_absolute_url())
        self.assertIn("Time limit 90", text)
        self.assertIn("Job queues", text)
        self.assertNotIn("time_limit", text)

    def test_code_has_line_numbers_and_colours(self):
        page = self.page(self.fourth.get_absolute_url())
        self.assertIn("1\n2\n3\n4\n5\n6</code>", page)
        self.assertIn('<span class="hljs-keyword">class</span> <span class="hljs-title">Backup</span>(Job):', page)
        self.assertIn('<span class="hljs-comment"># SECRET</span>', page)

    def test_code_that_hides_something_shows_it(self):
        hidden = builders.revision(self.job, 5, source_code="if x:\u202e # \u2066return\n\x08\n", source_hash="e" * 64)
        page = self.page(hidden.get_absolute_url())
        for character in ("\u202e", "\u2066", "\x08"):
            self.assertNotIn(character, page)
        self.assertIn("\\u202e", page)
        self.assertIn("\\x08", page)

    def test_code_of_a_very_long_module_ends_with_how_much_is_left(self):
        long = builders.revision(self.job, 5, source_code="x = 1\n" * 5010, source_hash="e" * 64)
        self.assertIn("… and 10 more lines: the REST API has all of them.", self.text(long.get_absolute_url()))

    def test_revision_without_code_says_so(self):
        empty = builders.revision(self.job, 5, source_code="", source_hash="e" * 64)
        self.assertRegex(self.text(empty.get_absolute_url()), "SOURCE CODE (Toggle SOURCE CODE )?—")

    def test_code_is_for_those_who_may_view_the_source(self):
        self.restrict_to()
        self.assertNotIn("# SECRET", self.page(self.fourth.get_absolute_url()))

    def test_revision_names_the_reconcile_that_made_it_and_what_changed(self):
        page = self.page(self.fourth.get_absolute_url())
        self.assertIn(self.log.get_absolute_url(), page)
        self.assertIn(f'{self.diff_url(self.fourth, self.third)}">Code only</a>', page)

    def test_buttons_lead_to_the_neighbours_and_to_comparisons(self):
        page = self.page(self.second.get_absolute_url())
        for other in (self.first, self.third):
            self.assertIn(f'href="{other.get_absolute_url()}"', page)
        self.assertIn(f'href="{self.diff_url(self.second, self.first)}"', page)
        self.assertIn(f'href="{self.diff_url(self.second, self.fourth)}"', page)

    def test_no_button_leads_to_a_revision_that_is_not_there_or_not_ones_own(self):
        page = self.page(self.first.get_absolute_url())
        self.assertNotIn("Compare with previous", page)
        self.assertNotIn("Compare with current", self.page(self.fourth.get_absolute_url()))
        self.restrict_to(jobrevision=[("view", {"number__in": [2, 4]})])
        page = self.page(self.second.get_absolute_url())
        self.assertNotIn(str(self.first.pk), page)
        self.assertIn(f'href="{self.fourth.get_absolute_url()}"', page)
        self.assertNotIn(str(self.third.pk), page)

    def test_runs_that_used_it_are_shown_to_those_who_may_view_them(self):
        ran = run(self.second, 7)
        run(self.third, 8)
        page = self.page(self.second.get_absolute_url())
        self.assertIn(ran.job_result.get_absolute_url(), page)
        self.assertIn("worker-7", page)
        self.assertNotIn("worker-8", page)
        self.restrict_to()
        self.assertNotIn("worker-7", self.page(self.second.get_absolute_url()))


class DiffTestCase(RevisionsTestCase):
    def test_page_tells_fields_inputs_and_code(self):
        text = self.text(self.diff_url(self.fourth, self.first))
        self.assertIn("Time limit 60 90", text)
        self.assertIn("area added — StringVar, optional", text)
        self.assertIn("site newly required StringVar, optional StringVar, required", text)
        self.assertIn("zone removed StringVar, optional", text)
        self.assertIn("5 limit = 60 5 limit = 90", text)
        self.assertIn("+2 −1 lines", text)

    def test_older_revision_comes_first_whichever_is_asked_for(self):
        for one, other in ((self.first, self.fourth), (self.fourth, self.first)):
            answer = self.rest(one, str(other.pk))
            self.assertEqual((answer["old"]["number"], answer["new"]["number"]), (1, 4))
            self.assertEqual(answer["metadata"], [{"field": "time_limit", "old": 60.0, "new": 90.0}])

    def test_without_a_name_it_is_compared_with_the_one_before(self):
        self.assertEqual(self.rest(self.fourth)["old"]["number"], 3)
        self.assertIn("What changed Code only", self.text(self.diff_url(self.fourth)))

    def test_first_revision_has_nothing_before_it(self):
        self.assertIn("There is no revision before this one", self.text(self.diff_url(self.first)))
        self.assertIn("There is no revision before this one", self.rest(self.first, status=400)["against"][0])

    def test_revision_of_another_job_is_refused_by_name(self):
        message = "It is a revision of another job, module_2.jobs.Job2: only revisions of one job can be compared."
        self.assertIn(message, self.text(self.diff_url(self.fourth, self.foreign), status=400))
        self.assertEqual(self.rest(self.fourth, str(self.foreign.pk), status=400), {"against": [message]})

    def test_id_that_is_none_is_refused_by_name(self):
        message = "There is no revision with this ID that you may view."
        for wrong in ("none", "' OR 1=1", str(self.job.pk), "\x00"):
            self.assertEqual(self.rest(self.fourth, wrong, status=400), {"against": [message]})

    def test_revision_that_one_may_not_view_is_as_none(self):
        self.restrict_to(jobrevision=[("view", {"number": 4})])
        message = "There is no revision with this ID that you may view."
        self.assertEqual(self.rest(self.fourth, str(self.third.pk), status=400), {"against": [message]})
        self.assertIn(message, self.text(self.diff_url(self.fourth, self.third), status=400))
        self.assertIn("no revision before", self.rest(self.fourth, status=400)["against"][0])

    def test_code_takes_the_right_to_view_the_source_of_both(self):
        for actions, told in (([], False), ([{"number": 4}], False), ([{"number__in": [3, 4]}], True)):
            self.restrict_to(jobrevision=[("view", None), *(("view_source", constraints) for constraints in actions)])
            page, answer = self.page(self.diff_url(self.fourth, self.third)), self.rest(self.fourth)
            self.assertEqual("# SECRET" in page, told)
            self.assertEqual("# SECRET" in answer["code_diff"], told)
            self.assertEqual((answer["code_visible"], answer["code_differs"]), (told, True))
            if not told:
                self.assertIn("nautobot_job_registry.view_source_jobrevision", page)
            ObjectPermission.objects.all().delete()

    def test_unified_view_and_rest_tell_the_same_lines(self):
        page = self.text(self.diff_url(self.fourth, self.first, view="unified"))
        self.assertIn("@@ -2,4 +2,5 @@", page)
        self.assertIn("5 - limit = 60 5 + limit = 90 6 + # SECRET", page)
        lines = self.rest(self.fourth, str(self.first.pk))["code_diff"].splitlines()
        self.assertEqual(lines[0], "--- network.jobs (revision 1 1111111111aaaa)")
        self.assertIn("-    limit = 60", lines)
        self.assertIn("+    # SECRET", lines)

    def test_diff_of_a_revision_with_itself_is_empty(self):
        answer = self.rest(self.fourth, str(self.fourth.pk))
        self.assertEqual((answer["metadata"], answer["variables"], answer["code_diff"]), ([], [], ""))

    def test_page_with_more_lines_than_it_can_show_leads_to_the_rest_api(self):
        with mock.patch.object(comparison, "MAX_ROWS_SHOWN", 2):
            page = self.page(self.diff_url(self.fourth, self.first))
        self.assertIn("More lines differ than a page can show.", page)
        url = reverse(f"{API}:jobrevision-diff", kwargs={"pk": self.fourth.pk})
        self.assertIn(f'href="{url}?against={self.first.pk}"', page)

    def test_place_that_is_too_large_is_told_as_replaced_as_a_whole(self):
        old = self.revision(5, {}, "a\nb\n" * 400, "v", "e" * 64)
        new = self.revision(6, {}, "b\nc\na\n" * 300, "v", "f" * 64)
        with mock.patch.object(diff.compare_texts, "__kwdefaults__", {"budget": 100}):
            self.assertTrue(self.rest(new, str(old.pk))["code_diff_is_coarse"])
            self.assertIn("replaced as a whole", self.text(self.diff_url(new, old)))

    def test_other_revisions_can_be_chosen(self):
        page = self.page(self.diff_url(self.fourth, self.second))
        self.assertIn(f'<option value="{self.second.pk}" selected>', page)
        self.assertIn(f'<option value="{self.first.pk}">', page)
        self.assertNotIn(str(self.foreign.pk), page)


class StoredArgumentsTestCase(RevisionsTestCase):
    def setUp(self):
        super().setUp()
        schedule(self.job, "fits", {"site": "berlin", "area": "1"})
        schedule(self.job, "old one", {"zone": "secret-zone"})

    def test_diff_warns_of_schedules_that_do_not_fit_the_new_revision(self):
        text = self.text(self.diff_url(self.fourth, self.first))
        self.assertIn("old one Yes 'zone' is stored, but the job has no such input", text)
        self.assertIn("'site' is required, but not stored", text)
        self.assertNotIn("secret-zone", text)
        self.assertNotIn("fits Yes", text)
        found = self.rest(self.fourth, str(self.first.pk))["schedules"]
        self.assertEqual([row["name"] for row in found], ["old one"])
        problems = [(problem["kind"], problem["argument"]) for problem in found[0]["problems"]]
        self.assertEqual(problems, [("unknown", "zone"), ("missing", "site")])

    def test_diff_with_an_older_revision_that_all_fit_does_not_warn(self):
        self.assertEqual(
            [row["name"] for row in self.rest(self.second, str(self.first.pk))["schedules"]],
            ["fits"],
            "The older revision has no `area`.",
        )

    def test_page_of_the_job_warns(self):
        self.assertIn("'site' is required, but not stored", self.text(self.job.get_absolute_url()))

    def test_page_of_a_job_whose_schedules_fit_does_not(self):
        ScheduledJob.objects.filter(name="old one").delete()
        self.assertNotIn("arguments do not fit", self.page(self.job.get_absolute_url()).lower())

    def test_schedule_that_one_may_not_view_is_not_told(self):
        self.restrict_to(scheduledjob=[("view", {"name": "fits"})])
        self.assertEqual(self.rest(self.fourth)["schedules"], [])
        self.assertNotIn("old one", self.page(self.job.get_absolute_url()))

    def test_schedule_that_ran_once_and_is_done_is_no_matter(self):
        ScheduledJob.objects.filter(name="old one").update(one_off=True, last_run_at=timezone.now())
        self.assertEqual(self.rest(self.fourth)["schedules"], [])

    def test_schedule_whose_link_to_the_job_is_gone_is_found_by_its_class_path(self):
        ScheduledJob.objects.update(job_model=None)
        self.assertEqual([row["name"] for row in self.rest(self.fourth)["schedules"]], ["old one"])


class HistoryTestCase(RevisionsTestCase):
    def history(self):
        return self.text(reverse(f"{UI}:registeredjob_history", kwargs={"pk": self.job.pk}))

    def test_timeline_says_what_changed_from_where_to_where_and_by_which_reconcile(self):
        text = self.history()
        self.assertIn("Code only 22222222 → 33333333", text)
        self.assertIn("Time limit; inputs: area (added), site (newly required), zone (removed) 22222222", text)
        self.assertIn("Code only 11111111 → 22222222", text)
        self.assertIn("First seen 11111111", text)
        page = self.page(reverse(f"{UI}:registeredjob_history", kwargs={"pk": self.job.pk}))
        self.assertIn(self.log.get_absolute_url(), page)
        self.assertIn(f'href="{self.diff_url(self.third, self.second)}"', page)

    def test_timeline_counts_the_runs_that_one_may_view(self):
        for number in range(3):
            run(self.second, number)
        counts = {row.number: row.run_count for row in models.JobRevision.objects.with_history(self.user)}
        self.assertEqual((counts[2], counts[3]), (3, 0))
        self.restrict_to()
        counts = {row.number: row.run_count for row in models.JobRevision.objects.with_history(self.user)}
        self.assertIsNone(counts[2])

    def test_revision_before_that_one_may_not_view_is_not_told(self):
        self.restrict_to(jobrevision=[("view", {"number__in": [2, 4]})])
        text = self.history()
        self.assertIn("code (since revision 2)", text)
        self.assertIn("Not known: the revision before is gone, or you may not view it", text)

    def test_tab_takes_the_right_to_view_revisions(self):
        self.user.is_superuser = False
        self.user.save()
        self.restrict_to(jobrevision=[])
        self.assertNotIn("/history/", self.page(self.job.get_absolute_url()))
        self.page(reverse(f"{UI}:registeredjob_history", kwargs={"pk": self.job.pk}), status=403)

    def test_list_and_page_of_the_job_say_what_changed_too(self):
        response = self.client.get(reverse(f"{UI}:jobrevision_list"), headers={"HX-Request": "true"})
        self.assertContains(response, f'{self.diff_url(self.fourth, self.third)}">Code only</a>')
        self.assertIn("Code only", self.text(self.job.get_absolute_url()))

    def test_revisions_can_be_filtered_by_the_reconcile_that_made_them(self):
        found = self.client.get(
            reverse(f"{API}:jobrevision-list"), {"reconciliation": self.log.pk}, headers=self.headers
        ).json()
        self.assertEqual([row["id"] for row in found["results"]], [str(self.fourth.pk)])

    def test_page_of_a_reconcile_shows_the_revisions_that_it_made(self):
        page = self.page(self.log.get_absolute_url())
        self.assertIn(self.fourth.get_absolute_url(), page)
        self.assertIn(f"/job-revisions/?reconciliation={self.log.pk}", page)
        self.assertNotIn(self.third.get_absolute_url(), page)

    def test_page_of_the_job_shows_the_latest_revisions_only(self):
        for number in range(5, 5 + details.history.MAX_REVISIONS_SHOWN):
            self.revision(number, {}, "", "v", f"{number:064d}")
        page = self.page(self.job.get_absolute_url())
        self.assertNotIn(str(self.first.pk), page)
