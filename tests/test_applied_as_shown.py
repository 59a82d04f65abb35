"""A plan that was shown is carried out as it was shown, or not at all: by its digest, in the job and through REST."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from nautobot.apps.testing import APITestCase, TransactionTestCase, run_job_for_testing
from nautobot.extras.jobs import get_job
from nautobot.extras.models import Job, JobLogEntry

from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.engine.errors import PlanMovedError
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import JobLoadError, JobRevision, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import digest, reconcile, shown_plans
from tests.support import grant, refresh_core

MODULE = "shown_jobs"
WRITTEN = (RegisteredJob, JobRevision, JobLoadError, Reconciliation)


def write(name=MODULE, names=("One", "Two"), **values):
    meta = values.pop("meta", {"description": "words"})
    classes = [JobClassSourceFactory(name=one, meta=meta) for one in names]
    return JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=name, classes=classes, **values)


def digest_now():
    return digest.digest_of(digest.parts_of(reconcile("local", dry_run=True).plan))


def rows():
    return [list(model.objects.order_by("pk").values_list("pk", flat=True)) for model in WRITTEN]


@pytest.fixture
def world(db, jobs_root):
    write()
    refresh_core()
    empty_registry()


def test_two_plans_that_would_do_the_same_have_one_digest(world):
    # What is worked out as a module is loaded is another one each time, and so is what an error says of it.
    path = Path(settings.JOBS_ROOT, f"{MODULE}.py")
    found = path.read_text()
    computed = "    when = StringVar(default=str(__import__('time').time()))\n"
    path.write_text("from nautobot.apps.jobs import StringVar\n" + found.replace("(Job):\n", f"(Job):\n{computed}", 1))
    assert computed in path.read_text()
    Path(settings.JOBS_ROOT, "broken_shown.py").write_text("raise ValueError(object())")
    assert digest_now() == digest_now()


def test_digest_tells_other_code_from_the_same_number_of_revision(world):
    reconcile("local")
    write(before="X = 1")
    first = digest_now()
    write(before="X = 2")
    assert digest_now() != first
    write(before="X = 1")
    assert digest_now() == first


def test_the_plan_that_was_shown_is_carried_out(world):
    outcome = reconcile("local", plan_digest=digest_now())
    assert outcome.reconciliation.registered == 2
    assert reconcile("local", plan_digest=digest_now()).plan.is_empty


@pytest.mark.parametrize("is_first", [True, False])
def test_another_plan_than_the_one_that_was_shown_writes_nothing(world, is_first):
    if not is_first:
        reconcile("local")
        write(names=("One", "Two", "Three"))
    shown = digest_now()
    write(names=("One", "Four"))
    before = rows()
    with pytest.raises(PlanMovedError):
        reconcile("local", plan_digest=shown)
    # It is no failure of the registry either.
    assert rows() == before


def test_a_plan_that_has_nothing_left_to_do_has_moved(world):
    shown = digest_now()
    reconcile("local")
    with pytest.raises(PlanMovedError):
        reconcile("local", plan_digest=shown)


class JobTestCase(TransactionTestCase):
    databases = ("default", "job_logs")

    def setUp(self):
        super().setUp()
        self.path = write()
        self.addCleanup(lambda: self.path.unlink(missing_ok=True))
        refresh_core()
        empty_registry()
        cache.clear()

    def run_job(self, **values):
        job = Job.objects.get(job_class_name="ReconcileJobRegistry")
        Job.objects.filter(pk=job.pk).update(enabled=True)
        job.refresh_from_db()
        arguments = job_arguments({"source": "local", "dryrun": False, **values})
        result = run_job_for_testing(job, username=self.user.username, **arguments)
        result.refresh_from_db()
        entries = list(JobLogEntry.objects.filter(job_result=result).values_list("log_level", "message", "log_object"))
        return result, entries

    def shown(self):
        plan = shown_plans.shown(reconcile("local", dry_run=True).plan, "local")
        shown_plans.keep(plan, self.user)
        return plan.digest

    def test_run_of_the_plan_that_was_shown_names_its_reconciliation(self):
        result, entries = self.run_job(plan_digest=self.shown())
        self.assertEqual(result.status, "SUCCESS", entries)
        row = Reconciliation.objects.latest()
        self.assertIn(str(row), [named for _, _, named in entries])

    def test_run_of_a_plan_that_has_moved_is_not_done_and_says_what_has_moved(self):
        shown = self.shown()
        write(names=("One", "Three"))
        before = rows()
        result, entries = self.run_job(plan_digest=shown)
        self.assertEqual(result.status, "FAILURE", entries)
        self.assertEqual(rows(), before)
        [told] = [message for level, message, _ in entries if "has moved" in message]
        for text in (
            f"new in it: {MODULE}.Three",
            f"otherwise now: {MODULE}.One, {MODULE}.Two",
            "Nothing was written.",
            "[the new plan](/plugins/job-registry/reconcile/?source=local)",
        ):
            self.assertIn(text, told)

    def test_without_the_plan_that_was_shown_it_is_only_told_that_it_moved(self):
        shown = self.shown()
        cache.clear()
        self.path.unlink()
        _, entries = self.run_job(plan_digest=shown)
        self.assertTrue(
            [1 for _, message, _ in entries if message.startswith("The plan has moved since it was shown.")]
        )

    def test_what_cannot_be_loaded_is_a_warning(self):
        broken = Path(settings.JOBS_ROOT, "broken_shown.py")
        broken.write_text("raise ValueError('no')")
        self.addCleanup(broken.unlink)
        _, entries = self.run_job()
        [level] = [level for level, message, _ in entries if "broken_shown of JOBS_ROOT cannot be loaded" in message]
        self.assertEqual(level, "warning")

    def test_the_digest_is_out_of_sight_and_not_taken_over_by_a_run_made_again(self):
        job = get_job("nautobot_job_registry.jobs.ReconcileJobRegistry")
        form = job.as_form(initial={"plan_digest": "a" * 64, "source": "local"})
        field = form["plan_digest"]
        self.assertTrue(field.is_hidden)
        self.assertNotIn("a" * 64, str(field))
        self.assertNotIn("plan_digest", [visible.name for visible in form.visible_fields()])


class RestTestCase(APITestCase):
    """`plan_digest` in `reconciliations/`."""

    URL = "/api/plugins/job-registry/reconciliations/"

    def setUp(self):
        super().setUp()
        self.addCleanup(write().unlink)
        refresh_core()
        empty_registry()
        grant(self.user, Reconciliation, ["add"])
        grant(self.user, Job, ["run"])
        Job.objects.filter(job_class_name="ReconcileJobRegistry").update(enabled=True)

    def post(self, body, status):
        response = self.client.post(self.URL, body, format="json", **self.header)
        self.assertEqual(response.status_code, status, response.content)
        return response.json()

    def test_a_dry_run_answers_with_the_digest_of_its_plan(self):
        data = self.post({"source": "local", "dry_run": True}, 200)
        self.assertEqual(data["plan_digest"], digest_now())

    def test_a_digest_goes_with_a_real_run_only_and_is_one(self):
        number = digest_now()
        data = self.post({"source": "local", "dry_run": True, "plan_digest": number}, 400)
        self.assertEqual(list(data), ["plan_digest"])
        for wrong in ("", "abc", 5, ["a"], number.upper()):
            with self.subTest(wrong=wrong):
                self.assertEqual(list(self.post({"source": "local", "plan_digest": wrong}, 400)), ["plan_digest"])
        # It is taken, and no worker is there.
        self.post({"source": "local", "plan_digest": number}, 503)
        self.post({"source": "local", "plan_digest": None}, 503)
