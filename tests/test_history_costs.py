"""What a look at revisions costs: as many statements for many revisions and runs as for few."""

from django.urls import reverse
from nautobot.apps.testing import TestCase
from nautobot.extras.models import JobResult
from nautobot.users.models import Token

from nautobot_job_registry import models
from nautobot_job_registry.factory import JobRevisionFactory, RegisteredJobFactory, empty_registry, job_metadata
from tests.support import counted_statements

FEW, MANY = 3, 200
RUNS_OF_A_REVISION = 25
UI = "plugins:nautobot_job_registry"
API = "plugins-api:nautobot_job_registry-api"


class HistoryCostTestCase(TestCase):
    """A job with few revisions that never ran, and one with many that ran often."""

    @classmethod
    def setUpTestData(cls):
        empty_registry()
        cls.few, cls.many = (cls.job_with(name, count) for name, count in (("few", FEW), ("many", MANY)))
        cls.runs_of(cls.many)

    @classmethod
    def job_with(cls, name, count):
        job = RegisteredJobFactory(module_name=name, job_class_name="Job", name=name, source_type="git")
        logs = [models.Reconciliation(trigger="command", status="succeeded") for _ in range(1, count)]
        models.Reconciliation.objects.bulk_create(logs)
        models.JobRevision.objects.bulk_create(
            models.JobRevision(
                job=job,
                number=number,
                reconciliation=logs[number - 1],
                metadata=job_metadata(name=name, time_limit=float(number // 2)),
                source_code=f"x = {number}\n",
                source_hash=f"{number:064d}",
                source_version=f"{number:040d}",
            )
            for number in range(1, count)
        )
        JobRevisionFactory(job=job, number=count, metadata=job_metadata(name=name), source_code="x = 0\n")
        return job

    @classmethod
    def runs_of(cls, job):
        revisions = [revision for revision in job.revisions.all() for _ in range(RUNS_OF_A_REVISION)]
        results = JobResult.objects.bulk_create(JobResult(name="run", status="SUCCESS") for _ in revisions)
        models.JobRun.objects.bulk_create(
            models.JobRun(job_result=result, job=job, revision=revision, class_path=job.class_path)
            for result, revision in zip(results, revisions, strict=True)
        )

    def setUp(self):
        super().setUp()
        self.user.is_superuser = True
        self.user.save()
        self.client.force_login(self.user)
        self.headers = {"Authorization": f"Token {Token.objects.create(user=self.user).key}"}

    def cost(self, url, **options):
        with counted_statements() as statements:
            response = self.client.get(url, **options)
        self.assertEqual(response.status_code, 200, response.content[:500])
        return len(statements)

    def costs(self, address, **options):
        """Return what a page costs for either job; what is read once for all pages has been read before."""
        self.cost(address(self.few), **options)
        return self.cost(address(self.few), **options), self.cost(address(self.many), **options)

    def assert_constant(self, costs, most):
        self.assertEqual(*costs)
        self.assertLessEqual(costs[0], most)

    def test_list(self):
        url, headers = reverse(f"{UI}:jobrevision_list"), {"HX-Request": "true"}
        self.cost(f"{url}?per_page=1", headers=headers)
        self.assert_constant([self.cost(f"{url}?per_page={rows}", headers=headers) for rows in (FEW, MANY)], 15)

    def test_rest_list(self):
        url = reverse(f"{API}:jobrevision-list")
        self.cost(f"{url}?limit=1", headers=self.headers)
        self.assert_constant([self.cost(f"{url}?limit={rows}", headers=self.headers) for rows in (FEW, MANY)], 12)

    def test_page(self):
        def address(job):
            return job.revisions.get(number=2).get_absolute_url()

        self.assert_constant(self.costs(address), 30)

    def test_diff_page(self):
        def address(job):
            old, new = job.revisions.get(number=2), job.current_revision
            return f"{reverse(f'{UI}:jobrevision_diff', kwargs={'pk': new.pk})}?against={old.pk}"

        self.assert_constant(self.costs(address), 30)

    def test_rest_diff(self):
        def address(job):
            return reverse(f"{API}:jobrevision-diff", kwargs={"pk": job.current_revision.pk})

        self.assert_constant(self.costs(address, headers=self.headers), 15)

    def test_timeline(self):
        def address(job):
            return f"{reverse(f'{UI}:registeredjob_history', kwargs={'pk': job.pk})}?per_page={MANY}"

        self.assert_constant(self.costs(address), 30)

    def test_page_of_the_job(self):
        def address(job):
            return job.get_absolute_url()

        self.assert_constant(self.costs(address), 50)
