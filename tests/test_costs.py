"""What a look at the registry costs: few statements, as many for 500 jobs as for 50, and no job code is loaded."""

from pathlib import Path

from django.conf import settings
from django.urls import reverse
from nautobot.apps.testing import APITestCase
from nautobot.extras.models import Job, JobQueue
from nautobot.users.models import Token

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry, job_metadata
from nautobot_job_registry.models import JobRevision, RegisteredJob
from tests.support import counted_statements

JOBS = 500
MODULE = "costly_jobs"
UI = "plugins:nautobot_job_registry:registeredjob"
API = "plugins-api:nautobot_job_registry-api:registeredjob"
OVERRIDE = {"time_limit": 5, "time_limit_override": True}


class CostTestCase(APITestCase):
    """Records with a core job, a revision and a queue, and a module that leaves a mark when it is loaded."""

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        cls.queue = JobQueue.objects.create(name="night", queue_type="celery")
        keys = [{"module_name": MODULE, "job_class_name": f"Job{number}"} for number in range(JOBS)]
        core = [Job(**key, name=key["job_class_name"], grouping="G", default_job_queue=cls.queue) for key in keys]
        Job.objects.bulk_create(core)
        assigned = Job.job_queues.through
        assigned.objects.bulk_create(assigned(job=job, job_queue=cls.queue) for job in core)
        jobs = [
            RegisteredJob(**key, core_job=core_job, source_type="local", name=key["job_class_name"], grouping="G")
            for key, core_job in zip(keys, core, strict=True)
        ]
        queues = {"job_queues": ["night"], "default_job_queue": "night"}
        RegisteredJob.objects.bulk_create(jobs)
        revisions = [
            JobRevision(job=job, number=1, metadata=job_metadata(name=job.name, **queues), source_code="x = 1")
            for job in jobs
        ]
        JobRevision.objects.bulk_create(revisions)
        for job, revision in zip(jobs, revisions, strict=True):
            job.current_revision, job.default_job_queue = revision, cls.queue
        RegisteredJob.objects.bulk_update(jobs, ["current_revision", "default_job_queue"])
        through = RegisteredJob.job_queues.through
        through.objects.bulk_create(through(registeredjob=job, jobqueue=cls.queue) for job in jobs)
        cls.job, cls.other = jobs[:2]

    def setUp(self):
        super().setUp()
        self.user.is_superuser = True
        self.user.save()
        self.client.force_login(self.user)
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}
        folder = Path(settings.JOBS_ROOT)
        self.mark = folder / "loaded"
        before = f"from pathlib import Path\nPath({str(self.mark)!r}).touch()"
        path = JobModuleFactory(folder=folder, name=MODULE, before=before, classes=[JobClassSourceFactory(name="Job0")])
        self.addCleanup(path.unlink)

    def tearDown(self):
        """Nothing that was looked at has loaded the code of a job."""
        super().tearDown()
        loaded = self.mark.exists()
        self.mark.unlink(missing_ok=True)
        self.assertFalse(loaded, "Job code was loaded.")

    def cost(self, url, method="get", **options):
        with counted_statements() as statements:
            response = getattr(self.client, method)(url, **options)
        self.assertEqual(response.status_code, 200, response.content[:500])
        return len(statements)

    def test_the_mark_is_left_where_code_is_loaded(self):
        self.assertIsNotNone(self.job.core_job.job_task)
        self.assertTrue(self.mark.exists())
        self.mark.unlink()

    def test_rest_list(self):
        url = reverse(f"{API}-list")
        self.cost(f"{url}?limit=1", headers=self.headers)
        few, many = (self.cost(f"{url}?limit={limit}", headers=self.headers) for limit in (50, JOBS))
        self.assertEqual(few, many)
        self.assertLessEqual(few, 10)

    def test_rest_detail(self):
        for job in (self.other, self.job):
            cost = self.cost(reverse(f"{API}-detail", kwargs={"pk": job.pk}), headers=self.headers)
        self.assertLessEqual(cost, 8)

    def test_rest_patch(self):
        options = {"data": OVERRIDE, "content_type": "application/json", "headers": self.headers}
        for job in (self.other, self.job):
            cost = self.cost(reverse(f"{API}-detail", kwargs={"pk": job.pk}), "patch", **options)
        self.assertLessEqual(cost, 35)

    def test_html_list(self):
        url, headers = reverse(f"{UI}_list"), {"HX-Request": "true"}
        self.cost(f"{url}?per_page=1", headers=headers)
        few, many = (self.cost(f"{url}?per_page={rows}", headers=headers) for rows in (50, JOBS))
        self.assertEqual(few, many)
        self.assertLessEqual(few, 15)
        self.cost(url)

    def test_pages(self):
        for job in (self.other, self.job):
            for page in ("", "_edit", "_delete", "_changelog", "_notes"):
                self.cost(reverse(f"{UI}{page}", kwargs={"pk": job.pk}))
