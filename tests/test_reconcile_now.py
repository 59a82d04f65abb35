"""A reconcile that a person asks for, on a page and through REST: what it shows, what it does, to whom."""

import re
from html import unescape
from pathlib import Path
from time import perf_counter

import pytest
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape, strip_tags
from nautobot.apps.testing import APITestCase, TestCase, TransactionTestCase
from nautobot.core.celery import app as celery_app
from nautobot.extras.models import ApprovalWorkflowDefinition, Job, JobResult, ScheduledJob
from nautobot.users.models import ObjectPermission

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import JobLoadError, JobRevision, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests import builders
from tests.support import grant, refresh_core

PAGE = "/plugins/job-registry/reconcile/"
API = "/api/plugins/job-registry/reconciliations/"
JOBS = Job.objects.filter(module_name="nautobot_job_registry.jobs", job_class_name="ReconcileJobRegistry")
CONFIRM = '<form method="post"'
NO_WORKER = "no worker listens to the queue"
WRITTEN = (RegisteredJob, JobRevision, JobLoadError, Reconciliation, JobResult, ScheduledJob)


class GivenJobs:
    """A JOBS_ROOT with one job, an empty registry, and a job that may be run."""

    module = "backup_of_reconcile_now"

    def setUp(self):
        super().setUp()
        classes = [JobClassSourceFactory(name="Backup", meta={"description": "words"})]
        self.path = JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)
        self.addCleanup(self.path.unlink)
        refresh_core()
        empty_registry()
        JOBS.update(enabled=True)
        cache.clear()

    def grant(self, model, actions, constraints=None):
        grant(self.user, model, actions, constraints)

    def grant_both(self):
        self.grant(Reconciliation, ["add"])
        self.grant(Job, ["run"], {"job_class_name": "ReconcileJobRegistry"})

    def need_an_approval(self):
        ApprovalWorkflowDefinition.objects.create(
            name="All runs", model_content_type=ContentType.objects.get_for_model(ScheduledJob), weight=1
        )

    def written(self):
        return [model.objects.count() for model in WRITTEN]


class PageTestCase(GivenJobs, TestCase):
    """The page with the plan and the button that carries it out."""

    def page(self, source=None):
        response = self.client.get(PAGE, {"source": source} if source else {})
        self.assertEqual(response.status_code, 200)
        return response.content.decode()

    def post(self, source="local"):
        response = self.client.post(PAGE, {"source": source}, follow=True)
        return response.status_code, response.content.decode()

    def test_page_needs_the_right_to_add_a_reconciliation(self):
        self.assertEqual(self.client.get(PAGE).status_code, 403)
        self.assertEqual(self.client.post(PAGE, {"source": "local"}).status_code, 403)
        self.grant(Job, ["run"])
        self.assertEqual(self.client.get(PAGE).status_code, 403)
        self.grant(Reconciliation, ["add"])
        self.page()
        self.client.logout()
        self.assertEqual(self.client.get(PAGE).status_code, 302)

    def test_plan_is_shown_and_nothing_is_written(self):
        self.grant_both()
        before = self.written()
        content = self.page()
        self.assertIn(f"{self.module}.Backup", content)
        self.assertIn("ReconcileJobRegistry", content)
        self.assertIn("Plan computed on this web server at", content)
        self.assertRegex(content, r"\+\d+ new</a>")
        self.assertIn(CONFIRM, content)
        self.assertEqual(self.written(), before)

    def test_plan_of_one_source_has_only_its_jobs(self):
        self.grant_both()
        content = self.page("local")
        self.assertIn(f"{self.module}.Backup", content)
        self.assertNotIn("ReconcileJobRegistry<", content)
        self.assertIn('<option value="local" selected>', content)
        for source in ("all", "system", "app:nautobot_job_registry"):
            self.assertIn(f'<option value="{source}">', content)

    def test_plan_with_nothing_to_do_has_no_button(self):
        self.grant_both()
        reconcile("local")
        content = self.page("local")
        self.assertIn("Nothing to do.", content)
        self.assertNotIn(CONFIRM, content)

    def test_unknown_source_is_told_with_the_known_ones(self):
        self.grant_both()
        content = self.page(builders.MARKUP)
        self.assertIn("Known sources: system", content)
        self.assertNotIn(builders.MARKUP, content)
        self.assertNotIn(CONFIRM, content)
        status, content = self.post("git:nowhere")
        self.assertEqual(status, 200)
        self.assertIn("Known sources: system", content)

    def test_plan_that_fails_is_told(self):
        self.grant_both()
        with connection.execute_wrapper(fail_on("nautobot_job_registry_jobloaderror")):
            content = self.page("local")
        self.assertIn("The plan failed. RuntimeError: &lt;b&gt;out of order", content)
        self.assertNotIn(CONFIRM, content)

    def test_markup_from_sources_is_escaped(self):
        self.grant_both()
        reconcile("local")
        classes = [JobClassSourceFactory(name="Backup", meta={"name": builders.MARKUP, "description": builders.MARKUP})]
        JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)
        content = self.page("local")
        self.assertIn(escape(builders.MARKUP), content)
        self.assertNotIn(builders.MARKUP, content)

    def test_all_of_a_large_plan_can_be_reached_without_planning_again(self):
        self.grant_both()
        classes = [JobClassSourceFactory(name=f"Backup{number}") for number in range(1010)]
        JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)
        started = perf_counter()
        content = self.page("local")
        self.assertLess(perf_counter() - started, 10)
        self.assertLess(len(content), 1_000_000)
        self.assertIn("+1011 new", content)
        self.assertNotIn("Backup7<", content)
        # The plan is not made anew for the rest of the page: the file is gone by now.
        self.path.write_text("")
        shown = []
        while link := re.search(r'href="([^"]+group=registered[^"]+)"', content):
            content = self.client.get(unescape(link[1])).content.decode()
            shown += re.findall(r"<span>(?:\w+\.)?(Backup\d*)</span>", content)
        # Nautobot still has the job that was in the file before.
        self.assertEqual(sorted(shown), sorted(["Backup", *(f"Backup{number}" for number in range(1010))]))

    def text(self, content):
        return " ".join(strip_tags(content).split())

    def test_bar_counts_what_the_plan_does_and_leaves_out_what_it_does_not(self):
        self.grant_both()
        reconcile("local")
        JobModuleFactory(
            folder=Path(settings.JOBS_ROOT), name=self.module, classes=[JobClassSourceFactory(name="Restore")]
        )
        content = self.page("local")
        bar = self.text(content.split("data-registry-bar>")[1].split("<form")[0])
        self.assertEqual(bar, "+1 new −1 gone")
        for group in ("registered", "uninstalled"):
            self.assertIn(f'href="#changes-{group}"', content)
            self.assertIn(f'id="changes-{group}"', content)
        self.assertEqual(content.count(CONFIRM), 1)

    def test_a_file_that_cannot_be_loaded_is_one_entry_with_all_its_jobs(self):
        self.grant_both()
        self.grant(RegisteredJob, ["view"])
        classes = [JobClassSourceFactory(name=f"Backup{number}") for number in range(20)]
        JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)
        reconcile("local")
        self.path.write_text("import json\n\n\ndef broken(:\n")
        content = self.page("local")
        told = f"{self.module}.py line 4: SyntaxError: invalid syntax"
        self.assertEqual(self.text(content).count(told), 1)
        self.assertIn("20 jobs cannot be loaded", self.text(content))
        self.assertNotIn('data-registry-group="uninstalled"', content)
        job = RegisteredJob.objects.get(job_class_name="Backup7")
        self.assertIn(f'<a href="{job.get_absolute_url()}">{job.class_path}</a>', content)
        for raw in ("load_error<", "uninstall<", "Absence"):
            self.assertNotIn(raw, content)

    def test_what_a_source_changes_under_an_override_is_told_as_drift(self):
        self.grant_both()
        reconcile("local")
        job = RegisteredJob.objects.get(job_class_name="Backup")
        job.description, job.description_override = "chosen", True
        job.save()
        classes = [JobClassSourceFactory(name="Backup", meta={"description": "other words"})]
        JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)
        content = self.text(self.page("local"))
        self.assertIn("Description (overridden): source words → other words, stays chosen: drifts.", content)
        self.assertIn("~1 drifts", content)

    def change_the_code(self):
        reconcile("local")
        classes = [JobClassSourceFactory(name="Backup", meta={"description": "other words"})]
        JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)

    def test_diff_of_the_code_is_for_those_who_may_view_sources(self):
        self.grant_both()
        self.change_the_code()
        content = self.page("local")
        self.assertIn("To see it takes the permission", content)
        self.assertNotIn("Show diff", content)
        plan = re.search(r"reconcile/plans/[0-9a-f]{64}/|$", content)[0]
        digest = re.search(r'name="plan_digest" value="([0-9a-f]{64})"', content)[1]
        url = reverse("plugins:nautobot_job_registry:reconcile_now_part", kwargs={"digest": digest})
        asked = {"job": f"{self.module}.Backup"}
        self.assertEqual(plan, "")
        self.assertEqual(self.client.get(url, asked).status_code, 404)
        self.grant(JobRevision, ["view_source"])
        content = self.page("local")
        self.assertIn("Show diff", content)
        code = self.text(self.client.get(url, asked).content.decode())
        self.assertIn("description = &#x27;other words&#x27;", code)
        self.assertIn("description = &#x27;words&#x27;", code)
        self.assertIn("+1 −1 lines", code)
        self.assertIn("What the class says differently: Description.", code)
        # The right is asked for again, and the plan is that person's own.
        ObjectPermission.objects.filter(actions__contains=["view_source"]).delete()
        self.assertEqual(self.client.get(url, asked).status_code, 404)
        self.user.is_superuser = True
        self.user.save()
        self.assertEqual(self.client.get(url, asked).status_code, 200)
        cache.clear()
        self.assertIn("not kept any more", self.client.get(url, asked).content.decode())

    def test_sources_are_called_by_their_names(self):
        self.grant_both()
        builders.repository("Network jobs", "network_jobs").__class__.objects.update(
            provided_contents=["nautobot_job_registry.registeredjob", "extras.job"]
        )
        content = self.page("local")
        for label, name in (
            ("all", "All sources"),
            ("system", "Nautobot"),
            ("app:nautobot_job_registry", "Job Registry (app)"),
            ("git:network_jobs", "Network jobs (Git repository)"),
        ):
            self.assertIn(f'<option value="{label}">{name}</option>', content)

    def test_who_may_change_the_job_enables_it_with_the_reconcile(self):
        self.grant_both()
        self.grant(Job, ["view", "change"], {"job_class_name": "ReconcileJobRegistry"})
        reconcile("system")
        JOBS.update(enabled=False)
        content = self.page("local")
        self.assertIn("Enable it and reconcile", content)
        self.assertIn(f'<a href="{JOBS.get().get_absolute_url()}">', content)
        response = self.client.post(PAGE, {"source": "local", "enable": "true"}, follow=True)
        self.assertIn(NO_WORKER, response.content.decode())
        # Nothing was done, and the job is not left enabled.
        self.assertFalse(JOBS.get().enabled)
        ObjectPermission.objects.filter(actions__contains=["change"]).delete()
        response = self.client.post(PAGE, {"source": "local", "enable": "true"}, follow=True)
        self.assertEqual(response.status_code, 403)
        self.assertFalse(JOBS.get().enabled)

    def test_who_may_not_change_the_job_gets_its_name_as_a_link(self):
        self.grant_both()
        JOBS.update(enabled=False)
        self.assertNotIn(f'href="{JOBS.get().get_absolute_url()}"', self.page("local"))
        self.grant(Job, ["view"])
        content = self.page("local")
        self.assertIn(f'<a href="{JOBS.get().get_absolute_url()}">Reconcile Job Registry</a>', content)
        self.assertNotIn("Enable it and reconcile", content)

    def test_beginning_a_reconcile_loads_no_job_code(self):
        self.grant_both()
        mark = self.path.with_suffix(".loaded")
        self.addCleanup(mark.unlink, missing_ok=True)
        self.path.write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n{self.path.read_text()}")
        content = self.page("local")
        self.assertTrue(mark.exists())
        mark.unlink()
        digest = re.search(r'name="plan_digest" value="([0-9a-f]{64})"', content)[1]
        self.client.post(PAGE, {"source": "local", "plan_digest": digest})
        self.assertFalse(mark.exists())

    def test_a_run_needs_the_right_to_run_that_job(self):
        self.grant(Reconciliation, ["add"])
        self.grant(Job, ["run"], {"job_class_name": "Else"})
        content = self.page("local")
        self.assertIn("You have not the right to run the job", content)
        self.assertNotIn(CONFIRM, content)
        before = self.written()
        self.assertEqual(self.post()[0], 403)
        self.assertEqual(self.written(), before)

    def test_constraint_on_the_scope_holds(self):
        self.grant(Reconciliation, ["add"], {"scope": "local"})
        self.grant(Job, ["run"])
        self.assertIn("not the right to add a reconciliation of all", self.page())
        self.assertIn(CONFIRM, self.page("local"))
        self.assertEqual(self.post("all")[0], 403)
        self.assertIn(NO_WORKER, self.post("local")[1])

    def test_job_that_is_not_enabled_is_told_how_to_enable(self):
        self.grant_both()
        JOBS.update(enabled=False)
        words = "Jobs → Jobs → Reconcile Job Registry → Edit → Enabled"
        content = self.page("local")
        self.assertIn(words, content)
        self.assertNotIn(CONFIRM, content)
        self.assertIn(words, self.post()[1])
        JOBS.update(installed=False)
        self.assertIn("post_upgrade", self.post()[1])

    def test_run_that_needs_an_approval_is_not_begun(self):
        self.grant_both()
        self.need_an_approval()
        before = self.written()
        content = self.post()[1]
        self.assertIn("needs an approval", content)
        self.assertIn(f'href="{reverse("extras:job_run", kwargs={"pk": JOBS.get().pk})}"', content)
        self.assertEqual(self.written(), before)

    def test_without_a_worker_nothing_is_done(self):
        self.grant_both()
        before = self.written()
        status, content = self.post()
        self.assertEqual(status, 200)
        self.assertIn(NO_WORKER, content)
        self.assertEqual(self.written(), before)

    def test_button_is_on_both_lists_for_those_with_the_rights(self):
        lists = [reverse(f"plugins:nautobot_job_registry:{name}_list") for name in ("registeredjob", "reconciliation")]
        self.grant(RegisteredJob, ["view"])
        self.grant(Reconciliation, ["view", "add"])
        for url in lists:
            self.assertNotIn(PAGE, self.client.get(url).content.decode())
        self.grant(Job, ["run"], {"job_class_name": "ReconcileJobRegistry"})
        for url in lists:
            self.assertIn(f'href="{PAGE}"', self.client.get(url).content.decode())

    def test_the_number_of_statements_is_constant(self):
        self.grant_both()
        counts = []
        for number in (5, 50):
            classes = [JobClassSourceFactory(name=f"Backup{index}") for index in range(number)]
            JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)
            self.page("local")
            with CaptureQueriesContext(connection) as captured:
                self.page("local")
            counts.append(len(captured))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 30)

    def test_jobs_that_do_not_change_cost_no_statement(self):
        self.grant_both()
        self.grant(RegisteredJob, ["view"])
        self.grant(JobRevision, ["view_source"])
        counts = []
        for number in (5, 50):
            classes = [JobClassSourceFactory(name=f"Backup{index}") for index in range(number)]
            JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=self.module, classes=classes)
            path = JobModuleFactory(folder=Path(settings.JOBS_ROOT), name="one_more", classes=classes[:1])
            self.addCleanup(path.unlink, missing_ok=True)
            reconcile()
            path.write_text(path.read_text() + f"\nX = {number}\n")
            self.page("local")
            with CaptureQueriesContext(connection) as captured:
                content = self.page("local")
            self.assertIn("~1 changed", content)
            counts.append(len(captured))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 40)


def fail_on(table):
    def execute(execute, sql, params, many, context):
        if f'FROM "{table}"' in sql:
            raise RuntimeError("<b>out of order")
        return execute(sql, params, many, context)

    return execute


class RestTestCase(GivenJobs, APITestCase):
    """`POST reconciliations/`."""

    def post(self, body, status):
        response = self.client.post(API, body, format="json", **self.header)
        self.assertEqual(response.status_code, status, response.content)
        return response.json()

    def test_plan_that_fails_is_told(self):
        self.grant(Reconciliation, ["add"])
        with connection.execute_wrapper(fail_on("nautobot_job_registry_jobloaderror")):
            data = self.post({"source": "local", "dry_run": True}, 503)
        self.assertIn("The plan failed. RuntimeError", data["detail"])

    def test_dry_run_returns_the_plan_and_writes_nothing(self):
        self.grant(Reconciliation, ["add"])
        before = self.written()
        data = self.post({"source": "local", "dry_run": True}, 200)
        self.assertEqual(set(data), {"dry_run", "source", "counts", "changes", "plan_digest"})
        self.assertEqual((data["dry_run"], data["source"], data["counts"]["registered"]), (True, "local", 1))
        self.assertEqual([change["job"] for change in data["changes"]], [f"{self.module}.Backup"])
        for body in ({"dry_run": True}, {"dry_run": True, "source": None}, {"dry_run": True, "source": "all"}):
            data = self.post(body, 200)
            self.assertEqual(data["source"], body.get("source"))
            self.assertGreater(data["counts"]["registered"], 1)
        self.assertEqual(self.written(), before)

    def test_unknown_source_names_the_known_ones(self):
        self.grant_both()
        for dry_run in (True, False):
            data = self.post({"source": "git:nowhere", "dry_run": dry_run}, 400)
            self.assertEqual(list(data), ["source"])
            self.assertIn("Known sources: system", data["source"][0])
        self.post({"source": "x" * 1000, "dry_run": True}, 400)

    def test_wrong_bodies_are_refused(self):
        self.grant_both()
        for body, named in (
            ({"source": 5}, "source"),
            ({"source": ["local"]}, "source"),
            ({"source": ""}, "source"),
            ({"dry_run": "true"}, "dry_run"),
            ({"dry_run": 1}, "dry_run"),
            ({"dry_run": None}, "dry_run"),
            ({"sources": "local"}, "sources"),
            ({"source": "local", "scope": "local"}, "scope"),
            ([{"source": "local"}], "non_field_errors"),
            ([], "non_field_errors"),
            ("local", "non_field_errors"),
        ):
            with self.subTest(body=body):
                self.assertEqual(list(self.post(body, 400)), [named])

    def test_rights(self):
        before = self.written()
        for body in ({"dry_run": True}, {}):
            self.post(body, 403)
        self.grant(Job, ["run"])
        for body in ({"dry_run": True}, {}):
            self.post(body, 403)
        ObjectPermission.objects.all().delete()
        self.grant(Reconciliation, ["add"], {"scope": "local"})
        self.grant(Job, ["run"], {"job_class_name": "Else"})
        self.post({"dry_run": True}, 403)
        self.post({"dry_run": True, "source": "local"}, 200)
        self.assertIn("not the right to run the job", self.post({"source": "local"}, 403)["detail"])
        self.assertEqual(self.written(), before)

    def test_job_that_may_not_be_run_now_is_refused_with_the_reason(self):
        self.grant_both()
        JOBS.update(enabled=False)
        self.assertIn("is not enabled", self.post({}, 403)["detail"])
        JOBS.update(enabled=True)
        self.need_an_approval()
        self.assertIn("needs an approval", self.post({}, 403)["detail"])

    def test_without_a_worker_nothing_is_done(self):
        self.grant_both()
        before = self.written()
        self.assertIn(NO_WORKER, self.post({"source": "local"}, 503)["detail"])
        self.assertEqual(self.written(), before)

    def test_token_that_may_not_write_may_not_post(self):
        self.grant_both()
        self.token.write_enabled = False
        self.token.save()
        self.post({"dry_run": True}, 403)

    def test_the_log_is_never_changed(self):
        self.user.is_superuser = True
        self.user.save()
        row = builders.reconciliation(1)
        for url in (API, f"{API}{row.pk}/"):
            for method in ("put", "patch", "delete"):
                response = getattr(self.client, method)(url, {}, format="json", **self.header)
                self.assertEqual(response.status_code, 405, (method, url))

    @pytest.mark.slow
    def test_api_document_has_every_answer(self):
        self.user.is_superuser = True
        self.user.save()
        document = self.client.get("/api/swagger.json", **self.header).json()
        operation = document["paths"]["/plugins/job-registry/reconciliations/"]["post"]
        answers = {"200", "202", "400", "403", "404", "415", "503"}
        self.assertEqual(set(operation["responses"]), answers)
        body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        self.assertEqual(
            set(document["components"]["schemas"][body]["properties"]), {"source", "dry_run", "plan_digest"}
        )


@pytest.mark.slow
class WorkerTestCase(GivenJobs, TransactionTestCase):
    """With a real worker, in a thread of this process."""

    databases = ("default", "job_logs")
    module = "backup_of_worker_test"

    def setUp(self):
        super().setUp()
        self.grant_both()

    def run_by_worker(self, ask):
        """Start a worker, ask for a run, and wait for its end."""
        # Its level stays with the process: once it is higher, core's next run hides lesser lines from all later tests.
        with start_worker(celery_app, loglevel="debug", pool="solo", perform_ping_check=False, shutdown_timeout=60):
            answer, pk = ask()
            result = celery_app.AsyncResult(str(pk))
            result.get(timeout=30, propagate=False)
        connections.close_all()
        return answer, JobResult.objects.get(pk=pk)

    def check(self, run):
        self.assertEqual((run.status, run.user, run.job_model), ("SUCCESS", self.user, JOBS.get()), run.traceback)
        log = Reconciliation.objects.latest()
        self.assertEqual((log.trigger, log.scope, log.user, log.job_result), ("job", "local", self.user, run))
        self.assertEqual(list(RegisteredJob.objects.values_list("module_name", flat=True)), [self.module])

    def test_page_begins_a_run_of_its_plan_and_goes_to_it(self):
        self.client.force_login(self.user)
        self.grant(Job, ["change"], {"job_class_name": "ReconcileJobRegistry"})
        JOBS.update(enabled=False)
        content = self.client.get(PAGE, {"source": "local"}).content.decode()
        digest = re.search(r'name="plan_digest" value="([0-9a-f]{64})"', content)[1]

        def ask():
            response = self.client.post(PAGE, {"source": "local", "plan_digest": digest, "enable": "true"})
            self.assertEqual(response.status_code, 302, response.content[-500:])
            run = JobResult.objects.latest()
            self.assertEqual(response.url, run.get_absolute_url())
            return response, run.pk

        self.check(self.run_by_worker(ask)[1])

    def test_rest_begins_a_run_and_names_it(self):
        self.client.force_login(self.user)

        def ask():
            response = self.client.post(API, {"source": "local"}, content_type="application/json")
            self.assertEqual(response.status_code, 202, response.content)
            return response.json(), response.json()["job_result"]["id"]

        data, run = self.run_by_worker(ask)
        self.check(run)
        self.assertEqual((data["dry_run"], data["source"]), (False, "local"))
        self.assertTrue(data["job_result"]["url"].endswith(f"/api/extras/job-results/{run.pk}/"), data)
