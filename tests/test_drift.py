"""Keeping an override, and following the source: on pages, in bulk, and through REST, with the rights on both sides."""

from datetime import timedelta
from html import unescape
from unittest import mock

from django.urls import reverse
from django.utils import timezone
from nautobot.extras.models import Job, ObjectChange
from nautobot.users.models import ObjectPermission, Token

from nautobot_job_registry.factory import JobRevisionFactory, job_metadata
from nautobot_job_registry.models import FieldOverride, RegisteredJob
from nautobot_job_registry.overrides import drift
from tests import builders, test_job_forms
from tests.support import counted_statements

UI = "plugins:nautobot_job_registry:fieldoverride"
ROOT = "/api/plugins/job-registry/field-overrides/"
OTHER_ID = "00000000-0000-4000-8000-000000000000"


def drifted(job, field="time_limit", value=5.0, said=90.0):
    """Override a field of a job, and let its source say something else since."""
    setattr(job, field, value)
    setattr(job, f"{field}_override", True)
    job.save()
    builders.revision(job, number=2, metadata={**job.current_revision.metadata, field: said})
    return job.field_overrides.get(field=field)


class DriftTestCase(test_job_forms.FormTestCase):
    """Two jobs with a drifted override."""

    def setUp(self):
        super().setUp()
        self.overrides = [drifted(job) for job in (self.job, self.other)]
        self.override, self.second = self.overrides
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}

    def state(self, override):
        """Return what is overridden by now, and against what."""
        row = FieldOverride.objects.filter(pk=override.pk).first()
        core = Job.objects.get(pk=override.job.core_job_id)
        return (core.time_limit, core.time_limit_override, row and (row.is_drifted, row.source_value))

    def assert_drifted(self, *overrides):
        for override in overrides:
            self.assertEqual(self.state(override), (5.0, True, (True, 60.0)))

    def assert_kept(self, *overrides):
        for override in overrides:
            self.assertEqual(self.state(override), (5.0, True, (False, 90.0)))

    def assert_followed(self, *overrides):
        for override in overrides:
            self.assertEqual(self.state(override), (90.0, False, None))
            self.assertEqual(RegisteredJob.objects.get(pk=override.job_id).time_limit, 90.0)

    def restrict_to(self, job=None, core=None, views=True):
        """Grant the change of jobs and of core's jobs under constraints; none where they are not given."""
        ObjectPermission.objects.all().delete()
        grants = [(FieldOverride, ("view",), None)] if views else []
        grants += [(RegisteredJob, ("view", "change"), job)] if job is not None else []
        grants += [(Job, ("change",), core)] if core is not None else []
        self.restrict(*grants)


class RestTestCase(DriftTestCase):
    def post(self, tail, body=None, status=200):
        options = {"content_type": "application/json", "headers": self.headers}
        response = self.client_class().post(f"{ROOT}{tail}", body, **options)
        self.assertEqual(response.status_code, status, response.content)
        return response.json()

    def test_an_override_is_kept_and_logged(self):
        data = self.post(f"{self.override.pk}/keep/")
        self.assertEqual((data["id"], data["is_drifted"], data["source_value"]), (str(self.override.pk), False, 90.0))
        self.assert_kept(self.override)
        self.assert_drifted(self.second)
        change = ObjectChange.objects.get(changed_object_id=self.job.pk)
        self.assertEqual((change.user, change.action), (self.user, "update"))
        self.assertEqual(change.object_data["overrides_kept_against"], {"time_limit": 90.0})
        self.post(f"{self.override.pk}/keep/")
        self.assertEqual(ObjectChange.objects.filter(changed_object_id=self.job.pk).count(), 1)

    def test_the_source_is_followed_in_core_too(self):
        self.assertEqual(self.post(f"{self.override.pk}/follow/"), {"changed": 1})
        self.assert_followed(self.override)
        self.assert_drifted(self.second)
        self.assertEqual(ObjectChange.objects.filter(changed_object_id=self.job.pk, user=self.user).count(), 1)

    def test_many_are_kept_or_followed(self):
        body = [{"id": str(self.override.pk)}, str(self.second.pk)]
        self.assertEqual(self.post("keep/", body), {"changed": 2})
        self.assert_kept(*self.overrides)
        self.assertEqual(self.post("follow/", body), {"changed": 2})
        self.assert_followed(*self.overrides)

    def test_bad_bodies(self):
        for tail in ("keep/", "follow/"):
            for body in (
                [],
                {},
                "x",
                [{}],
                ["x"],
                [1],
                [{"id": "x"}],
                [{"id": OTHER_ID}],
                [str(self.override.pk), OTHER_ID],
            ):
                with self.subTest(tail=tail, body=body):
                    self.post(tail, body, 400)
        self.post(f"{OTHER_ID}/keep/", status=404)
        self.assert_drifted(*self.overrides)

    def test_too_many_are_not_followed_at_once(self):
        self.addCleanup(setattr, drift, "MAX_FOLLOWED", drift.MAX_FOLLOWED)
        drift.MAX_FOLLOWED = 1
        data = self.post("follow/", [str(row.pk) for row in self.overrides], 400)
        self.assertIn("1 are the most", str(data))
        self.assert_drifted(*self.overrides)

    def test_keeping_takes_the_right_to_change_the_job_and_to_see_the_override(self):
        pks = [str(row.pk) for row in self.overrides]
        self.restrict_to()
        self.assertIn("change_registeredjob", self.post(f"{pks[0]}/keep/", status=403)["detail"])
        self.restrict_to(job={"job_class_name": "Job0"})
        self.post(f"{pks[1]}/keep/", status=403)
        self.assertIn("module_1.jobs.Job1", self.post("keep/", pks, 403)["detail"])
        self.assert_drifted(*self.overrides)
        self.post(f"{pks[0]}/keep/")
        self.assert_kept(self.override)
        self.restrict_to(job={}, views=False)
        self.post(f"{pks[1]}/keep/", status=403)
        self.assert_drifted(self.second)

    def test_following_takes_the_right_to_change_the_core_job_too(self):
        pks = [str(row.pk) for row in self.overrides]
        self.restrict_to(job={})
        self.assertIn("extras.change_job", self.post(f"{pks[0]}/follow/", status=403)["detail"])
        self.restrict_to(job={}, core={"job_class_name": "Job0"})
        self.assertIn("module_1.jobs.Job1", self.post("follow/", pks, 403)["detail"])
        self.assert_drifted(*self.overrides)
        self.post("follow/", pks[:1])
        self.assert_followed(self.override)

    def test_what_is_followed_may_not_leave_what_one_may_change(self):
        self.restrict_to(job={}, core={"time_limit__lt": 50})
        self.post(f"{self.override.pk}/follow/", status=403)
        self.restrict_to(job={"time_limit_override": True}, core={})
        self.post(f"{self.override.pk}/follow/", status=403)
        self.assert_drifted(self.override)

    def test_keeping_costs_the_same_statements_for_few_and_for_many(self):
        rows = [
            drifted(JobRevisionFactory(metadata=job_metadata(name=f"Many {n}", time_limit=60.0)).job) for n in range(12)
        ]
        costs = []
        for chosen in (rows[:1], rows[1:3], rows[3:]):
            with counted_statements() as statements:
                self.assertEqual(drift.keep_overrides(chosen, self.user), len(chosen))
            costs.append(len(statements))
        self.assertEqual(costs[1], costs[2])


class PageTestCase(DriftTestCase):
    def press(self, override, action, **data):
        return self.client.post(reverse(f"{UI}_{action}", kwargs={"pk": override.pk}), data, follow=True)

    def page(self, obj):
        return unescape(self.client.get(obj.get_absolute_url()).content.decode())

    def told(self, response):
        """Return the messages of a page; a list shows them with its rows."""
        return " ".join(map(str, response.context["messages"]))

    def press_many(self, action, overrides, query="", **data):
        data = {"pk": [row.pk for row in overrides], **data}
        return self.client.post(reverse(f"{UI}_bulk_{action}") + query, data, follow=True)

    def test_the_pages_offer_to_keep_and_to_follow(self):
        addresses = {
            action: reverse(f"{UI}_{action}", kwargs={"pk": self.override.pk}) for action in ("keep", "follow")
        }
        for obj in (self.override, self.job):
            page = self.page(obj)
            for address in addresses.values():
                self.assertIn(f'action="{address}"', page)
        self.press(self.override, "keep")
        for obj in (self.override, self.job):
            page = self.page(obj)
            self.assertNotIn(addresses["keep"], page)
            self.assertIn(addresses["follow"], page)
        self.restrict_to(job={"job_class_name": "Job1"})
        self.assertNotIn(addresses["follow"], self.page(self.override))

    def test_the_page_of_a_job_says_who_why_and_until_when(self):
        self.job.override_reason = "Slow <b>network</b>"
        self.job.override_expires_at = timezone.now() + timedelta(days=3)
        self.job.save()
        page = self.client.get(self.job.get_absolute_url()).content.decode()
        ends = FieldOverride.objects.get(pk=self.override.pk).expires_at
        self.assertIn("Slow &lt;b&gt;network&lt;/b&gt;", page)
        self.assertIn("Ends ", page)
        self.assertIn(f"{ends:%Y-%m-%d %H:%M}", page)

    def test_who_may_not_see_overrides_is_not_told_why(self):
        self.job.override_reason = "Confidential"
        self.job.save()
        self.restrict_to(job={}, views=False)
        self.assertNotIn("Confidential", self.page(self.job))

    def test_one_is_kept_with_a_button(self):
        response = self.press(self.override, "keep")
        self.assertRedirects(response, self.job.get_absolute_url())
        self.assertIn("1 override kept", response.content.decode())
        self.assert_kept(self.override)

    def test_one_is_followed_once_that_is_confirmed(self):
        response = self.press(self.override, "follow")
        self.assertIn("Clear these overrides?", response.content.decode())
        self.assert_drifted(self.override)
        response = self.press(self.override, "follow", _confirm="true")
        self.assertRedirects(response, self.job.get_absolute_url())
        self.assert_followed(self.override)

    def test_a_look_at_an_address_decides_nothing(self):
        for action in ("keep", "follow"):
            url = reverse(f"{UI}_{action}", kwargs={"pk": self.override.pk})
            self.assertEqual(self.client.get(url, {"_confirm": "1"}).status_code, {"keep": 302, "follow": 200}[action])
            url = reverse(f"{UI}_bulk_{action}")
            self.assertEqual(self.client.get(url, {"_confirm": "1", "pk": self.override.pk}).status_code, 302)
        self.assert_drifted(self.override)

    def test_many_are_kept_or_followed(self):
        self.assertIn("2 overrides kept", self.told(self.press_many("keep", self.overrides)))
        self.assert_kept(*self.overrides)
        confirmation = self.press_many("follow", self.overrides)
        for row in self.overrides:
            self.assertIn(f'name="pk" value="{row.pk}"', confirmation.content.decode())
        response = self.press_many("follow", self.overrides, _confirm="1")
        self.assertIn("2 overrides removed", self.told(response))
        self.assert_followed(*self.overrides)

    def test_all_that_match_the_filter_are_kept(self):
        self.press_many("keep", [], query=f"?job={self.job.pk}", _all="on")
        self.assert_kept(self.override)
        self.assert_drifted(self.second)

    def test_where_none_is_chosen_nothing_is_done(self):
        for action in ("keep", "follow"):
            response = self.client.post(reverse(f"{UI}_bulk_{action}"), {"pk": ["x"]}, follow=True)
            self.assertIn("No overrides were selected", self.told(response))
        self.assert_drifted(*self.overrides)

    def test_a_missing_right_is_told(self):
        self.restrict_to(job={"job_class_name": "Job0"}, core={"job_class_name": "Job1"})
        self.assertIn("change_registeredjob", self.told(self.press_many("keep", self.overrides)))
        response = self.press(self.override, "follow", _confirm="1")
        self.assertIn("extras.change_job", response.content.decode())
        self.assert_drifted(*self.overrides)

    def test_another_site_is_no_way_back(self):
        url = reverse(f"{UI}_keep", kwargs={"pk": self.override.pk})
        response = self.client.post(url, {"return_url": "https://example.com/"})
        self.assertEqual(response.url, self.job.get_absolute_url())

    def test_the_list_offers_ticks_to_those_who_may_change_jobs(self):
        for job, offered in (({}, True), (None, False)):
            self.restrict_to(job=job)
            page = self.client.get(reverse(f"{UI}_list")).content.decode()
            rows = self.client.get(reverse(f"{UI}_list"), headers={"HX-Request": "true"}).content.decode()
            self.assertEqual(reverse(f"{UI}_bulk_keep") in page, offered)
            self.assertEqual(f'value="{self.override.pk}"' in rows, offered)


class FilterTestCase(DriftTestCase):
    def found(self, **query):
        response = self.client.get(ROOT, query, headers=self.headers)
        self.assertEqual(response.status_code, 200, response.content)
        return {row["id"] for row in response.json()["results"]}

    def test_overrides_are_found_by_reason_end_owner_origin_and_drift(self):
        self.job.override_reason, self.job.override_expires_at = "Slow", timezone.now() + timedelta(days=2)
        self.job.save()
        FieldOverride.objects.filter(pk=self.override.pk).update(set_by=self.user)
        drift.keep_overrides([self.override], self.user)
        FieldOverride.objects.filter(pk=self.second.pk).update(origin="core")
        own, other = {str(self.override.pk)}, {str(self.second.pk)}
        for query, expected in (
            ({"ends_within": 3}, own),
            ({"ends_within": 1}, set()),
            ({"has_end": "true"}, own),
            ({"has_end": "false"}, other),
            ({"has_reason": "true"}, own),
            ({"has_reason": "false"}, other),
            ({"reason__ic": "slow"}, own),
            ({"set_by": self.user.username}, own),
            ({"origin": "core"}, other),
            ({"drifted": "true"}, other),
            ({"drifted": "false"}, own),
            ({"job": str(self.job.pk)}, own),
            ({"field": "time_limit"}, own | other),
        ):
            with self.subTest(query=query):
                self.assertEqual(self.found(**query), expected)
        for days in ("-1", "x", "1e999", "36501"):
            self.assertEqual(self.client.get(ROOT, {"ends_within": days}, headers=self.headers).status_code, 400)

    def test_the_list_shows_reason_and_end(self):
        self.job.override_reason, self.job.override_expires_at = "Slow " * 100, timezone.now() + timedelta(days=2)
        self.job.save()
        url = reverse(f"{UI}_list")
        rows = self.client.get(url, {"ends_within": "3"}, headers={"HX-Request": "true"}).content.decode()
        self.assertIn("Slow Slow", rows)
        self.assertNotIn("Slow " * 50, rows)
        self.assertNotIn(str(self.second.pk), rows)
        self.assertIn("ends_within", self.client.get(url).content.decode())


class LostCoreJobTestCase(test_job_forms.FormTestCase):
    """Core's row is deleted while the record is edited: by somebody else, after the record was read."""

    def setUp(self):
        super().setUp()
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}
        self.core_jobs = Job.objects.filter(pk=self.job.core_job_id)

    def lose(self):
        """Delete core's row when the record is about to be saved: from then on it is locked."""
        begin = RegisteredJob.begin_save

        def delete_and_begin(record):
            for job in self.core_jobs.all():
                job.delete()
            begin(record)

        patched = mock.patch.object(RegisteredJob, "begin_save", delete_and_begin)
        patched.start()
        self.addCleanup(patched.stop)

    def assert_saved_alone(self):
        self.job.refresh_from_db()
        self.assertEqual((self.job.overrides, self.job.core_job_id), ({"time_limit": 5.0}, None))
        self.assertFalse(self.core_jobs.exists())
        self.assertEqual(self.job.field_overrides.get().field, "time_limit")

    def test_through_the_form(self):
        self.lose()
        self.assert_saved(self.send(self.job, time_limit="5", time_limit_override="on"))
        self.assert_saved_alone()

    def test_through_rest(self):
        self.lose()
        response = self.client_class().patch(
            f"/api/plugins/job-registry/registered-jobs/{self.job.pk}/",
            {"time_limit": 5, "time_limit_override": True},
            content_type="application/json",
            headers=self.headers,
        )
        self.assertEqual(response.status_code, 200, response.content)
        self.assert_saved_alone()

    def test_a_link_that_is_set_is_saved(self):
        job = builders.job(9)
        core_job = self.core_jobs.get()
        RegisteredJob.objects.filter(pk=self.job.pk).update(core_job=None)
        job = RegisteredJob.objects.get(pk=job.pk)
        job.core_job = core_job
        job.save()
        self.assertEqual(RegisteredJob.objects.get(pk=job.pk).core_job, core_job)
