"""Reason and end of an override where they are seen: on its page, in the form of its job, and with what ends it."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from nautobot.apps.testing import TestCase
from nautobot.extras.models import Job, JobQueue, ScheduledJob

from nautobot_job_registry import factory, models
from nautobot_job_registry.models.constants import END_OVERRIDES_JOB
from tests import builders
from tests.support import grant

ROUTE = "plugins:nautobot_job_registry"


class OverridePagesTestCase(TestCase):
    def setUp(self):
        super().setUp()
        factory.empty_registry()
        self.client.force_login(self.user)
        queue = JobQueue.objects.get_or_create(name="default")[0]
        key = {"module_name": "jobs_of_pages", "job_class_name": "Backup"}
        core = Job.objects.create(**key, name="Backup", grouping="G", installed=True, default_job_queue=queue)
        self.job = builders.job(1, **key, name="Backup", grouping="G", core_job=core, default_job_queue=queue)
        builders.revision(self.job, metadata={"time_limit": 60})
        self.job.refresh_from_db()
        self.job.time_limit, self.job.time_limit_override = 90, True
        self.job.override_reason = "Slow at night"
        self.job.save()
        self.override = models.FieldOverride.objects.get(job=self.job)

    def make_superuser(self):
        self.user.is_superuser = True
        self.user.save()

    def terms_url(self):
        return reverse(f"{ROUTE}:fieldoverride_terms", kwargs={"pk": self.override.pk})

    # Its own page

    def test_reason_and_end_are_edited_with_what_is_stored_to_begin_with(self):
        self.make_superuser()
        self.assertIn("Slow at night", self.client.get(self.terms_url()).content.decode())
        end = (timezone.now() + timedelta(days=3)).replace(microsecond=0)
        data = {"override_reason": "Until the new disks", "override_expires_at": end.isoformat(sep=" ")[:19]}
        self.assertEqual(self.client.post(self.terms_url(), data).status_code, 302)
        self.override.refresh_from_db()
        self.assertEqual((self.override.reason, self.override.value), ("Until the new disks", 90))
        self.assertEqual(self.override.expires_at, end)
        self.client.post(self.terms_url(), {"override_reason": "For good", "override_expires_at": ""})
        self.override.refresh_from_db()
        self.assertEqual((self.override.reason, self.override.expires_at), ("For good", None))

    def test_an_end_in_the_past_is_refused_and_nothing_is_lost(self):
        self.make_superuser()
        data = {"override_reason": "Typed", "override_expires_at": "2020-01-01 00:00:00"}
        content = self.client.post(self.terms_url(), data).content.decode()
        self.assertIn("is in the past", content)
        self.assertIn("Typed", content)
        self.override.refresh_from_db()
        self.assertEqual(self.override.reason, "Slow at night")

    def test_it_takes_the_rights_of_a_decision(self):
        grant(self.user, models.FieldOverride, ["view"])
        grant(self.user, models.RegisteredJob, ["view"])
        self.assertEqual(self.client.get(self.terms_url()).status_code, 403)
        self.assertNotIn(self.terms_url(), self.client.get(self.override.get_absolute_url()).content.decode())
        grant(self.user, models.RegisteredJob, ["change"])
        content = self.client.post(self.terms_url(), {"override_reason": "Mine"}).content.decode()
        self.assertIn("extras.change_job", content)
        self.override.refresh_from_db()
        self.assertEqual(self.override.reason, "Slow at night")

    # The form of the job

    def form(self, data=None):
        url = reverse(f"{ROUTE}:registeredjob_edit", kwargs={"pk": self.job.pk})
        return (self.client.get(url) if data is None else self.client.post(url, data)).content.decode()

    def test_the_form_tells_reason_and_end_of_each_override(self):
        self.make_superuser()
        row = self.form().split('data-override-of="time_limit"')[1].split("</div>")[0]
        self.assertIn("Slow at night", row)
        self.assertIn(self.terms_url(), row)

    def test_a_wrong_form_comes_back_with_what_is_stored_in_its_closed_inputs(self):
        self.make_superuser()
        content = self.form({"time_limit": "-5", "time_limit_override": "on", "name": "Changed", "name_override": ""})
        faults = strip_tags(content.split('id="registry-form-faults"')[1].split("</ul>")[0])
        self.assertIn("Nothing was saved.", faults)
        self.assertIn("Time limit: Ensure this value is greater than or equal to 0.", " ".join(faults.split()))
        self.assertIn('href="#id_time_limit"', content)
        for name in ("time_limit", "name"):
            tag = (
                content.split(f'id="id_{name}"')[0].rpartition("<")[2]
                + content.split(f'id="id_{name}"')[1].split(">")[0]
            )
            self.assertIn("is-invalid", tag, name)
        description = content.split('name="description"')[1].split("</textarea>")[0]
        self.assertIn("Description 1", description)
        hidden = content.split('name="hidden"')[1].split("</select>")[0]
        self.assertIn('value="False" selected', " ".join(hidden.split()))
        self.assertIn(f'value="{self.job.default_job_queue_id}" selected', " ".join(content.split()))

    # What ends overrides

    def test_it_is_said_whether_anything_ends_overrides(self):
        self.make_superuser()
        self.assertIn("No schedule ends overrides", self.form())
        module_name, _, job_class_name = END_OVERRIDES_JOB.rpartition(".")
        job = Job.objects.get(module_name=module_name, job_class_name=job_class_name)
        self.assertIn(f"/extras/jobs/{job.pk}/run/", self.form())
        Job.objects.filter(pk=job.pk).update(enabled=True)
        factory.ScheduledJobFactory(name="Ends", task=END_OVERRIDES_JOB, job_model=job, interval="hourly")
        self.assertEqual(ScheduledJob.objects.filter(task=END_OVERRIDES_JOB).count(), 1)
        self.assertIn("ended by the schedule Ends", self.form())
        self.assertIn("ended by the schedule Ends", self.client.get(self.terms_url()).content.decode())
