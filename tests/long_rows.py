"""Rows of all models whose names, paths, values and errors are longer than anybody would make them."""

from datetime import timedelta
from uuid import uuid4

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from nautobot.extras.models import JobResult
from nautobot.users.models import User

from nautobot_job_registry import factory, models

MODULE = "network_automation_of_the_whole_company.jobs.configuration_management.backups"
SENTENCE = "Because the devices in the far locations take very long. "
URL = f"https://tickets.example.com/browse/{'NETWORK-AUTOMATION-' * 4}"
FIELDS = ("soft_time_limit", "description", "grouping", "name", "job_queues")
GIT = {"source_type": "git", "source_name": "a_very_long_slug_of_a_repository_" * 3, "source_version": "ab" * 20}


def store_long_rows() -> models.JobLoadError:
    """Store rows of each model, and return a load error."""
    user = User.objects.first()
    job = factory.RegisteredJobFactory(
        module_name=MODULE,
        job_class_name="BackUpTheConfigurationsOfAllDevicesEverywhere",
        name="Back up the configurations of all devices in all locations of the company",
        description=SENTENCE * 20,
        soft_time_limit=1800,
        **{f"{field}_override": True for field in FIELDS},
        **GIT,
    )
    unbroken = {"module_name": "m" * 90, "job_class_name": "C" * 90, "name": "n" * 90}
    factory.RegisteredJobFactory(**unbroken, **GIT, installed=False, absence="load_error")
    revisions = [_revision(job, number) for number in (1, 2)]
    job.current_revision = revisions[1]
    job.save()
    terms = {"reason": SENTENCE * 3 + URL, "set_by": user, "expires_at": timezone.now() + timedelta(days=4)}
    job.field_overrides.update(value=URL, source_value=SENTENCE, source_is_known=True, **terms)
    for status in ("SUCCESS", "FAILURE", "PENDING", "STARTED"):
        _run(job, status, user, revisions[0])
    end = timezone.now() + timedelta(seconds=7000)
    counts = {"registered": 10, "changed": 12, "uninstalled": 3, "errors_opened": 2, "suspended": 3, "drifted": 1}
    factory.ReconciliationFactory(scope=f"git:{GIT['source_name']}", user=user, finished=end, **counts)
    factory.SuspensionFactory(
        schedule=None,
        job=job,
        class_path=job.class_path,
        object_type=ContentType.objects.get_by_natural_key("extras", "scheduledjob"),
        object_id=uuid4(),
        object_name="Every night at half past three on all days but Sundays and holidays",
        reason="source_unavailable",
        outcome="changed",
        restored_at=timezone.now(),
    )
    return factory.JobLoadErrorFactory(
        module_name=f"{MODULE}_{'x' * 60}.core",
        effective_version="ef" * 20,
        file_path=f"/opt/{'/'.join(MODULE.split('.') * 3)}/{'y' * 100}.py",
        line=12345,
        exception_type="AVeryLongExceptionTypeOfALibraryError",
        message=f"cannot import name {'x' * 300} from partially initialized module ",
        commit_author="Ada Lovelace of the Analytical Engine" * 3,
        commit_subject="s" * 200,
        **GIT,
    )


def _revision(job: models.RegisteredJob, number: int) -> models.JobRevision:
    inputs = [
        {"name": f"a_long_name_of_an_input_{n}_{number}", "type": "StringVar", "required": True} for n in range(6)
    ]
    said = {"soft_time_limit": 600 * number, "description": SENTENCE * number, "variables": inputs}
    return factory.JobRevisionFactory(job=job, number=number, metadata=said, source_version=f"{number}d" * 20)


def _run(job: models.RegisteredJob, status: str, user: User, revision: models.JobRevision) -> None:
    result = JobResult.objects.create(name=job.name, status=status, user=user)
    models.JobRun.objects.filter(job_result=result).delete()
    factory.JobRunFactory(
        job=job,
        job_result=result,
        revision=revision if status == "SUCCESS" else None,
        class_path=job.class_path,
        worker=f"celery@automation-worker-00.datacenter-frankfurt.{'example' * 8}.com",
        code_hash="ab" * 32,
        is_skewed=True,
        source_version="ab" * 20,
    )
