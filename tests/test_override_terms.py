"""Why a field is overridden, and until when: said through REST, in the form and in bulk, kept by the model."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from nautobot.extras.models import Job, JobQueue, ObjectChange

from nautobot_job_registry.factory import FieldOverrideFactory, JobRevisionFactory, job_metadata
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.constants import REASON_MAX_LENGTH
from tests import test_job_forms, test_job_requests
from tests.support import requiring_reasons

SET = {"time_limit": 5, "time_limit_override": True}
LATER = timezone.now() + timedelta(days=30)


def ledger(job):
    return {row.field: (row.reason, row.expires_at) for row in job.field_overrides.all()}


@pytest.fixture
def job(db):
    return JobRevisionFactory(job__name="Backup", metadata=job_metadata(name="Backup", time_limit=60.0)).job


def test_what_is_said_is_for_the_overrides_that_the_save_sets(job):
    job.hidden = job.hidden_override = True
    job.save()
    job.time_limit, job.time_limit_override = 5.0, True
    job.override_reason, job.override_expires_at = "Slow network", LATER
    job.validated_save()
    assert ledger(job) == {"hidden": ("", None), "time_limit": ("Slow network", LATER)}


def test_what_is_said_is_for_all_overrides_where_the_save_changes_none(job):
    job.hidden = job.hidden_override = job.is_singleton = job.is_singleton_override = True
    job.save()
    job.override_reason = "Agreed on"
    job.validated_save()
    assert ledger(job) == {"hidden": ("Agreed on", None), "is_singleton": ("Agreed on", None)}


def test_what_was_said_is_not_said_again_by_the_next_save(job):
    job.hidden = job.hidden_override = True
    job.override_reason = "Old"
    job.save()
    job.is_singleton = job.is_singleton_override = True
    job.save()
    assert ledger(job) == {"hidden": ("Old", None), "is_singleton": ("", None)}


def test_what_is_said_reaches_the_queues_that_are_written_after_the_record(job):
    queue = JobQueue.objects.create(name="night", queue_type="celery")
    job.job_queues_override = True
    job.override_reason = "At night"
    job.save()
    job.job_queues.set([queue])
    assert job.field_overrides.get().value == ["default", "night"]
    assert ledger(job) == {"job_queues": ("At night", None)}


def test_a_new_value_keeps_reason_and_end(job):
    job.time_limit, job.time_limit_override = 5.0, True
    job.override_reason, job.override_expires_at = "Slow network", LATER
    job.save()
    job.time_limit = 6.0
    job.save()
    assert ledger(job) == {"time_limit": ("Slow network", LATER)}


def test_an_end_is_taken_back(job):
    row = FieldOverrideFactory(job=job, field="hidden", value=True, expires_at=LATER)
    assert (row.value, row.source_value, row.expires_at) == (True, False, LATER)
    job.override_expires_at = None
    job.validated_save()
    assert ledger(job) == {"hidden": ("", None)}


def test_where_reasons_are_required_the_model_asks_for_each_override(job):
    job.hidden = job.hidden_override = True
    job.save()
    with requiring_reasons():
        job.validated_save()
        job.is_singleton = job.is_singleton_override = True
        with pytest.raises(ValidationError, match=r"Missing for: is_singleton\.") as caught:
            job.validated_save()
        assert list(caught.value.message_dict) == ["override_reason"]
        job.override_reason = " "
        with pytest.raises(ValidationError, match="Missing for: is_singleton"):
            job.validated_save()
        job.override_reason = "Agreed on"
        job.validated_save()
        job.override_reason = ""
        with pytest.raises(ValidationError, match="Missing for: hidden, is_singleton"):
            job.validated_save()


class RestTestCase(test_job_requests.RequestTestCase):
    def test_reason_and_end_come_with_an_override_and_are_logged(self):
        body = {**SET, "override_reason": "Slow", "override_expires_at": LATER.isoformat()}
        self.patch(self.job, body)
        self.assertEqual(ledger(self.job), {"time_limit": ("Slow", LATER)})
        change = ObjectChange.objects.get(changed_object_id=self.job.pk)
        told = {"reason": "Slow", "expires_at": LATER.isoformat()}
        self.assertEqual(change.object_data["override_terms"], told)
        self.assertEqual(change.object_data_v2["override_terms"], told)

    def test_a_reason_is_changed_without_the_value(self):
        self.patch(self.job, {**SET, "hidden": True, "hidden_override": True, "override_reason": "Old"})
        self.patch(self.job, {"time_limit_override": True, "override_reason": "New"})
        self.assertEqual(ledger(self.job), {"hidden": ("Old", None), "time_limit": ("New", None)})
        self.assertEqual(RegisteredJob.objects.get(pk=self.job.pk).overrides, {"hidden": True, "time_limit": 5.0})
        self.patch(self.job, {"time_limit": 5, "override_reason": ""})
        self.assertEqual(ledger(self.job), {"hidden": ("Old", None), "time_limit": ("", None)})

    def test_a_reason_goes_with_what_is_changed_and_not_with_what_is_only_named(self):
        self.patch(self.job, {**SET, "override_reason": "Old"})
        self.patch(
            self.job, {"time_limit_override": True, "hidden": True, "hidden_override": True, "override_reason": "New"}
        )
        self.assertEqual(ledger(self.job), {"hidden": ("New", None), "time_limit": ("Old", None)})

    def test_other_queues_take_the_reason_that_comes_with_them(self):
        self.patch(self.job, {"job_queues": [str(self.night.pk)], "job_queues_override": True, **SET})
        self.patch(self.job, {"job_queues": [], "override_reason": "None"})
        self.assertEqual(ledger(self.job), {"job_queues": ("None", None), "time_limit": ("", None)})

    def test_bad_reasons_and_ends_are_refused_by_name(self):
        self.patch(self.other, SET)
        past = (timezone.now() - timedelta(seconds=1)).isoformat()
        for job, body, field, text in (
            (self.job, {**SET, "override_reason": "x" * 100_000}, "override_reason", "100,000 characters: 10,000 are"),
            (self.job, {**SET, "override_reason": "x" * (REASON_MAX_LENGTH + 1)}, "override_reason", "10,001"),
            (self.job, {**SET, "override_reason": "a\x00b"}, "override_reason", "Null characters"),
            (self.job, {**SET, "override_reason": None}, "override_reason", "null"),
            (self.job, {**SET, "override_expires_at": past}, "override_expires_at", "in the past"),
            (self.job, {**SET, "override_expires_at": "tomorrow"}, "override_expires_at", "wrong format"),
            (self.job, {"override_expires_at": LATER.isoformat()}, "override_expires_at", "no override"),
            (self.job, {"override_reason": "Why"}, "override_reason", "no override"),
            (self.other, {"override_reason": "Why"}, "override_reason", "time_limit_override"),
            (self.other, {"override_expires_at": LATER.isoformat()}, "override_expires_at", "time_limit_override"),
            (self.other, {"time_limit_override": False, "override_reason": "Why"}, "override_reason", "no override"),
            (self.job, {"installed_override": True}, "installed_override", "cannot be overridden"),
            (self.job, {"enabled_override": True}, "enabled_override", "time_limit"),
        ):
            with self.subTest(body=str(body)[:100]):
                data = self.patch(job, body, 400)
                self.assertEqual(list(data), [field])
                self.assertIn(text, str(data[field]))
        self.assertEqual((ledger(self.job), ledger(self.other)), ({}, {"time_limit": ("", None)}))

    def test_an_end_that_cannot_be_told_in_every_time_zone_is_refused(self):
        data = self.patch(self.job, {**SET, "override_expires_at": "9999-12-31T23:59:59Z"}, 400)
        self.assertIn("last year", str(data["override_expires_at"]))
        self.patch(self.job, {**SET, "override_expires_at": "9998-12-31T23:59:59Z"})
        self.user.set_config("timezone", "Asia/Tokyo", commit=True)
        self.addCleanup(timezone.deactivate)
        self.client.force_login(self.user)
        self.assertContains(self.client.get(self.job.get_absolute_url()), "9999-01-01")

    def test_the_longest_reason_is_taken(self):
        self.patch(self.job, {**SET, "override_reason": "x" * REASON_MAX_LENGTH})

    def test_in_bulk_each_job_has_its_own(self):
        bodies = [{"id": str(job.pk), **SET, "override_reason": job.class_path} for job in (self.job, self.other)]
        self.bulk(bodies)
        for job in (self.job, self.other):
            self.assertEqual(ledger(job), {"time_limit": (job.class_path, None)})
        bodies[1]["override_reason"] = "x" * 100_000
        errors = self.bulk(bodies, 400)
        self.assertEqual([set(error) for error in errors], [{"id", "override_reason"}])

    def test_where_reasons_are_required_a_request_without_one_is_refused(self):
        with requiring_reasons():
            for body in (SET, {"hidden_override": True}, {"job_queues": [], "job_queues_override": True}):
                self.assertIn("Missing for", str(self.patch(self.job, body, 400)["override_reason"]))
            self.patch(self.job, {**SET, "override_reason": "Slow"})
            self.patch(self.job, {"time_limit": 6})
            self.patch(self.job, {"enabled": True, "time_limit_override": False})

    def test_an_end_takes_the_right_to_change_what_nautobot_executes_and_a_reason_does_not(self):
        self.patch(self.job, SET)
        self.grant(RegisteredJob, "view", "change")
        self.patch(self.job, {"time_limit_override": True, "override_reason": "Slow"})
        for end in (LATER.isoformat(), None):
            self.patch(self.job, {"time_limit_override": True, "override_expires_at": end}, 403)


class FormTestCase(test_job_forms.FormTestCase):
    def test_reason_and_end_are_entered(self):
        end = {"override_expires_at": f"{LATER:%Y-%m-%d %H:%M:%S}"}
        self.assert_saved(self.send(self.job, time_limit="5", time_limit_override="on", override_reason="Slow", **end))
        self.assertEqual(ledger(self.job), {"time_limit": ("Slow", LATER.replace(microsecond=0))})
        self.assert_saved(self.send(self.job, time_limit="5", time_limit_override="on", override_never_ends="on"))
        self.assertEqual(ledger(self.job), {"time_limit": ("Slow", None)})

    def test_bad_reasons_and_ends(self):
        on = {"time_limit": "5", "time_limit_override": "on"}
        for data, field, text in (
            ({**on, "override_reason": "x" * 100_000}, "override_reason", "10,000 are the most"),
            ({**on, "override_expires_at": "2020-01-01 00:00:00"}, "override_expires_at", "in the past"),
            ({**on, "override_expires_at": "tomorrow"}, "override_expires_at", "valid date"),
            ({"override_expires_at": "2999-01-01"}, "override_expires_at", "no override"),
            ({"override_reason": "Why"}, "override_reason", "no override"),
            (
                {**on, "override_expires_at": "2999-01-01", "override_never_ends": "on"},
                "override_never_ends",
                "not both",
            ),
        ):
            with self.subTest(data=str(data)[:100]):
                self.assert_refused(self.send(self.job, **data), field, text)

    def test_where_reasons_are_required_the_form_names_the_field(self):
        with requiring_reasons():
            response = self.send(self.job, hidden="True", hidden_override="on")
            self.assert_refused(response, "override_reason", "Missing for: hidden")
            self.assert_saved(self.send(self.job, hidden="True", hidden_override="on", override_reason="Slow"))
            self.assert_saved(self.send(self.job, hidden="True", hidden_override="on"))

    def test_the_end_of_an_override_needs_the_right_to_change_the_core_job(self):
        on = {"time_limit": "5", "time_limit_override": "on"}
        self.assert_saved(self.send(self.job, **on))
        self.restrict((RegisteredJob, ("view", "change"), None), (Job, ("change",), {"job_class_name": "Job1"}))
        for end in ({"override_expires_at": "2999-01-01"}, {"override_never_ends": "on"}):
            self.assert_refused(self.send(self.job, **on, **end), "__all__", "extras.change_job")
        self.assert_saved(self.send(self.job, **on, override_reason="Slow"))

    def test_a_bulk_edit_asks_for_which_overrides_a_reason_is(self):
        response = self.bulk("edit", [self.job], override_reason="Why", _apply="")
        self.assertIn("Choose Override", str(response.context["form"].errors["override_reason"]))
        response = self.bulk("edit", [self.job], override_never_ends="on", _apply="")
        self.assertIn("Choose Override", str(response.context["form"].errors["override_never_ends"]))
        with requiring_reasons():
            response = self.bulk("edit", [self.job], hidden="True", hidden_override="True", _apply="")
            self.assertIn("required", str(response.context["form"].errors["override_reason"]))


class BulkTestCase(test_job_forms.BulkTestCase):
    def succeed(self, jobs, **form_data):
        result = self.edit(jobs, **form_data)
        self.assertEqual(result.status, "SUCCESS", list(result.job_log_entries.values_list("message", flat=True)))

    def test_reason_and_end_are_for_the_chosen_fields(self):
        self.become_superuser()
        night = JobQueue.objects.create(name="night", queue_type="celery")
        said = {"override_reason": "Slow", "override_expires_at": LATER.isoformat()}
        self.succeed([self.other], hidden=True, hidden_override=True)
        queues = {"job_queues": [str(night.pk)], "job_queues_override": True}
        self.succeed([self.job, self.other], time_limit=5, time_limit_override=True, **queues, **said)
        expected = {"job_queues": ("Slow", LATER), "time_limit": ("Slow", LATER)}
        self.assertEqual(ledger(self.job), expected)
        self.assertEqual(ledger(self.other), {**expected, "hidden": ("", None)})
        self.succeed([self.job], time_limit_override=True, override_never_ends=True)
        self.assertEqual(ledger(self.job), {**expected, "time_limit": ("Slow", None)})
        self.succeed([self.job], time_limit_override=True, override_reason="New")
        self.assertEqual(ledger(self.job), {**expected, "time_limit": ("New", None)})

    def test_a_job_that_the_end_does_not_fit_stops_all(self):
        self.become_superuser()
        self.succeed([self.job], hidden=True, hidden_override=True)
        end = {"override_expires_at": "2020-01-01T00:00:00Z"}
        result = self.edit([self.job, self.other], hidden_override=True, **end)
        self.assertEqual(result.status, "FAILURE")
        self.assertEqual((ledger(self.job), self.other.overrides), ({"hidden": ("", None)}, {}))
