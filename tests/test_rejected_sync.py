"""What survives a Git sync that Nautobot rejects and rolls back (rule 12), with both connections as in production."""

import subprocess
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connections, transaction
from nautobot.apps.testing import create_job_result_and_run_job
from nautobot.extras.models import GitRepository, Job, JobLogEntry
from nautobot.extras.models.jobs import JOB_LOGS

from nautobot_job_registry import datasources
from nautobot_job_registry.core_bridge import host
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import JobLoadError, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile, rejected_sync
from nautobot_job_registry.reconcile.run import Occasion, record_failure
from tests.support import make_repository, refresh_core

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=["default", "job_logs"])]

BROKEN = "import nothing_of_that_name\n"


def job_text(name, description="good"):
    classes = [JobClassSourceFactory(name=name, meta={"name": name, "description": description})]
    return JobModuleFactory.build(name="jobs", classes=classes)


GOOD = {
    "jobs/__init__.py": "",
    "jobs/first.py": job_text("First"),
    "jobs/second.py": job_text("Second"),
    "jobs/third.py": job_text("Third"),
}


@pytest.fixture
def upstream(git_root, git_server):
    refresh_core()
    empty_registry()
    repository = git_server.repository("rejected")
    yield repository
    empty_registry()


@pytest.fixture
def synced(upstream):
    """A repository with three good jobs, in effect."""
    row = make_repository(upstream, "rejected", GOOD)
    assert sync(row).status == "SUCCESS"
    return row


def sync(repository):
    return create_job_result_and_run_job("nautobot.core.jobs", "GitRepositorySync", repository=repository.pk)


def warnings(job_result):
    entries = JobLogEntry.objects.filter(job_result=job_result, grouping=datasources.GROUPING, log_level="warning")
    return list(entries.values_list("message", flat=True))


def records():
    rows = RegisteredJob.objects.filter(source_name="rejected").order_by("job_class_name")
    return list(rows.values())


def open_errors():
    return list(JobLoadError.objects.filter(resolved_at=None).order_by("module_name"))


def test_load_error_survives_with_file_line_commit_and_author(upstream, synced):
    before, effective = records(), upstream.head
    upstream.commit("Use a new library\n\nIn the body.", {"jobs/second.py": f"# One line.\n{BROKEN}"})
    upstream.commit("Something else", {"readme.md": "x\n"})
    result = sync(synced)
    assert result.status == "FAILURE"
    synced.refresh_from_db()
    assert synced.current_head == effective
    (error,) = open_errors()
    assert (error.module_name, error.exception_type, error.line) == (
        "rejected.jobs.second",
        "ModuleNotFoundError",
        2,
    )
    assert Path(error.file_path).parts[-2:] == ("jobs", "second.py")
    assert (error.source_version, error.effective_version) == (upstream.head, effective)
    assert (error.commit_author, error.commit_subject) == ("Example", "Use a new library")
    assert error.git_repository == synced
    assert "import nothing_of_that_name" in error.traceback
    assert records() == before
    assert set(Job.objects.filter(module_name__startswith="rejected.").values_list("installed", flat=True)) == {True}


def test_rejected_sync_is_told_in_the_feed_and_in_its_own_log(upstream, synced):
    effective = upstream.head
    upstream.commit("Break two", {"jobs/first.py": BROKEN, "jobs/third.py": "1 / 0\n"})
    result = sync(synced)
    row = Reconciliation.objects.latest()
    assert (row.status, row.trigger, row.scope, row.errors_opened) == ("rejected", "git_sync", "git:rejected", 2)
    assert (row.job_result, row.user) == (result, result.user)
    assert upstream.head in row.error
    assert effective in row.error
    assert [entry["load_error"] for entry in row.changes] == ["rejected.jobs.first", "rejected.jobs.third"]
    told = warnings(result)
    assert len(told) == 2
    assert "rejected.jobs.first of git:rejected cannot be loaded: ModuleNotFoundError" in told[0]
    assert "'Break two' by Example" in told[0]


def test_same_failure_again_changes_only_when_it_was_seen(upstream, synced):
    upstream.commit("Break", {"jobs/second.py": BROKEN})
    sync(synced)
    (first,) = open_errors()
    sync(synced)
    (again,) = open_errors()
    assert again.pk == first.pk
    assert (again.first_seen, again.source_version) == (first.first_seen, first.source_version)
    assert again.last_seen > first.last_seen
    upstream.commit("Something else", {"readme.md": "x\n"})
    sync(synced)
    (later,) = open_errors()
    assert (later.pk, later.source_version) == (first.pk, upstream.head)
    assert later.commit_subject == "Break"
    actions = [row.changes[0]["action"] for row in Reconciliation.objects.filter(status="rejected")]
    assert actions == ["update", "confirm", "open"]


def test_error_stays_open_until_a_good_sync_whatever_is_reconciled_in_between(upstream, synced):
    upstream.commit("Break", {"jobs/second.py": BROKEN})
    sync(synced)
    reconcile()
    assert reconcile().plan.is_empty
    assert [error.module_name for error in open_errors()] == ["rejected.jobs.second"]
    upstream.commit("Mend", {"jobs/second.py": job_text("Second", "mended")})
    assert sync(synced).status == "SUCCESS"
    assert open_errors() == []
    assert JobLoadError.objects.get().resolved_at is not None
    record = RegisteredJob.objects.get(job_class_name="Second", source_name="rejected")
    assert (record.installed, record.description, record.source_version) == (True, "mended", upstream.head)


def test_going_back_to_the_commit_in_effect_resolves_the_error(upstream, synced):
    effective = upstream.head
    upstream.commit("Break", {"jobs/second.py": BROKEN})
    sync(synced)
    subprocess.run(["git", "-C", str(upstream.work_tree), "reset", "--quiet", "--hard", effective], check=True)
    upstream.publish(force=True)
    assert sync(synced).status == "SUCCESS"
    assert open_errors() == []


def test_error_that_a_later_rejected_commit_has_not_is_resolved(upstream, synced):
    upstream.commit("Break the second", {"jobs/second.py": BROKEN})
    sync(synced)
    upstream.commit("Break the third", {"jobs/second.py": job_text("Second"), "jobs/third.py": BROKEN})
    sync(synced)
    assert [error.module_name for error in open_errors()] == ["rejected.jobs.third"]


def test_error_of_a_class_names_the_class(upstream, synced):
    upstream.commit("Break a class", {"jobs/second.py": job_text("Second").replace("'Second'", "123")})
    assert sync(synced).status == "FAILURE"
    (error,) = open_errors()
    assert (error.module_name, error.job_class_name) == ("rejected.jobs.second", "Second")
    assert error.line is not None
    assert str(error) == "rejected.jobs.second.Second"


FAILING_SQL = """# One line.
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT * FROM no_such_table")
"""
SWALLOWED_SQL = """from django.db import connection
try:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
except Exception:
    pass
"""
ENDS_SYNCS = {
    "SQL that fails": (FAILING_SQL, "ProgrammingError", 4),
    "SQL that fails and is swallowed": (SWALLOWED_SQL, "SpoiledTransactionError", None),
    "ORM that fails": (
        "from nautobot.dcim.models import Device\nlist(Device.objects.extra(where=['no_such_column = 1']))\n",
        "ProgrammingError",
        2,
    ),
    "no exception": ("\nclass End(BaseException): pass\nraise End('the end')\n", "End", 3),
    "GeneratorExit": ("raise GeneratorExit\n", "GeneratorExit", 1),
}


@pytest.mark.parametrize("how", ENDS_SYNCS)
def test_load_error_survives_a_sync_that_nautobot_ends_before_it_asks_us(upstream, synced, how):
    text, exception, line = ENDS_SYNCS[how]
    before, effective = records(), upstream.head
    upstream.commit("Ask the database", {"jobs/second.py": text})
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rejected_sync, "keep_load_errors", lambda *args, **kwargs: asked.append(args))
        if how in ("no exception", "GeneratorExit"):
            with pytest.raises(BaseException):  # noqa: B017
                sync(synced)
            result = None
        else:
            result = sync(synced)
            assert result.status == "FAILURE"
    assert asked == []
    (error,) = open_errors()
    assert (error.module_name, error.exception_type, error.line) == ("rejected.jobs.second", exception, line)
    assert Path(error.file_path).parts[-2:] == ("jobs", "second.py")
    assert (error.source_version, error.effective_version) == (upstream.head, effective)
    assert (error.commit_author, error.commit_subject) == ("Example", "Ask the database")
    assert error.git_repository == synced
    assert records() == before
    row = Reconciliation.objects.latest()
    assert (row.status, row.scope, row.errors_opened) == ("rejected", "git:rejected", 1)
    if result is not None:
        assert row.job_result == result
        assert "rejected.jobs.second of git:rejected cannot be loaded" in warnings(result)[0]
    assert reconcile("git:rejected", dry_run=True).plan.is_empty
    upstream.commit("Mend", GOOD)
    assert sync(synced).status == "SUCCESS"
    assert open_errors() == []


def test_sync_that_was_ended_resolves_nothing_that_nobody_came_to(upstream, synced):
    upstream.commit("Break", {"jobs/third.py": BROKEN})
    sync(synced)
    upstream.commit("Ask the database", {"jobs/first.py": FAILING_SQL})
    assert sync(synced).status == "FAILURE"
    assert [error.module_name for error in open_errors()] == ["rejected.jobs.first", "rejected.jobs.third"]


def test_sql_that_fails_in_a_module_that_core_gave_up_on_spoils_it_for_itself_alone(upstream, synced):
    upstream.commit("Break two", {"jobs/first.py": BROKEN, "jobs/second.py": FAILING_SQL, "jobs/third.py": "1 / 0\n"})
    assert sync(synced).status == "FAILURE"
    assert [(error.module_name[-6:], error.exception_type) for error in open_errors()] == [
        (".first", "ModuleNotFoundError"),
        ("second", "ProgrammingError"),
        (".third", "ZeroDivisionError"),
    ]


FLAWED = job_text("Second").replace("    def run", "    previous_class_paths = 5\n\n    def run")


def test_nothing_is_to_be_done_after_a_rejected_sync(upstream, synced):
    """What is wrong at the commit in effect, too, is not told back and forth."""
    reconcile()
    upstream.commit("A flaw", {"jobs/second.py": FLAWED})
    assert sync(synced).status == "SUCCESS"
    assert [error.job_class_name for error in open_errors()] == ["Second"]
    upstream.commit("Break", {"jobs/first.py": BROKEN, "jobs/second.py": f"# One line.\n{FLAWED}"})
    assert sync(synced).status == "FAILURE"
    assert len(open_errors()) == 2
    assert reconcile(dry_run=True).plan.is_empty
    assert reconcile("git:rejected", dry_run=True).plan.is_empty
    assert reconcile().plan.is_empty
    upstream.commit("Mend", {"jobs/first.py": job_text("First")})
    assert sync(synced).status == "SUCCESS"
    (error,) = open_errors()
    assert (error.source_version, error.effective_version) == (upstream.head, "")
    assert reconcile(dry_run=True).plan.is_empty


def test_nothing_is_to_be_done_after_a_first_sync_that_is_rejected(upstream):
    row = make_repository(upstream, "rejected", {**GOOD, "jobs/second.py": BROKEN})
    assert sync(row).status == "FAILURE"
    assert reconcile(dry_run=True).plan.errors == ()
    reconcile()
    assert reconcile(dry_run=True).plan.is_empty


def test_first_sync_of_a_repository_leaves_its_errors_too(upstream):
    row = make_repository(upstream, "rejected", {**GOOD, "jobs/second.py": BROKEN})
    assert sync(row).status == "FAILURE"
    (error,) = open_errors()
    assert (error.source_version, error.effective_version, error.git_repository) == (upstream.head, "", row)
    assert rejected_sync.NO_COMMIT in Reconciliation.objects.latest().error
    upstream.commit("Mend", GOOD)
    assert sync(row).status == "SUCCESS"
    assert open_errors() == []


def test_sync_that_something_else_spoils_leaves_records_and_errors_alone(upstream, synced):
    before, count = records(), Reconciliation.objects.count()
    synced.provided_contents = ["extras.configcontext", "extras.job"]
    synced.save()
    changed = {"config_contexts/bad.yaml": "a: [", "jobs/first.py": job_text("First", "changed")}
    upstream.commit("Break a config context", changed)
    assert sync(synced).status == "FAILURE"
    assert (records(), open_errors(), Reconciliation.objects.count()) == (before, [], count)


def test_registry_that_fails_in_a_rejected_sync_is_told_and_harms_nothing(upstream, synced, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no way")

    before = records()
    upstream.commit("Break", {"jobs/second.py": BROKEN})
    with monkeypatch.context() as patch:
        patch.setattr("nautobot_job_registry.reconcile.rejected_sync.load_error_rows.write_load_errors", fail)
        result = sync(synced)
    assert result.status == "FAILURE"
    row = Reconciliation.objects.latest()
    assert (row.status, row.job_result) == ("failed", result)
    assert "no way" in row.error
    assert records() == before
    assert any("no way" in message for message in warnings(result))
    sync(synced)
    assert len(open_errors()) == 1


def test_git_that_does_not_answer_leaves_the_author_empty(upstream, synced, monkeypatch):
    upstream.commit("Break", {"jobs/second.py": BROKEN})
    monkeypatch.setattr("nautobot_job_registry.sources.blame.MAX_COMMITS", "no number")
    sync(synced)
    (error,) = open_errors()
    assert (error.commit_author, error.commit_subject) == ("", "")
    assert error.source_version == upstream.head


def test_failed_reconcile_inside_a_transaction_survives_its_rollback(upstream, synced):
    result = sync(synced)
    before = Reconciliation.objects.filter(status="failed").count()
    with pytest.raises(RuntimeError, match="rolled back"), transaction.atomic():
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError as error:
            occasion = Occasion("git_sync", "git:rejected", None, result)
            record_failure(occasion, Reconciliation.objects.latest().started, error)
        raise RuntimeError("rolled back")
    assert Reconciliation.objects.filter(status="failed").count() == before + 1


def test_row_that_the_other_connection_cannot_see_is_not_pointed_at(upstream, synced):
    occasion = Occasion("git_sync", "git:rejected", None, sync(synced))
    with transaction.atomic():
        user = get_user_model().objects.create(username="not committed")
        hidden = Occasion("git_sync", "git:rejected", user, occasion.job_result)
        row = hidden.row(Reconciliation.objects.latest().started, JOB_LOGS, status="failed")
        assert (row.user, row.job_result) == (None, occasion.job_result)
        row.save(using=JOB_LOGS)
        transaction.set_rollback(True)
    assert Reconciliation.objects.filter(pk=row.pk).exists()


def test_writing_never_waits_long_for_another_transaction(upstream, synced, monkeypatch):
    monkeypatch.setattr(host, "LOCK_TIMEOUT", "200ms")
    with transaction.atomic():
        GitRepository.objects.select_for_update().get(pk=synced.pk)
        with pytest.raises(OperationalError), host.surviving_transaction(JOB_LOGS):
            GitRepository.objects.using(JOB_LOGS).select_for_update().get(pk=synced.pk)
    with connections[JOB_LOGS].cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
