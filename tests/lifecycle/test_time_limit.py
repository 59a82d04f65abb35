"""What is overridden in the registry is what a worker obeys (rule 16)."""

import json

import pytest

from development import processes
from nautobot_job_registry.factory import JobModuleFactory

pytestmark = pytest.mark.slow

SLEEPER = """
import time

class Sleeper(Job):
    class Meta:
        name = "Sleeper"
        has_sensitive_variables = False

    def run(self):
        time.sleep(60)
        return "slept to the end"
"""
OVERRIDE = """
from nautobot_job_registry.models import RegisteredJob
job = RegisteredJob.objects.get(job_class_name="Sleeper")
job.enabled = True
job.soft_time_limit, job.soft_time_limit_override = 1, True
job.validated_save()
"""
RUN = """
import json, time
from django.contrib.auth import get_user_model
from nautobot.extras.models import Job, JobResult
from nautobot_job_registry.core_bridge.host import job_arguments
user = get_user_model().objects.create_superuser("operator", "operator@example.com", "operator")
result = JobResult.enqueue_job(Job.objects.get(job_class_name="Sleeper"), user, **job_arguments({}))
for _ in range(240):
    result.refresh_from_db()
    if result.status in ("SUCCESS", "FAILURE"):
        break
    time.sleep(0.5)
print(json.dumps({"status": result.status, "seconds": (result.date_done - result.date_started).total_seconds(),
                  "traceback": result.traceback or ""}))
"""


def test_a_worker_stops_a_job_at_the_soft_time_limit_that_is_overridden_in_the_registry(real_instance, tmp_path):
    JobModuleFactory(
        folder=real_instance.jobs_root, name="sleeper", classes=[], before=SLEEPER, after="register_jobs(Sleeper)"
    )
    real_instance.nautobot_server("migrate")
    real_instance.python(OVERRIDE)
    with processes.worker(real_instance.environment, tmp_path / "worker.log"):
        ended = json.loads(real_instance.python(RUN).splitlines()[-1])
    assert ended["status"] == "FAILURE"
    assert "SoftTimeLimitExceeded" in ended["traceback"]
    assert ended["seconds"] < 30
