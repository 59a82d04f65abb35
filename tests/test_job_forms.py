"""Rules 13, 14, 15, 17 and 19 through the pages: the form of one job, and those of many."""

from html import unescape

import pytest
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase, TransactionTestCase, create_job_result_and_run_job
from nautobot.extras.models import Job, JobHook, JobQueue, JobResult, ObjectChange

from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.factory import DEFAULT_METADATA, empty_registry
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile import take_over_core
from tests import builders
from tests.support import counted_statements, grant

ROUTE = "plugins:nautobot_job_registry:registeredjob"
METADATA = {**DEFAULT_METADATA, "time_limit": 60.0, "job_queues": ["day"], "default_job_queue": "day"}
METADATA.pop("description")


def make_jobs():
    """Store three jobs with a core job and a revision, the third of them not installed."""
    empty_registry()
    day = JobQueue.objects.create(name="day", queue_type="celery")
    for number in range(3):
        core_job = Job.objects.create(
            module_name=f"module_{number}.jobs",
            job_class_name=f"Job{number}",
            grouping="G",
            name=f"Core {number}",
            default_job_queue=day,
        )
        builders.revision(builders.job(number, core_job=core_job), metadata=METADATA)
    RegisteredJob.objects.filter(job_class_name="Job2").update(installed=False, absence="removed")
    return list(RegisteredJob.objects.order_by("job_class_name"))


class FormTestCase(TestCase):
    """Three jobs, and what a browser sends of them."""

    @classmethod
    def setUpTestData(cls):
        cls.job, cls.other, cls.gone = make_jobs()
        cls.night = JobQueue.objects.create(name="night", queue_type="celery")

    def setUp(self):
        super().setUp()
        self.user.is_superuser = True
        self.user.save()

    def restrict(self, *grants):
        self.user.is_superuser = False
        self.user.save()
        for model, actions, constraints in grants:
            grant(self.user, model, actions, constraints)

    def url(self, job, action="edit"):
        return reverse(f"{ROUTE}_{action}", kwargs={"pk": job.pk})

    def send(self, job, **data):
        """Send what a browser sends: no input whose switch is off."""
        response = self.client.post(self.url(job), {key: value for key, value in data.items() if value is not None})
        job.refresh_from_db()
        return response

    def assert_saved(self, response):
        errors = response.context["form"].errors if response.status_code == 200 else ""
        self.assertEqual(response.status_code, 302, errors)

    def assert_refused(self, response, field, text):
        self.assertEqual(response.status_code, 200)
        errors = response.context["form"].errors
        self.assertEqual(list(errors), [field])
        self.assertIn(text, str(errors[field]))

    def bulk(self, action, jobs, **data):
        data = {"pk": [job.pk for job in jobs], **data}
        return self.client.post(reverse(f"{ROUTE}_bulk_{action}"), data, follow=True)


class EditFormTestCase(FormTestCase):
    def test_an_override_is_kept_and_logged(self):
        self.assert_saved(self.send(self.job, time_limit="5", time_limit_override="on", enabled="on"))
        self.assertEqual((self.job.overrides, self.job.enabled), ({"time_limit": 5.0}, True))
        change = ObjectChange.objects.get(changed_object_id=self.job.pk)
        self.assertEqual(change.user, self.user)
        self.assertEqual(self.job.field_overrides.get().set_by, self.user)

    @pytest.mark.slow
    def test_each_field_is_overridden_and_reverted(self):
        values = {
            "grouping": "Other",
            "name": "Other",
            "description": "Two\r\nlines",
            "hidden": "True",
            "console_log_default": "True",
            "dryrun_default": "True",
            "soft_time_limit": "1.5",
            "time_limit": "5",
            "has_sensitive_variables": "False",
            "is_singleton": "True",
            "job_queues": [str(self.night.pk)],
            "default_job_queue": str(self.night.pk),
        }
        stored = {field: self.job.value_of(field) for field in values}
        for field, value in values.items():
            with self.subTest(field=field):
                self.assert_saved(self.send(self.job, **{field: value, f"{field}_override": "on"}))
                self.assertEqual(list(self.job.overrides), [field])
                self.assert_saved(self.send(self.job, **{field: value}))
                self.assertEqual(self.job.overrides, {})
                reverted = RegisteredJob.objects.get(pk=self.job.pk).value_of(field)
                self.assertEqual(reverted, stored[field])

    def test_a_cleared_switch_reverts_whatever_comes_along(self):
        for value in ("7", "no number", "", None):
            with self.subTest(value=value):
                self.assert_saved(self.send(self.job, time_limit="5", time_limit_override="on"))
                self.assert_saved(self.send(self.job, time_limit=value))
                self.assertEqual(self.job.time_limit, 60.0)

    def test_a_value_without_its_switch_is_refused(self):
        for field, value in (("time_limit", "5"), ("name", "x"), ("hidden", "True"), ("job_queues", self.night.pk)):
            with self.subTest(field=field):
                self.assert_refused(self.send(self.job, **{field: value}), field, f"{field}_override")
        self.assertEqual(self.job.time_limit, 60.0)

    def test_the_stored_value_may_come_without_its_switch(self):
        self.assert_saved(self.send(self.job, time_limit="60", name=self.job.name, hidden="False"))

    def test_a_text_that_a_browser_sends_back_is_not_overridden_anew(self):
        self.job.description, self.job.description_override = "Two\nlines", True
        self.job.override_reason = "Agreed on"
        self.job.save()
        before = self.job.field_overrides.values().get()
        on = {"description": "Two\r\nlines", "description_override": "on"}
        said = {"hidden": "True", "hidden_override": "on", "override_reason": "Too many"}
        self.assert_saved(self.send(self.job, **on, **said))
        self.assertEqual(self.job.overrides, {"description": "Two\nlines", "hidden": True})
        self.assertEqual(self.job.field_overrides.values().get(field="description"), before)
        self.assertEqual(Job.objects.get(pk=self.job.core_job_id).description, "Two\nlines")

    def test_bad_values(self):
        for field, value in (
            ("name", ""),
            ("name", "x" * 101),
            ("name", self.other.core_job.name),
            ("grouping", ""),
            ("time_limit", "-1"),
            ("time_limit", "nan"),
            ("time_limit", "x"),
            ("time_limit", ""),
            ("hidden", ""),
            ("hidden", "perhaps"),
            ("job_queues", "none"),
            ("default_job_queue", "none"),
            ("default_job_queue", ""),
        ):
            with self.subTest(field=field, value=value):
                response = self.send(self.job, **{field: value, f"{field}_override": "on"})
                self.assertEqual(response.status_code, 200)
                self.assertEqual(list(response.context["form"].errors), [field])

    def test_read_only_fields_are_no_inputs(self):
        self.assert_saved(self.send(self.job, installed="", module_name="x", source_type="git"))
        self.assertEqual((self.job.module_name, self.job.installed), ("module_0.jobs", True))
        form = self.client.get(self.url(self.job)).context["form"]
        self.assertFalse({"module_name", "job_class_name", "installed", "source_type"} & set(form.fields))

    def test_the_source_is_shown_under_each_field(self):
        content = unescape(self.client.get(self.url(self.job)).content.decode())
        self.assertIn('data-source-value-of="time_limit">60<', content)
        self.assertIn('data-source-value-of="job_queues">day<', content)
        self.assertIn(self.job.class_path, content)

    def test_without_a_revision_the_value_stays_and_the_page_says_so(self):
        job = builders.job(9, time_limit=5, time_limit_override=True)
        self.assertIn("not known", self.client.get(self.url(job)).content.decode())
        response = self.client.post(self.url(job), {"enabled": "on"}, follow=True)
        self.assertIn("No revision of the source is known yet", response.content.decode())
        job.refresh_from_db()
        self.assertEqual((job.time_limit, job.time_limit_override), (5.0, False))

    def test_a_decision_needs_the_right_to_change_the_core_job(self):
        self.restrict((RegisteredJob, ("view", "change"), None), (Job, ("change",), {"job_class_name": "Job1"}))
        for data in ({"enabled": "on"}, {"time_limit": "5", "time_limit_override": "on"}, {"hidden_override": "on"}):
            with self.subTest(data=data):
                self.assert_refused(self.send(self.job, **data), "__all__", "extras.change_job")
                self.assert_saved(self.send(self.other, **data))
        self.assert_saved(self.send(self.job))

    def test_queues_that_the_user_may_not_view_stay(self):
        self.job.job_queues_override = self.job.default_job_queue_override = True
        self.job.default_job_queue = self.night
        self.job.save()
        rights = (RegisteredJob, ("view", "change"), None), (Job, ("change",), None)
        self.restrict(*rights, (JobQueue, ("view",), {"name": "day"}))
        on = {"job_queues_override": "on", "default_job_queue_override": "on", "default_job_queue": ""}
        day = JobQueue.objects.get(name="day")
        self.assert_saved(self.send(self.job, **on, job_queues=[str(day.pk)], enabled="on"))
        self.assertEqual(self.job.overrides, {"job_queues": ["day", "night"], "default_job_queue": "night"})
        self.assert_saved(self.send(self.job, **on))
        self.assertEqual(self.job.overrides, {"job_queues": ["night"], "default_job_queue": "night"})

    def test_there_is_no_page_that_makes_a_job(self):
        self.assertEqual(self.client.get(reverse(f"{ROUTE}_list") + "add/").status_code, 404)

    def test_a_deletion_says_what_it_costs_beforehand(self):
        hook = JobHook.objects.create(name="Hook of the job", job=self.gone.core_job)
        runs = [JobResult.objects.create(name="run", job_model=self.gone.core_job) for _ in range(3)]
        text = " ".join(strip_tags(self.client.get(self.url(self.gone, "delete")).content.decode()).split())
        self.assertIn("3 runs lose the link", text)
        self.assertIn("1 job hook will be deleted: Hook of the job.", text)
        self.client.post(self.url(self.gone, "delete"), {"confirm": True})
        self.assertFalse(RegisteredJob.objects.filter(pk=self.gone.pk).exists())
        self.assertFalse(JobHook.objects.filter(pk=hook.pk).exists())
        self.assertEqual(JobResult.objects.filter(pk__in=[run.pk for run in runs], job_model=None).count(), 3)

    def test_an_installed_job_is_not_deleted(self):
        self.assertIn("cannot be deleted", self.client.get(self.url(self.job, "delete")).content.decode())
        response = self.client.post(self.url(self.job, "delete"), {"confirm": True}, follow=True)
        self.assertIn(f"Installed: {self.job.class_path}", response.content.decode())
        self.assertTrue(RegisteredJob.objects.filter(pk=self.job.pk).exists())

    def test_a_deletion_needs_the_right_to_delete_the_core_job(self):
        self.restrict((RegisteredJob, ("view", "delete"), None))
        response = self.client.post(self.url(self.gone, "delete"), {"confirm": True}, follow=True)
        self.assertIn("extras.delete_job", response.content.decode())
        self.assertTrue(RegisteredJob.objects.filter(pk=self.gone.pk).exists())

    def test_a_bulk_edit_refuses_a_value_without_its_flag(self):
        response = self.bulk("edit", [self.job], time_limit="5", _apply="")
        self.assertIn("time_limit_override", str(response.context["form"].errors["time_limit"]))

    def test_bulk_pages_refuse_at_once_what_the_user_may_not(self):
        def message(action, jobs, **data):
            return " ".join(map(str, self.bulk(action, jobs, **data).context["messages"]))

        delete = {"_confirm": "", "confirm": True}
        self.assertIn("Installed: module_0", message("delete", [self.gone, self.job], **delete))
        self.restrict((RegisteredJob, ("view", "change", "delete"), None))
        self.assertIn("extras.change_job", message("edit", [self.job], enabled="True", _apply=""))
        self.assertIn("extras.delete_job", message("delete", [self.gone], **delete))


class BulkTestCase(TransactionTestCase):
    """Three jobs, and Nautobot's own jobs, which carry out what the bulk pages ask for."""

    databases = ("default", "job_logs")

    def setUp(self):
        super().setUp()
        self.job, self.other, self.gone = make_jobs()
        self.content_type = ContentType.objects.get_for_model(RegisteredJob).pk

    def run_job(self, name, jobs, **values):
        selection = (
            {"pk_list": [str(job.pk) for job in jobs]} if jobs else {"filter_query_params": {"installed": ["True"]}}
        )
        result = create_job_result_and_run_job(
            "nautobot.core.jobs.bulk_actions",
            name,
            username=self.user.username,
            **job_arguments({"content_type": self.content_type, **selection, **values}),
        )
        for job in (self.job, self.other, self.gone):
            if RegisteredJob.objects.filter(pk=job.pk).exists():
                job.refresh_from_db()
        return result

    def edit(self, jobs, **form_data):
        pks = [str(job.pk) for job in jobs]
        return self.run_job("BulkEditObjects", jobs, edit_all=not jobs, form_data={"pk": pks, **form_data})

    def become_superuser(self):
        self.user.is_superuser = True
        self.user.save()


class BulkJobTestCase(BulkTestCase):
    def test_overrides_are_set_and_cleared(self):
        self.become_superuser()
        result = self.edit([self.job, self.other], time_limit=5, time_limit_override=True, enabled=True)
        self.assertEqual(result.status, "SUCCESS", list(result.job_log_entries.values_list("message", flat=True)))
        self.assertEqual([job.overrides for job in (self.job, self.other)], [{"time_limit": 5.0}] * 2)
        result = self.edit([], time_limit=9, time_limit_override=False)
        self.assertEqual(result.status, "SUCCESS")
        self.assertEqual([job.time_limit for job in (self.job, self.other)], [60.0, 60.0])

    def test_queues_are_overridden_and_reverted(self):
        self.become_superuser()
        night = JobQueue.objects.create(name="night", queue_type="celery")
        self.edit([self.job], job_queues=[str(night.pk)], job_queues_override=True)
        self.assertEqual(self.job.overrides, {"job_queues": ["day", "night"]})
        self.assertEqual(self.job.field_overrides.get().value, ["day", "night"])
        self.edit([self.job], job_queues_override=False)
        self.assertEqual([queue.name for queue in self.job.job_queues.all()], ["day"])

    def test_a_bulk_edit_of_core_jobs_is_taken_over_as_a_whole(self):
        self.become_superuser()
        self.content_type = ContentType.objects.get_for_model(Job).pk
        # Nautobot looks at what hangs on each job that is not installed.
        Job.objects.update(installed=True)
        take_over_core({})
        core_jobs = [job.core_job for job in (self.job, self.other)]
        extra = []
        for number, count in enumerate((2, 1, 2)):
            with counted_statements() as statements:
                values = {"time_limit": 5 + number, "time_limit_override": True}
                self.edit(core_jobs[:count], **values)
            extra.append(len([sql for sql in statements if "nautobot_job_registry" in sql and "extras_job" not in sql]))
        # What rows said before differs from row to row, and takes a statement of its own.
        self.assertLessEqual(extra[2], extra[1] + 1)
        self.assertEqual([job.overrides for job in (self.job, self.other)], [{"time_limit": 7.0}] * 2)
        self.assertEqual(self.job.field_overrides.get().origin, "core")

    def test_all_or_none_where_a_right_is_missing(self):
        grant(self.user, RegisteredJob, ["view", "change", "delete"])
        grant(self.user, Job, ["change", "delete"], {"job_class_name": "Job0"})
        result = self.edit([self.job, self.other], enabled=True)
        self.assertEqual(result.status, "FAILURE")
        self.assertEqual([job.enabled for job in (self.job, self.other)], [False, False])
        self.assertEqual(self.edit([self.job], enabled=True).status, "SUCCESS")
        self.assertEqual(self.run_job("BulkDeleteObjects", [self.gone]).status, "FAILURE")
        self.assertTrue(RegisteredJob.objects.filter(pk=self.gone.pk).exists())

    def test_only_uninstalled_jobs_are_deleted(self):
        self.become_superuser()
        self.assertEqual(self.run_job("BulkDeleteObjects", [self.job, self.gone]).status, "FAILURE")
        self.assertEqual(RegisteredJob.objects.count(), 3)
        self.assertEqual(self.run_job("BulkDeleteObjects", [self.gone]).status, "SUCCESS")
        self.assertFalse(Job.objects.filter(pk=self.gone.core_job_id).exists())
