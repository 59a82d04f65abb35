"""When a Git sync makes a revision: a real repository on disk, Nautobot's own sync, the real reconcile (rule 7)."""

import pytest
from django.contrib.auth import get_user_model
from nautobot.extras.datasources.git import ensure_git_repository
from nautobot.extras.datasources.registry import refresh_datasource_content
from nautobot.extras.models import JobResult

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from nautobot_job_registry.models import JobRevision, Reconciliation, RegisteredJob
from tests.support import make_repository

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

SYNCS = 50
README, OTHER_MODULE, NOTHING = range(3)


@pytest.fixture
def upstream(git_root, git_server):
    return git_server.repository("synced")


@pytest.fixture
def job_result():
    user = get_user_model().objects.create(username="operator")
    return JobResult.objects.create(name="sync", user=user)


# A set, whose order changes from process to process, and a list of choices.
INPUTS = """
site = StringVar(default="x")
zones = MultiChoiceVar(choices=(("a", "A"), ("b", "B")), default={"a", "b"})
"""


def module(name, comment):
    meta = {"task_queues": ["one", "two"], "description": name}
    classes = [JobClassSourceFactory(name=name, meta=meta, body=INPUTS)]
    return JobModuleFactory.build(name=name.lower(), classes=classes, before=f"# {comment}")


def sync(repository, job_result):
    ensure_git_repository(repository)
    refresh_datasource_content("extras.gitrepository", repository, job_result.user, job_result)
    assert Reconciliation.objects.latest().status == "succeeded"


def revisions():
    """Return how many revisions each job of the repository has."""
    counts = {}
    for job in RegisteredJob.objects.filter(source_name="synced"):
        assert job.installed
        counts[job.job_class_name] = job.revisions.count()
    return counts


def commit(upstream, number):
    """Commit what is no matter of the jobs: a text, a comment in a module without jobs, or nothing at all."""
    if number % 3 == README:
        upstream.commit("Say more", {"README.md": f"Said {number} times.\n"})
    elif number % 3 == OTHER_MODULE:
        upstream.commit("Comment", {"jobs/helpers.py": f"# {number}\nLIMIT = 3\n"})


def test_fifty_syncs_that_are_no_matter_make_no_revision_and_a_comment_in_the_module_makes_one(upstream, job_result):
    files = {
        "jobs/__init__.py": "from . import backup, report\n",
        "jobs/backup.py": module("Backup", "first"),
        "jobs/report.py": module("Report", "first"),
        "jobs/helpers.py": "LIMIT = 3\n",
    }
    repository = make_repository(upstream, "synced", files)
    sync(repository, job_result)
    assert revisions() == {"Backup": 1, "Report": 1}

    made = set(JobRevision.objects.values_list("pk", flat=True))
    for number in range(SYNCS):
        commit(upstream, number)
        sync(repository, job_result)
    assert set(JobRevision.objects.values_list("pk", flat=True)) == made
    job = RegisteredJob.objects.get(job_class_name="Backup", source_name="synced")
    assert job.source_version == upstream.head != job.current_revision.source_version

    upstream.commit("Comment", {"jobs/backup.py": module("Backup", "second")})
    sync(repository, job_result)
    assert revisions() == {"Backup": 2, "Report": 1}
    new = JobRevision.objects.exclude(pk__in=made).get()
    assert (new.job, new.number, new.source_version) == (job, 2, upstream.head)
    assert new.reconciliation == Reconciliation.objects.latest()
    assert new.metadata_hash == job.revisions.get(number=1).metadata_hash
