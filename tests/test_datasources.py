"""The door through which a Git sync refreshes the records (M6, rule 11)."""

import pytest
from django.contrib.auth import get_user_model
from nautobot.extras.datasources.git import ensure_git_repository
from nautobot.extras.datasources.registry import refresh_datasource_content
from nautobot.extras.models import GitRepository, Job, JobLogEntry, JobResult

from nautobot_job_registry import datasources
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from nautobot_job_registry.models import JobLoadError, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import make_repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return get_user_model().objects.create(username="operator")


@pytest.fixture
def job_result(user):
    result = JobResult.objects.create(name="sync", user=user)
    # Core writes log entries through a second connection, which would not see this test's transaction.
    result.use_job_logs_db = False
    return result


@pytest.fixture
def upstream(git_root, git_server):
    return git_server.repository("synced")


def job_text(description, name="FromGit"):
    return JobModuleFactory.build(
        name="jobs", classes=[JobClassSourceFactory(name=name, meta={"description": description})]
    )


def sync(repository, job_result, delete=False):
    if not delete:
        ensure_git_repository(repository)
    refresh_datasource_content("extras.gitrepository", repository, job_result.user, job_result, delete=delete)


def record():
    return RegisteredJob.objects.get(source_name="synced")


def test_sync_registers_the_jobs_of_the_repository(upstream, job_result):
    repository = make_repository(upstream, "synced", {"jobs.py": job_text("old")})
    sync(repository, job_result)
    assert (record().description, record().source_version) == ("old", upstream.head)
    assert record().git_repository == repository
    log = Reconciliation.objects.latest()
    assert (log.trigger, log.scope, log.user, log.job_result) == ("git_sync", "git:synced", job_result.user, job_result)


def test_sync_again_follows_the_commit(upstream, job_result):
    repository = make_repository(upstream, "synced", {"jobs.py": job_text("old")})
    sync(repository, job_result)
    upstream.commit("Change", {"jobs.py": job_text("new")})
    sync(repository, job_result)
    assert (record().description, record().current_revision.number) == ("new", 2)
    assert record().source_version == upstream.head


def test_commit_that_changes_no_job_makes_no_revision(upstream, job_result):
    repository = make_repository(upstream, "synced", {"jobs.py": job_text("old")})
    sync(repository, job_result)
    for number in range(3):
        upstream.commit("Change", {"readme.md": f"{number}\n"})
        sync(repository, job_result)
    assert record().revisions.count() == 1
    assert record().source_version == upstream.head


def test_repository_that_provides_other_things_writes_nothing(upstream, job_result):
    before = Reconciliation.objects.count()
    repository = make_repository(upstream, "synced", {"readme.md": "x\n"})
    repository.provided_contents = []
    repository.save()
    sync(repository, job_result)
    assert Reconciliation.objects.count() == before


def test_jobs_of_a_repository_that_is_deleted_are_removed_and_kept(upstream, job_result):
    repository = make_repository(upstream, "synced", {"jobs.py": job_text("old")})
    sync(repository, job_result)
    sync(repository, job_result, delete=True)
    repository.delete()
    assert (record().installed, record().absence, record().git_repository) == (False, "removed", None)
    assert reconcile().plan.is_empty


def test_jobs_of_a_repository_that_provides_none_any_more_are_removed(upstream, job_result):
    repository = make_repository(upstream, "synced", {"jobs.py": job_text("old")})
    sync(repository, job_result)
    repository.provided_contents = []
    repository.save()
    sync(repository, job_result)
    assert (record().installed, record().absence) == (False, "removed")


@pytest.mark.parametrize("how", ["deleted", "provides no jobs"])
def test_load_errors_of_a_repository_end_with_it_though_no_job_of_it_was_ever_read(upstream, job_result, how):
    repository = make_repository(upstream, "synced", {"jobs.py": "1 / 0\n"})
    reconcile()
    assert JobLoadError.objects.get(source_name="synced").is_open
    if how == "deleted":
        repository.delete()
    else:
        repository.provided_contents = []
        repository.save()
        sync(repository, job_result)
    assert not JobLoadError.objects.get(source_name="synced").is_open


def test_failure_of_the_registry_is_a_warning_and_lets_the_sync_succeed(upstream, job_result, monkeypatch):
    def fail(*args, **kwargs):
        GitRepository.objects.raw("SELECT * FROM no_such_table")[0]

    repository = make_repository(upstream, "synced", {"jobs.py": job_text("old")})
    with monkeypatch.context() as patch:
        patch.setattr("nautobot_job_registry.reconcile.store.read_state", fail)
        sync(repository, job_result)
    assert Reconciliation.objects.latest().status == "failed"
    assert JobLogEntry.objects.filter(log_level="warning", grouping=datasources.GROUPING).exists()
    sync(repository, job_result)
    assert record().installed


def test_failure_to_take_over_a_name_that_core_gives_lets_the_sync_succeed(upstream, job_result, monkeypatch):
    """Core saves its row with a number in the name, which looks like a decision."""

    def fail(*args, **kwargs):
        GitRepository.objects.raw("SELECT * FROM no_such_table")[0]

    repository = make_repository(upstream, "synced", {"jobs.py": job_text("old")})
    sync(repository, job_result)
    other = Job.objects.exclude(module_name="synced.jobs").first().name
    classes = [JobClassSourceFactory(name="FromGit", meta={"name": other})]
    upstream.commit("Take the name of another job", {"jobs.py": JobModuleFactory.build(name="jobs", classes=classes)})
    with monkeypatch.context() as patch:
        patch.setattr("nautobot_job_registry.core_bridge.agreement.pull_decisions", fail)
        sync(repository, job_result)
    assert not JobLogEntry.objects.filter(log_level="error").exists()
    assert (record().name, record().field_overrides.get().origin) == (f"{other} (2)", "collision")
    assert reconcile(dry_run=True).plan.is_empty


def test_broken_file_is_named_when_the_repository_is_read_at_start(upstream, job_result):
    repository = make_repository(upstream, "synced", {"jobs/__init__.py": "", "jobs/good.py": job_text("good", "Good")})
    sync(repository, job_result)
    upstream.commit("Break", {"jobs/bad.py": "import nothing_of_that_name\n"})
    GitRepository.objects.update(current_head=upstream.head)
    reconcile()
    # Nautobot stops at the broken file, and cannot run what comes after it.
    good = RegisteredJob.objects.get(job_class_name="Good")
    assert (good.installed, good.absence) == (False, "load_error")
    error = JobLoadError.objects.get(resolved_at=None)
    assert (error.module_name, error.line, error.git_repository) == ("synced.jobs.bad", 1, repository)
    assert error.source_version == upstream.head
