"""What was suspended, restored by hand: pages, REST, rights (rule 18)."""

from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from nautobot.apps.testing import TestCase
from nautobot.extras.models import Job, JobButton, JobHook, JobQueue, ObjectChange, ScheduledJob
from nautobot.users.models import ObjectPermission, Token

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.lifecycle.suspensions import restoring
from tests import builders
from tests.support import grant

UI = "plugins:nautobot_job_registry:suspension"
API = "plugins-api:nautobot_job_registry-api:suspension"
PANEL = "<strong>SUSPENDED WITH ITS JOB</strong>"
SCHEDULE_OFF = {"enabled": False, "state": "completed"}


class RestoringTestCase(TestCase):
    """A job of each kind that is back, with a dependent that is still off."""

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        queue = JobQueue.objects.create(name="restoring", queue_type="celery")
        cls.jobs, cls.rows = {}, {}
        for number, (kind, flags) in enumerate(
            {
                "schedule": {},
                "hook": {"is_job_hook_receiver": True},
                "button": {"is_job_button_receiver": True},
            }.items()
        ):
            key = {"module_name": "restored", "job_class_name": f"Job{number}", "name": f"Restored {kind}"}
            core = Job(**key, **flags, grouping="G", default_job_queue=queue, installed=True, enabled=True)
            Job.objects.bulk_create([core])
            cls.jobs[kind] = builders.job(number, **key, **flags, core_job=core)
        cls.schedule = ScheduledJob.objects.create(
            name="Nightly",
            task="restored.Job0",
            job_model=cls.jobs["schedule"].core_job,
            interval="daily",
            start_time=builders.moment(1),
            **SCHEDULE_OFF,
        )
        cls.hook = JobHook.objects.create(
            name="On change", job=cls.jobs["hook"].core_job, type_create=True, enabled=False
        )
        cls.button = JobButton.objects.create(
            name="Push it", text="Push", job=cls.jobs["button"].core_job, enabled=False
        )
        for number, (kind, item) in enumerate(cls.dependents().items()):
            cls.rows[kind] = builders.suspension(
                number + 1,
                job=cls.jobs[kind],
                object_type=ContentType.objects.get_for_model(item),
                object_id=item.pk,
                object_name=item.name,
                suspended_state=SCHEDULE_OFF if kind == "schedule" else {"enabled": False},
            )

    @classmethod
    def dependents(cls):
        return {"schedule": cls.schedule, "hook": cls.hook, "button": cls.button}

    def setUp(self):
        super().setUp()
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}

    def grant(self, rights):
        """Give the user rights: a dictionary of models, and the actions and constraints on each."""
        ObjectPermission.objects.all().delete()
        for model, (actions, constraints) in rights.items():
            grant(self.user, model, actions, constraints)

    def grant_all(self, **constraints):
        rights = {models.Suspension: (("view",), None), models.RegisteredJob: (("view", "change"), None)}
        rights |= dict.fromkeys((ScheduledJob, JobHook, JobButton), (("view", "change"), None))
        self.grant(rights | constraints)
        return rights

    def rest(self, row):
        url = reverse(f"{API}-restore", kwargs={"pk": row.pk})
        return self.client.post(url, headers=self.headers)

    def rest_many(self, rows):
        url, data = reverse(f"{API}-bulk-restore"), [{"id": str(row.pk)} for row in rows]
        return self.client.post(url, data, content_type="application/json", headers=self.headers)

    def enabled(self):
        for item in self.dependents().values():
            item.refresh_from_db()
        return {kind: item.enabled for kind, item in self.dependents().items()}

    def outcomes(self):
        return {kind: models.Suspension.objects.get(pk=row.pk).outcome for kind, row in self.rows.items()}

    def test_rest_restores_one_and_says_who_did(self):
        self.grant_all()
        for kind, row in self.rows.items():
            with self.subTest(kind=kind):
                response = self.rest(row)
                self.assertEqual(response.status_code, 200, response.content)
                self.assertEqual(response.json()["outcome"], "restored")
                row.refresh_from_db()
                self.assertEqual((row.outcome, row.restored_by), ("restored", self.user))
                self.assertIsNotNone(row.restored_at)
        self.assertEqual(self.enabled(), dict.fromkeys(self.rows, True))
        self.assertEqual(self.schedule.state, "active")
        self.assertIsNotNone(self.schedule.last_run_at)
        entry = ObjectChange.objects.filter(changed_object_id=self.hook.pk).first()
        self.assertEqual((entry.user, entry.object_data["enabled"]), (self.user, True))

    def test_rest_restores_many_or_none(self):
        self.grant_all()
        self.hook.delete()
        response = self.rest_many(self.rows.values())
        self.assertEqual(response.status_code, 409)
        self.assertIn("On change", response.json()["detail"])
        self.schedule.refresh_from_db()
        self.assertFalse(self.schedule.enabled)
        response = self.rest_many([self.rows["schedule"], self.rows["button"]])
        self.assertEqual(response.status_code, 200, response.content)
        self.assertEqual(self.outcomes(), {"schedule": "restored", "hook": "gone", "button": "restored"})

    def test_page_restores_all_that_match_its_filter(self):
        self.grant_all()
        url = reverse(f"{UI}_bulk_restore")
        hook, button = (str(self.rows[kind].pk) for kind in ("hook", "button"))
        self.client.force_login(self.user)
        self.client.post(f"{url}?id={hook}", {"_all": "on", "pk": [button]})
        self.assertEqual(self.outcomes(), {"schedule": "suspended", "hook": "restored", "button": "suspended"})
        self.client.post(f"{url}?outcome=suspended", {"_all": "on", "pk": [button]})
        self.assertEqual(self.enabled(), dict.fromkeys(self.rows, True))

    def test_rest_refuses_what_makes_no_sense(self):
        self.grant_all()
        url = reverse(f"{API}-bulk-restore")
        for data in ({"id": str(self.rows["hook"].pk)}, [], ["x"], [{"id": "x"}], [{}], [{"id": str(self.hook.pk)}]):
            with self.subTest(data=data):
                response = self.client.post(url, data, content_type="application/json", headers=self.headers)
                self.assertEqual(response.status_code, 400, response.content)
        self.assertEqual(self.enabled(), dict.fromkeys(self.rows, False))

    def test_page_restores_one_and_the_list_many(self):
        self.grant_all()
        page = self.client.get(self.rows["hook"].get_absolute_url()).content.decode()
        restore = reverse(f"{UI}_restore", kwargs={"pk": self.rows["hook"].pk})
        self.assertIn(restore, page)
        response = self.client.post(restore, follow=True)
        self.assertContains(response, "Switched on again: On change.")
        self.assertNotContains(self.client.get(self.rows["hook"].get_absolute_url()), restore)
        listed = self.client.get(reverse(f"{UI}_list")).content.decode()
        many = reverse(f"{UI}_bulk_restore")
        self.assertIn(many, listed)
        chosen = {"pk": [str(self.rows[kind].pk) for kind in ("schedule", "button")]}
        self.client.post(many, chosen, follow=True)
        self.assertEqual(self.enabled(), dict.fromkeys(self.rows, True))

    def test_list_without_a_choice_restores_nothing_and_says_so(self):
        self.grant_all()
        self.client.post(reverse(f"{UI}_bulk_restore"), {"pk": ["x"]})
        response = self.client.get(reverse(f"{UI}_list"), headers={"HX-Request": "true"})
        self.assertContains(response, "No suspension was selected")
        self.assertEqual(self.enabled(), dict.fromkeys(self.rows, False))

    def test_restoring_takes_the_right_on_the_dependent_and_on_its_job(self):
        every = self.grant_all()
        restore, many = reverse(f"{UI}_restore", kwargs={"pk": self.rows["hook"].pk}), reverse(f"{UI}_bulk_restore")
        for model, constraints, missing in (
            (JobHook, None, "extras.change_jobhook on On change"),
            (JobHook, {"name": "Another"}, "extras.change_jobhook on On change"),
            (models.RegisteredJob, None, "nautobot_job_registry.change_registeredjob on restored.Job1"),
            (models.RegisteredJob, {"name": "Another"}, "nautobot_job_registry.change_registeredjob on restored.Job1"),
        ):
            with self.subTest(model=model, constraints=constraints):
                actions = ("view", "change") if constraints else ("view",)
                self.grant({**every, model: (actions, constraints)})
                for response in (self.rest(self.rows["hook"]), self.rest_many([self.rows["hook"]])):
                    self.assertEqual(response.status_code, 403)
                    self.assertIn(missing, response.json()["detail"])
                self.assertEqual(self.client.post(restore).status_code, 403)
                self.assertEqual(self.client.post(many, {"pk": [str(self.rows["hook"].pk)]}).status_code, 403)
                if constraints is None:
                    self.assertNotContains(self.client.get(self.rows["hook"].get_absolute_url()), restore)
        self.assertEqual(self.enabled(), dict.fromkeys(self.rows, False))

    def test_restoring_takes_the_right_to_view_the_suspension(self):
        every = self.grant_all()
        self.grant({**every, models.Suspension: (("view",), {"object_name": "Nightly"})})
        self.assertEqual(self.rest(self.rows["hook"]).status_code, 404)
        self.assertEqual(self.rest_many([self.rows["hook"]]).status_code, 400)
        self.assertEqual(self.rest(self.rows["schedule"]).status_code, 200)
        del every[models.Suspension]
        self.grant(every)
        self.assertEqual(self.rest(self.rows["hook"]).status_code, 403)
        self.assertEqual(self.enabled(), {"schedule": True, "hook": False, "button": False})

    def test_nothing_is_restored_for_a_job_that_is_not_there(self):
        self.grant_all()
        for core, ours in (({"installed": True}, {"installed": False}), ({"installed": False}, {"installed": True})):
            with self.subTest(core=core, ours=ours):
                Job.objects.filter(module_name="restored").update(**core)
                models.RegisteredJob.objects.filter(module_name="restored").update(absence="removed", **ours)
                response = self.rest(self.rows["schedule"])
                self.assertEqual(response.status_code, 409)
                self.assertTrue(response.json()["detail"].startswith("Nightly: The "))
                page = self.client.post(reverse(f"{UI}_restore", kwargs={"pk": self.rows["hook"].pk}), follow=True)
                self.assertContains(page, "Nothing was restored. On change:")
        self.assertEqual(self.enabled(), dict.fromkeys(self.rows, False))

    def test_suspension_whose_record_was_deleted_is_restored_by_its_class_path(self):
        self.grant_all()
        models.Suspension.objects.update(job=None)
        [prospect] = restoring.prospects([self.fresh("schedule")])
        self.assertIn("nothing comes back by itself", prospect.explanation)
        self.assertEqual(self.rest(self.rows["schedule"]).status_code, 200)
        self.assertTrue(self.enabled()["schedule"])

    def test_suspension_without_any_job_is_explained(self):
        self.grant_all()
        models.Suspension.objects.update(job=None, class_path="nobody.Knows")
        response = self.rest(self.rows["schedule"])
        self.assertEqual(response.status_code, 409)
        self.assertIn("The registry has no record of this job", response.json()["detail"])

    def test_schedule_that_lost_its_job_is_not_restored(self):
        self.grant_all()
        ScheduledJob.objects.filter(pk=self.schedule.pk).update(job_model=None)
        response = self.rest(self.rows["schedule"])
        self.assertEqual(response.status_code, 409)
        self.assertIn("points at no job any more", response.json()["detail"])

    def test_what_was_left_as_a_person_changed_it_can_be_restored_by_hand(self):
        self.grant_all()
        models.Suspension.objects.update(outcome="changed")
        self.assertEqual(self.rest(self.rows["schedule"]).status_code, 200)

    def test_what_has_ended_or_is_on_is_refused(self):
        self.grant_all()
        self.assertEqual(self.rest(self.rows["schedule"]).status_code, 200)
        response = self.rest(self.rows["schedule"])
        self.assertEqual(response.status_code, 409)
        self.assertIn("This suspension has ended: restored", response.json()["detail"])
        JobHook.objects.filter(pk=self.hook.pk).update(enabled=True)
        response = self.rest(self.rows["hook"])
        self.assertEqual(
            (response.status_code, response.json()["detail"]), (409, "On change: It is switched on already.")
        )

    def fresh(self, kind):
        return models.Suspension.objects.get(pk=self.rows[kind].pk)

    def test_pages_say_what_was_suspended_why_and_what_is_next(self):
        self.grant_all()
        page = self.client.get(self.rows["hook"].get_absolute_url())
        for text in ("On change", "restored.Job1", "Removed", "Job Registry", restoring.COMES_BACK):
            self.assertContains(page, text)
        for kind, item in self.dependents().items():
            with self.subTest(kind=kind):
                page = self.client.get(item.get_absolute_url())
                self.assertContains(page, PANEL)
                self.assertContains(page, self.rows[kind].get_absolute_url())
                self.assertContains(page, restoring.COMES_BACK)
        self.assertContains(self.client.get(self.jobs["hook"].get_absolute_url()), self.rows["hook"].get_absolute_url())

    def test_page_of_a_dependent_tells_nothing_to_those_who_may_not_view_suspensions(self):
        every = self.grant_all()
        del every[models.Suspension]
        self.grant(every)
        self.assertNotContains(self.client.get(self.hook.get_absolute_url()), PANEL)

    def test_names_are_escaped(self):
        self.grant_all()
        JobHook.objects.filter(pk=self.hook.pk).update(name=builders.MARKUP)
        models.Suspension.objects.update(object_name=builders.MARKUP, class_path=builders.MARKUP)
        self.jobs["hook"].name, self.jobs["hook"].name_override = builders.MARKUP, True
        self.jobs["hook"].save()
        for url in (
            self.rows["hook"].get_absolute_url(),
            self.hook.get_absolute_url(),
            self.jobs["hook"].get_absolute_url(),
            reverse(f"{UI}_list"),
        ):
            page = self.client.get(url, headers={"HX-Request": "true"} if url.endswith("suspensions/") else {})
            self.assertNotContains(page, builders.MARKUP)
            self.assertContains(page, "&lt;script&gt;")

    def test_what_a_person_sees_first_are_the_open_ones(self):
        from nautobot_job_registry.navigation import menu_items

        [item] = [item for item in menu_items[0].groups[0].items if item.name == "Suspensions"]
        self.assertEqual(item.query_params, {"outcome": "suspended"})
