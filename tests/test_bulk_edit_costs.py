"""What a bulk edit of 100 jobs costs, with Nautobot's own rows written and all who listen told."""

import pytest
from nautobot.extras.models import Job, JobQueue, ObjectChange

from nautobot_job_registry.models import RegisteredJob
from tests import builders
from tests.support import counted_statements, grant
from tests.test_job_forms import METADATA, BulkTestCase

COUNT = 100
MOST_FOR_EACH = 15


@pytest.mark.slow
class BulkEditCostsTestCase(BulkTestCase):
    """Of a user who is no superuser: what Nautobot executes is asked for, too."""

    def setUp(self):
        super().setUp()
        self.day = JobQueue.objects.get(name="day")
        self.many = [self.make_job(number) for number in range(COUNT)]
        grant(self.user, RegisteredJob, ["view", "change"])
        grant(self.user, Job, ["change"])

    def make_job(self, number):
        key = {"module_name": f"many.jobs_{number}", "job_class_name": f"Many{number}"}
        values = {"grouping": "Many", "name": f"Many {number}", "time_limit": 60.0}
        core_job = Job.objects.create(**key, **values, installed=True, default_job_queue=self.day)
        job = builders.job(number, **key, **values, core_job=core_job)
        builders.revision(job, metadata={**METADATA, **values, "description": core_job.description})
        return job

    def assert_cheap(self, **values):
        with counted_statements() as statements:
            result = self.edit(self.many, **values)
        self.assertEqual(result.status, "SUCCESS", list(result.job_log_entries.values_list("message", flat=True)))
        self.assertLessEqual(len(statements), MOST_FOR_EACH * COUNT)

    def core_values(self, name):
        return set(Job.objects.filter(grouping="Many").values_list(name, f"{name}_override"))

    def test_the_first_edit_and_those_after_it(self):
        self.assert_cheap(time_limit=5, time_limit_override=True)
        self.assertEqual(self.core_values("time_limit"), {(5.0, True)})
        self.assert_cheap(time_limit=6, time_limit_override=True, override_reason="Slow links")
        self.assertEqual(self.core_values("time_limit"), {(6.0, True)})
        self.assert_cheap(time_limit_override=False)
        self.assertEqual(self.core_values("time_limit"), {(60.0, False)})
        for model in (RegisteredJob, Job):
            changed = ObjectChange.objects.filter(changed_object_type__model=model._meta.model_name)
            keys = {row.pk for row in model.objects.filter(grouping="Many")}
            self.assertEqual(sorted(changed.values_list("changed_object_id", flat=True)), sorted([*keys] * 3))
