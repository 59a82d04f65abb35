"""What the registry adds to Nautobot's own pages, for whom, and at what cost."""

from unittest import mock

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase
from nautobot.apps.utils import get_route_for_model
from nautobot.extras.models import GitRepository, Job, JobQueue, JobResult, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from tests import builders
from tests.support import grant

PANEL = "<strong>JOB REGISTRY</strong>"
LAST_RECONCILE = "<strong>LAST RECONCILE OF ITS JOBS</strong>"


class CorePageTestCase(TestCase):
    def setUp(self):
        super().setUp()
        empty_registry()

    def grant(self, model, actions, constraints=None):
        grant(self.user, model, actions, constraints)

    def make_superuser(self):
        self.user.is_superuser = True
        self.user.save()

    def page(self, obj):
        response = self.client.get(obj.get_absolute_url())
        self.assertEqual(response.status_code, 200)
        return response.content.decode()

    def statements(self, obj):
        self.page(obj)
        with CaptureQueriesContext(connection) as captured:
            self.page(obj)
        return len(captured)

    def panel(self, obj, label):
        """Return the text of a panel of keys and values."""
        content = self.page(obj)
        self.assertIn(label, content)
        return " ".join(strip_tags(content.split(label)[1].split("</table>")[0].replace("<", " <")).split())


class CoreJobTestCase(CorePageTestCase):
    """The page of a core job."""

    def setUp(self):
        super().setUp()
        self.core_job = Job.objects.create(
            module_name="network_jobs.jobs.backup",
            job_class_name="BackUp",
            name="Back up",
            grouping="Network",
            default_job_queue=JobQueue.objects.create(name="night", queue_type="celery"),
        )
        self.repository = builders.repository()
        self.source = {"source_type": "git", "source_name": "network_jobs", "git_repository": self.repository}
        self.job = builders.job(
            1,
            module_name="network_jobs.jobs.backup",
            job_class_name="BackUp",
            source_version="0123456789abcdef",
            time_limit=5,
            time_limit_override=True,
            **self.source,
        )

    def test_panel_tells_record_source_state_overrides_and_errors(self):
        self.make_superuser()
        builders.load_error(1, module_name="network_jobs.jobs.backup", **self.source)
        builders.load_error(2, module_name="network_jobs.jobs", **self.source)
        builders.load_error(3, module_name="network_jobs.jobs.other", **self.source)
        builders.load_error(4, module_name="network_jobs.jobs", resolved_at=builders.moment(5), **self.source)
        text = self.panel(self.core_job, PANEL)
        for words in ("Job number 1", "Git repository: network_jobs", "01234567", "installed", "Time limit", "2 open"):
            self.assertIn(words, text)
        content = self.page(self.core_job)
        self.assertIn(f'href="{self.job.get_absolute_url()}"', content)
        url = content.split('">2 open</a>')[0].rpartition('href="')[2].replace("&amp;", "&")
        table = self.client.get(url, headers={"HX-Request": "true"}).content.decode()
        self.assertEqual([f"Message {number}" in table for number in (1, 2, 3, 4)], [True, True, False, False])

    def test_panel_needs_the_right_to_view_that_record(self):
        self.grant(Job, ["view"])
        self.assertNotIn(PANEL, self.page(self.core_job))
        self.grant(models.RegisteredJob, ["view"], {"source_type": "local"})
        self.assertNotIn(PANEL, self.page(self.core_job))
        self.grant(models.RegisteredJob, ["view"], {"name": "Job number 1"})
        self.assertIn("Job number 1", self.panel(self.core_job, PANEL))

    def test_load_errors_need_their_own_right(self):
        builders.load_error(1, module_name="network_jobs.jobs", **self.source)
        self.grant(Job, ["view"])
        self.grant(models.RegisteredJob, ["view"])
        self.assertNotIn("Load Errors", self.panel(self.core_job, PANEL))
        self.grant(models.JobLoadError, ["view"], {"source_type": "local"})
        self.assertIn("Load Errors None", self.panel(self.core_job, PANEL))

    def test_a_job_without_a_record_has_no_panel(self):
        self.make_superuser()
        empty_registry()
        self.assertNotIn(PANEL, self.page(self.core_job))

    def test_markup_from_sources_is_escaped(self):
        self.make_superuser()
        values = {"name": builders.MARKUP, "source_name": builders.MARKUP, "source_version": builders.MARKUP}
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(source_type="app", **values)
        builders.load_error(
            1, module_name="network_jobs.jobs", source_type="app", source_name=builders.MARKUP, message=builders.MARKUP
        )
        self.assertIn("1 open", self.panel(self.core_job, PANEL))
        self.assertNotIn(builders.MARKUP, self.page(self.core_job))

    def test_panel_costs_as_few_statements_as_it_has_kinds_of_news(self):
        self.make_superuser()
        with_panel = self.statements(self.core_job)
        with mock.patch.dict("nautobot.extras.registry.registry", plugin_template_extensions={}):
            without = self.statements(self.core_job)
        self.assertLessEqual(with_panel - without, 5)

    def test_panel_opens_with_what_is_wrong(self):
        self.make_superuser()
        self.assertNotIn("Needs Attention", self.panel(self.core_job, PANEL))
        models.RegisteredJob.objects.update(installed=False, absence="load_error")
        source = {"source_type": self.job.source_type, "source_name": self.job.source_name}
        builders.load_error(9, module_name=self.job.module_name, **source)
        self.assertIn(
            "Needs Attention It cannot be loaded: /jobs/broken_9.py, line 9", self.panel(self.core_job, PANEL)
        )


class AnchorsTestCase(CorePageTestCase):
    """The pages of a job result and of a schedule."""

    def setUp(self):
        super().setUp()
        self.job = builders.job(1)
        self.revision = builders.revision(self.job)
        self.run = builders.run(1, job=self.job, revision=self.revision, is_skewed=True)
        self.schedule = builders.schedule(1, job=self.job)

    def test_a_result_tells_its_job_and_which_code_it_executed(self):
        self.make_superuser()
        text = self.panel(self.run.job_result, PANEL)
        for words in ("Job number 1", "Revision 1", "skewed", "another revision", "celery@worker1", "version 1"):
            self.assertIn(words, text)
        content = self.page(self.run.job_result)
        for obj in (self.job, self.revision, self.run):
            self.assertIn(f'href="{obj.get_absolute_url()}"', content)

    def test_each_state_of_the_code_says_what_to_do(self):
        self.make_superuser()
        for values, state, words in (
            ({"is_skewed": True, "revision": None}, "skewed: unknown code", "reconcile_jobs"),
            ({"is_skewed": False, "revision": None}, "before registration", "reconcile_jobs"),
            ({"code_hash": ""}, "unknown", "No worker told"),
        ):
            models.JobRun.objects.filter(pk=self.run.pk).update(**values)
            with self.subTest(state=state):
                for page in (self.run.job_result, self.run):
                    text = " ".join(strip_tags(self.page(page).replace("<", " <")).split())
                    self.assertIn(state, text)
                    self.assertIn(words, text)

    def test_code_that_is_as_it_should_be_takes_one_line(self):
        self.make_superuser()
        models.JobRun.objects.filter(pk=self.run.pk).update(is_skewed=False)
        text = self.panel(self.run.job_result, PANEL)
        self.assertIn("Code current revision 1 (version", text)
        self.assertNotIn("celery@worker1", text)

    def test_a_schedule_tells_its_job_and_whether_it_is_there(self):
        self.make_superuser()
        text = self.panel(self.schedule.scheduled_job, PANEL)
        self.assertIn("Job number 1", text)
        self.assertIn("installed", text)
        models.JobSchedule.objects.update(job=None)
        self.assertIn("The record of the job was deleted", self.panel(self.schedule.scheduled_job, PANEL))

    def test_panels_need_the_right_to_view_that_anchor(self):
        for obj, anchor, model in (
            (self.run.job_result, models.JobRun, JobResult),
            (self.schedule.scheduled_job, models.JobSchedule, ScheduledJob),
        ):
            self.grant(model, ["view"])
            self.assertNotIn(PANEL, self.page(obj))
            self.grant(anchor, ["view"], {"class_path": "another"})
            self.assertNotIn(PANEL, self.page(obj))
            self.grant(anchor, ["view"])
            self.assertIn(PANEL, self.page(obj))

    def test_what_is_not_anchored_has_no_panel(self):
        self.make_superuser()
        self.assertNotIn(PANEL, self.page(JobResult.objects.create(name="A task")))

    def test_markup_is_escaped(self):
        self.make_superuser()
        texts = dict.fromkeys(("class_path", "worker", "source_version", "code_hash"), builders.MARKUP)
        models.JobRun.objects.filter(pk=self.run.pk).update(**texts)
        models.JobSchedule.objects.update(class_path=builders.MARKUP)
        models.RegisteredJob.objects.filter(pk=self.job.pk).update(name=builders.MARKUP)
        for obj in (self.run.job_result, self.schedule.scheduled_job, self.run, self.schedule):
            self.assertNotIn(builders.MARKUP, self.page(obj))

    def test_each_panel_costs_one_statement(self):
        self.make_superuser()
        # The page of a schedule has a panel about its suspension, too.
        for obj, panels in ((self.run.job_result, 1), (self.schedule.scheduled_job, 2)):
            with_panel = self.statements(obj)
            with mock.patch.dict("nautobot.extras.registry.registry", plugin_template_extensions={}):
                without = self.statements(obj)
            self.assertEqual(with_panel - without, panels)


class GitRepositoryTestCase(CorePageTestCase):
    """The page of a Git repository."""

    def setUp(self):
        super().setUp()
        self.repository = builders.repository()
        GitRepository.objects.filter(pk=self.repository.pk).update(provided_contents=["extras.job"])
        self.source = {"source_type": "git", "source_name": "network_jobs", "git_repository": self.repository}

    def fill(self, numbers):
        for number in numbers:
            builders.job(number, **self.source)
            builders.load_error(number % 27 + 1, module_name=f"network_jobs.broken_{number}", **self.source)

    def test_its_jobs_and_errors_are_listed_with_links_to_all_of_them(self):
        self.make_superuser()
        self.fill(range(10, 25))
        builders.job(1)
        builders.load_error(1, message="elsewhere")
        builders.load_error(2, message="resolved", resolved_at=builders.moment(3), **self.source)
        content = self.page(self.repository)
        self.assertEqual(content.count("Job number "), 10)
        self.assertEqual(content.count('title="network_jobs.broken_'), 10)
        self.assertIn("View 5 more Registered jobs", content)
        for words in (">Job number 1<", "elsewhere", "resolved<"):
            self.assertNotIn(words, content)
        for model, rest in ((models.RegisteredJob, ""), (models.JobLoadError, "&amp;resolved=false")):
            url = f"{reverse(get_route_for_model(model, 'list'))}?git_repository={self.repository.pk}{rest}"
            self.assertIn(f'<a href="{url}" class="badge bg-primary">', content)

    def test_last_reconcile_is_that_of_its_own_or_of_all(self):
        self.make_superuser()
        builders.reconciliation(1, scope="git:network_jobs", changed=71)
        builders.reconciliation(3, scope="git:other", changed=73)
        self.assertIn("71 changed", self.panel(self.repository, LAST_RECONCILE))
        builders.reconciliation(2, scope="all", changed=72, status="failed")
        text = self.panel(self.repository, LAST_RECONCILE)
        self.assertIn("Nothing was changed", text)
        self.assertIn("Failed", text)

    def test_each_panel_needs_its_own_right(self):
        self.fill([1])
        builders.reconciliation(1, scope="all")
        self.grant(GitRepository, ["view"])
        shown = (
            (models.RegisteredJob, "Registered Jobs</strong>", "Job number 1", {"source_type": "local"}),
            (models.JobLoadError, "Open Job Load Errors</strong>", "broken_1", {"source_type": "local"}),
            (models.Reconciliation, LAST_RECONCILE, "Command of all", {"scope": "system"}),
        )
        content = self.page(self.repository)
        for _, title, row, _ in shown:
            self.assertNotIn(title, content)
            self.assertNotIn(row, content)
        for model, _, row, constraints in shown:
            with self.subTest(model=model.__name__):
                self.grant(model, ["view"], constraints)
                self.assertNotIn(row, self.page(self.repository))
                self.grant(model, ["view"], {"pk__isnull": False})
                self.assertIn(row, self.page(self.repository))

    def test_a_repository_that_never_had_jobs_shows_nothing(self):
        self.make_superuser()
        builders.reconciliation(1, scope="all")
        GitRepository.objects.filter(pk=self.repository.pk).update(provided_contents=[])
        self.assertNotIn(LAST_RECONCILE, self.page(self.repository))
        builders.job(1, installed=False, absence="removed", **self.source)
        self.assertIn(LAST_RECONCILE, self.page(self.repository))

    def test_markup_from_sources_is_escaped(self):
        self.make_superuser()
        markup = builders.MARKUP
        builders.job(1, name=markup, grouping=markup, source_version=markup, **self.source)
        builders.load_error(1, message=markup, exception_type=markup, **self.source)
        self.assertNotIn(markup, self.page(self.repository))

    def test_no_job_code_is_loaded_and_no_worker_is_asked(self):
        self.make_superuser()
        self.fill([1])
        with (
            mock.patch("nautobot.core.celery.import_jobs") as imported,
            mock.patch("nautobot.extras.models.jobs.get_job_queue_worker_count") as count,
        ):
            self.page(self.repository)
        imported.assert_not_called()
        count.assert_not_called()

    def test_the_number_of_statements_is_constant(self):
        self.make_superuser()
        builders.reconciliation(1, scope="all")
        self.fill([1, 2])
        few = self.statements(self.repository)
        self.fill(range(10, 40))
        self.assertEqual(self.statements(self.repository), few)
        with mock.patch.dict("nautobot.extras.registry.registry", plugin_template_extensions={}):
            without = self.statements(self.repository)
        self.assertLessEqual(few - without, 7)
