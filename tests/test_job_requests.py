"""Rules 13, 14, 15, 17 and 19 through REST, one record at a time and in bulk."""

import json

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from nautobot.apps.testing import APITestCase
from nautobot.extras.models import Job, JobHook, JobLogEntry, JobQueue, JobResult, ObjectChange, ScheduledJob, Tag

from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.models import RegisteredJob
from tests import builders
from tests.support import grant

ROOT = "/api/plugins/job-registry/registered-jobs/"
METADATA = {"time_limit": 60.0, "job_queues": ["day"], "default_job_queue": "day", "hidden": False}


class RequestTestCase(APITestCase):
    """Three records with a core job and a revision; the third one is not installed."""

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        cls.day, cls.night = (JobQueue.objects.create(name=name, queue_type="celery") for name in ("day", "night"))
        cls.jobs = [cls.make_job(number) for number in range(3)]
        cls.job, cls.other, cls.gone = cls.jobs
        RegisteredJob.objects.filter(pk=cls.gone.pk).update(installed=False, absence="removed")
        cls.gone.refresh_from_db()

    @classmethod
    def make_job(cls, number):
        core_job = Job.objects.create(
            module_name=f"module_{number}.jobs",
            job_class_name=f"Job{number}",
            grouping="G",
            name=f"Core {number}",
            default_job_queue=cls.day,
        )
        job = builders.job(number, core_job=core_job, source_type="git" if number == 0 else "local")
        builders.revision(job, metadata=METADATA)
        return RegisteredJob.objects.get(pk=job.pk)

    def setUp(self):
        super().setUp()
        self.user.is_superuser = True
        self.user.save()

    def url(self, job=None, tail=""):
        return f"{ROOT}{job.pk}/{tail}" if job else ROOT

    def send(self, method, url, body, status):
        response = getattr(self.client, method)(url, body, format="json", **self.header)
        self.assertEqual(response.status_code, status, response.content)
        return response.json() if response.content else None

    def patch(self, job, body, status=200):
        return self.send("patch", self.url(job), body, status)

    def bulk(self, bodies, status=200, method="patch"):
        return self.send(method, self.url(), bodies, status)

    def grant(self, model, *actions, constraints=None):
        self.user.is_superuser = False
        self.user.save()
        grant(self.user, model, actions, constraints)


class OverrideTestCase(RequestTestCase):
    """Rules 13 and 14."""

    def test_an_override_is_kept_shown_and_logged(self):
        data = self.patch(self.job, {"time_limit": 5, "time_limit_override": True})
        self.assertEqual((data["time_limit"], data["overrides"]), (5.0, {"time_limit": 5.0}))
        self.assertEqual(data["source_values"]["time_limit"], 60.0)
        self.job.refresh_from_db()
        self.assertEqual(self.job.time_limit, 5.0)
        change = ObjectChange.objects.get(changed_object_id=self.job.pk)
        self.assertEqual((change.action, change.user), ("update", self.user))

    def test_a_cleared_flag_reverts_the_field_whatever_comes_along(self):
        for value in (7, "no number", None, -1):
            with self.subTest(value=value):
                self.patch(self.job, {"time_limit": 5, "time_limit_override": True})
                data = self.patch(self.job, {"time_limit": value, "time_limit_override": False})
                self.assertEqual((data["time_limit"], data["overrides"]), (60.0, {}))

    def test_queues_are_overridden_and_reverted(self):
        body = {"job_queues": [str(self.night.pk)], "default_job_queue": {"name": "night"}}
        flags = {"job_queues_override": True, "default_job_queue_override": True}
        data = self.patch(self.job, {**body, **flags})
        self.assertEqual(data["overrides"], {"job_queues": ["night"], "default_job_queue": "night"})
        data = self.patch(self.job, {**body, **dict.fromkeys(flags, False)})
        self.job.refresh_from_db()
        self.assertEqual([*self.job.job_queues.all(), self.job.default_job_queue], [self.day, self.day])

    def test_malformed_queues_are_refused(self):
        surrogate = "\ud83d"
        one = ({"id": []}, {"id": None}, {"url": None}, [], [str(self.night.pk)], surrogate, {"name": surrogate})
        many = ([None], [[]], [str(self.night.pk), None], [{"id": []}], [surrogate], [{"name": surrogate}])
        for field, values in (("default_job_queue", one), ("job_queues", many)):
            for value in values:
                with self.subTest(field=field, value=value):
                    body = json.dumps({field: value, f"{field}_override": True})
                    response = self.client.patch(
                        self.url(self.job), body, content_type="application/json", **self.header
                    )
                    self.assertEqual((response.status_code, list(response.json())), (400, [field]))

    def test_malformed_queues_that_come_along_with_a_cleared_flag_are_dropped(self):
        for field, value in (("job_queues", [None]), ("default_job_queue", [])):
            with self.subTest(field=field):
                night = {"id": str(self.night.pk)}
                flag = f"{field}_override"
                self.patch(self.job, {field: [night] if field == "job_queues" else night, flag: True})
                self.assertEqual(self.patch(self.job, {field: value, flag: False})["overrides"], {})

    def test_a_value_without_its_flag_is_refused(self):
        for field, value in (("time_limit", 5), ("name", "Other"), ("job_queues", [str(self.night.pk)])):
            for body in ({field: value}, {field: value, f"{field}_override": False}):
                with self.subTest(body=body):
                    data = self.patch(self.job, body, 400)
                    self.assertIn(f"{field}_override", str(data[field]))
        self.job.refresh_from_db()
        self.assertEqual(self.job.time_limit, 60.0)

    def test_the_stored_value_may_come_without_its_flag(self):
        self.patch(self.job, {"time_limit": 60, "job_queues": [str(self.day.pk)], "enabled": True})

    def test_tags_are_set_and_told(self):
        tag = Tag.objects.create(name="Night")
        tag.content_types.add(ContentType.objects.get_for_model(RegisteredJob))
        for names in (["Night"], []):
            data = self.patch(self.job, {"tags": [{"name": name} for name in names]})
            self.assertEqual([row["id"] for row in data["tags"]], [str(tag.pk)] if names else [])

    def test_what_a_request_leaves_out_stays(self):
        self.patch(self.job, {"time_limit": 5, "time_limit_override": True, "enabled": True})
        data = self.send("put", self.url(self.job), {"hidden_override": True, "hidden": True}, 200)
        self.assertEqual((data["time_limit"], data["hidden"], data["enabled"]), (5.0, True, True))

    def test_what_was_read_can_be_sent_back(self):
        data = self.client.get(self.url(self.job), **self.header).json()
        self.assertEqual(self.send("put", self.url(self.job), data, 200)["overrides"], {})

    def test_what_was_read_with_outer_blanks_can_be_sent_back(self):
        texts = {"name": " Trailing ", "grouping": "Group ", "description": "\n\n text \n"}
        job = builders.job(8, **texts)
        data = self.client.get(self.url(job), **self.header).json()
        self.assertEqual({name: data[name] for name in texts}, texts)
        self.send("put", self.url(job), data, 200)
        data = self.patch(job, {**texts, **{f"{name}_override": True for name in texts}})
        self.assertEqual(data["overrides"], texts)

    def test_a_text_of_blanks_only_is_refused(self):
        for field in ("name", "grouping"):
            for value in ("", " ", "\n\t"):
                with self.subTest(field=field, value=value):
                    data = self.patch(self.job, {field: value, f"{field}_override": True}, 400)
                    self.assertEqual(data, {field: ["This field may not be blank."]})

    def test_without_a_revision_the_value_stays_and_the_answer_says_so(self):
        job = builders.job(9, time_limit=5, time_limit_override=True)
        data = self.patch(job, {"time_limit_override": False})
        self.assertEqual((data["time_limit"], data["time_limit_override"]), (5.0, False))
        self.assertIn("time_limit", data["warnings"][0])

    def test_a_job_that_is_not_installed_reverts_too(self):
        self.patch(self.gone, {"time_limit": 5, "time_limit_override": True})
        self.assertEqual(self.patch(self.gone, {"time_limit_override": False})["time_limit"], 60.0)

    def test_overrides_are_reset_all_or_by_name(self):
        url = self.url(self.job, "reset-overrides/")
        for body, left in (({"fields": ["time_limit"]}, {"hidden": True}), ({}, {})):
            flags = {"time_limit_override": True, "hidden_override": True}
            self.patch(self.job, {"time_limit": 5, "hidden": True, **flags})
            with self.subTest(body=body):
                self.assertEqual(self.send("post", url, body, 200)["overrides"], left)
        for body in ({"fields": ["installed"]}, {"fields": []}, {"field": ["name"]}, [], {"fields": "name"}):
            with self.subTest(body=body):
                self.send("post", url, body, 400)

    def test_bulk_changes_all_or_none(self):
        right = {"id": str(self.job.pk), "time_limit": 5, "time_limit_override": True}
        wrong = {"id": str(self.other.pk), "time_limit": 5}
        errors = self.bulk([right, wrong], 400)
        self.assertEqual([error["id"] for error in errors], [str(self.other.pk)])
        self.assertIn("time_limit_override", str(errors[0]["time_limit"]))
        self.job.refresh_from_db()
        self.assertFalse(self.job.time_limit_override)
        data = self.bulk([{**wrong, "time_limit_override": True}, right])
        self.assertEqual([row["id"] for row in data], [str(self.other.pk), str(self.job.pk)])
        self.assertEqual([row["overrides"] for row in data], [{"time_limit": 5.0}] * 2)
        data = self.bulk([{**right, "time_limit_override": False}], method="put")
        self.assertEqual(data[0]["time_limit"], 60.0)

    def test_bad_bulk_bodies(self):
        pk = str(self.job.pk)
        missing = "00000000-0000-4000-8000-000000000000"
        for body in ({}, [[]], ["x"], [{}], [{"id": "none"}], [{"id": pk}, {"id": pk}], [{"id": missing}]):
            for method in ("patch", "put", "delete"):
                with self.subTest(body=body, method=method):
                    self.bulk(body, 400, method)

    def test_bad_values(self):
        pk = str(self.night.pk)
        for field, value in (
            ("name", "x" * 101),
            ("name", ""),
            ("name", None),
            ("name", "Core 1"),
            ("name", "a\x00b"),
            ("grouping", "x" * 256),
            ("time_limit", -1),
            ("time_limit", "nan"),
            ("time_limit", "inf"),
            ("time_limit", "1e999"),
            ("time_limit", [1]),
            ("hidden", "perhaps"),
            ("job_queues", "night"),
            ("job_queues", [{"name": "nowhere"}]),
            ("default_job_queue", "nowhere"),
            ("default_job_queue", [pk]),
            ("default_job_queue", None),
            ("default_job_queue", ""),
            ("default_job_queue", {"id": None}),
        ):
            with self.subTest(field=field, value=value):
                self.assertIn(field, self.patch(self.job, {field: value, f"{field}_override": True}, 400))

    def test_malformed_tags_and_custom_fields_are_refused(self):
        for body in ({"tags": [None]}, {"custom_fields": "x"}, {"custom_fields": []}):
            with self.subTest(body=body):
                self.patch(self.job, {**body, "enabled": True}, 400)
        self.job.refresh_from_db()
        self.assertFalse(self.job.enabled)

    def test_bodies_that_are_no_object(self):
        for body in ([], [{}], "x", 1):
            with self.subTest(body=body):
                self.patch(self.job, body, 400)

    def test_an_id_that_is_none(self):
        self.send("patch", f"{ROOT}none/", {}, 404)

    def test_no_job_is_made(self):
        data = self.send("post", ROOT, {"name": "x"}, 405)
        self.assertIn("reconcil", data["detail"])


class ReadOnlyTestCase(RequestTestCase):
    """Rule 15."""

    @pytest.mark.slow
    def test_another_value_of_a_read_only_field_is_refused(self):
        for field, value in (
            ("module_name", "x"),
            ("job_class_name", "x"),
            ("source_type", "system"),
            ("source_name", "x"),
            ("git_repository", "x"),
            ("installed", False),
            ("installed", "false"),
            ("installed", 7),
            ("is_job_hook_receiver", True),
            ("is_job_button_receiver", True),
            ("read_only", True),
            ("supports_dryrun", True),
            ("absence", "removed"),
            ("uninstalled_at", "2026-01-01T00:00:00Z"),
            ("core_job", None),
            ("current_revision", {"id": "x"}),
            ("class_path", "x"),
            ("overrides", {"name": "x"}),
            ("source_values", {}),
            ("id", str(self.other.pk)),
            ("created", "2026-01-01T00:00:00Z"),
            ("unknown", 1),
        ):
            for body in ({field: value}, {field: value, "time_limit": 5, "time_limit_override": True}):
                with self.subTest(body=body):
                    self.assertEqual(list(self.patch(self.job, body, 400)), [field])
                    if field != "id":
                        errors = self.bulk([{"id": str(self.job.pk), **body}], 400)
                        self.assertEqual(set(errors[0]), {"id", field})

    def test_the_stored_value_of_a_read_only_field_is_taken(self):
        data = self.client.get(f"{self.url(self.job)}?depth=1", **self.header).json()
        read_only = ("module_name", "installed", "core_job", "current_revision", "created", "source_values", "tags")
        self.patch(self.job, {name: data[name] for name in read_only})
        self.patch(self.job, {"installed": "true", "core_job": str(self.job.core_job_id)})


class RightsTestCase(RequestTestCase):
    """Rule 17."""

    def test_a_decision_needs_the_right_to_change_the_core_job(self):
        self.grant(RegisteredJob, "view", "change")
        decision = {"time_limit": 5, "time_limit_override": True}
        for body in (decision, {"enabled": True}):
            data = self.patch(self.job, body, 403)
            self.assertIn("extras.change_job", data["detail"])
            self.bulk([{"id": str(self.job.pk), **body}], 403)
        self.patch(self.job, {"enabled": False, "time_limit": 60, "tags": []})
        self.grant(Job, "change", constraints={"job_class_name": "Job0"})
        self.patch(self.job, decision)
        self.patch(self.other, decision, 403)
        bodies = [{"id": str(job.pk), **decision, "time_limit": 6} for job in (self.job, self.other)]
        self.bulk(bodies, 403)
        self.job.refresh_from_db()
        self.assertEqual(self.job.time_limit, 5)

    def test_a_reset_needs_the_right_to_change(self):
        self.patch(self.job, {"time_limit": 5, "time_limit_override": True})
        url = self.url(self.job, "reset-overrides/")
        self.grant(RegisteredJob, "view", "add")
        self.send("post", url, {}, 403)
        self.grant(RegisteredJob, "change", constraints={"source_type": "local"})
        self.send("post", url, {}, 404)
        self.grant(RegisteredJob, "change")
        self.send("post", url, {}, 403)
        self.grant(Job, "change")
        self.send("post", url, {}, 200)

    def test_a_change_may_not_leave_what_one_may_change(self):
        self.grant(RegisteredJob, "view", "change", constraints={"enabled": False})
        self.grant(Job, "change")
        self.patch(self.job, {"enabled": True}, 403)
        self.bulk([{"id": str(self.job.pk), "enabled": True}], 403)
        self.job.refresh_from_db()
        self.assertFalse(self.job.enabled)

    def test_a_deletion_needs_the_right_to_delete_the_core_job(self):
        self.grant(RegisteredJob, "view", "delete")
        self.assertIn("extras.delete_job", self.send("delete", self.url(self.gone), None, 403)["detail"])
        self.bulk([{"id": str(self.gone.pk)}], 403, "delete")
        self.grant(Job, "delete")
        self.send("delete", self.url(self.gone), None, 204)


class DeletionTestCase(RequestTestCase):
    """Rule 19 and M9."""

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        core_job = cls.gone.core_job
        cls.runs = [JobResult.objects.create(name="run", job_model=core_job) for _ in range(3)]
        JobLogEntry.objects.create(job_result=cls.runs[0], message="kept")
        cls.schedule = ScheduledJob(
            name="Nightly", task="x", job_model=core_job, interval="daily", start_time="2026-01-01T00:00Z"
        )
        cls.schedule.save()
        cls.hook = JobHook.objects.create(name="Hook", job=core_job)

    def test_an_installed_job_is_not_deleted(self):
        bodies = [{"id": str(job.pk)} for job in (self.gone, self.job)]
        for answer in (self.send("delete", self.url(self.job), None, 409), self.bulk(bodies, 409, "delete")):
            self.assertIn(self.job.class_path, answer["detail"])
        self.assertEqual(RegisteredJob.objects.count(), 3)

    def test_the_impact_is_told_beforehand(self):
        data = self.send("get", self.url(self.gone, "deletion-impact/"), None, 200)
        self.assertEqual((data["can_be_deleted"], data["runs"]), (True, 3))
        self.assertEqual(data["schedules"], {"count": 1, "objects": [{"id": str(self.schedule.pk), "name": "Nightly"}]})
        self.assertEqual(data["job_hooks"]["objects"], [{"id": str(self.hook.pk), "name": "Hook"}])
        self.assertEqual(data["job_buttons"], {"count": 0, "objects": []})
        data = self.send("get", self.url(self.job, "deletion-impact/"), None, 200)
        self.assertFalse(data["can_be_deleted"])
        self.assertIn(self.job.class_path, data["refusal"])
        self.grant(RegisteredJob, "view")
        data = self.send("get", self.url(self.gone, "deletion-impact/"), None, 200)
        self.assertEqual(data["schedules"], {"count": 1, "objects": []})

    def test_a_deletion_unlinks_and_loses_no_run_or_schedule(self):
        core_job = self.gone.core_job_id
        self.bulk([{"id": str(self.gone.pk)}], 204, "delete")
        self.assertFalse(RegisteredJob.objects.filter(pk=self.gone.pk).exists())
        self.assertFalse(Job.objects.filter(pk=core_job).exists())
        self.assertFalse(JobHook.objects.exists())
        for row in (*self.runs, self.schedule):
            row.refresh_from_db()
            self.assertIsNone(row.job_model)
        self.assertEqual(JobLogEntry.objects.get(job_result=self.runs[0]).message, "kept")


class StatementTestCase(RequestTestCase):
    """Section 7 of the design."""

    def cost(self):
        self.patch(self.other, {"time_limit": 5, "time_limit_override": True})
        with CaptureQueriesContext(connection) as captured:
            self.patch(self.job, {"time_limit": 5, "time_limit_override": True})
        return [query["sql"][:150] for query in captured]

    def test_a_patch_of_one_override_costs_at_most_35_statements_with_the_core_job(self):
        statements = self.cost()
        self.assertLessEqual(len(statements), 35, "\n".join(statements))

    def test_a_patch_of_one_override_costs_at_most_25_statements_without_one(self):
        RegisteredJob.objects.update(core_job=None)
        statements = self.cost()
        self.assertLessEqual(len(statements), 25, "\n".join(statements))
