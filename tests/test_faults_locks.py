"""What the database gives up is tried again at every door, and is never an error of the one who asked (rule 10)."""

import threading
from contextlib import contextmanager

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.test import Client
from django.urls import reverse
from nautobot.extras.models import Job, JobLogEntry, JobQueue, JobResult
from nautobot.users.models import Token

from nautobot_job_registry import datasources
from nautobot_job_registry.core_bridge import host
from nautobot_job_registry.core_bridge.locks import Rows
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, ScheduledJobFactory
from nautobot_job_registry.lifecycle.suspensions import suspending
from nautobot_job_registry.models import Reconciliation, RegisteredJob, Suspension, attempts
from nautobot_job_registry.reconcile import carrying_out, reconcile

UI = "plugins:nautobot_job_registry:registeredjob"
API = "plugins-api:nautobot_job_registry-api:registeredjob"
# Longer than one attempt waits, and shorter than all of them.
AWHILE, LONG = 0.5, 60.0
committing = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Let pauses be short, so that a test of all attempts takes no seconds."""
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(attempts, "LONGEST_PAUSE", 0.3)


@pytest.fixture
def job(jobs_root):
    """A job on both sides."""
    JobModuleFactory(folder=jobs_root, name="one", classes=[JobClassSourceFactory(name="One")])
    reconcile("local")
    return RegisteredJob.objects.get(module_name="one")


@pytest.fixture
def impatient():
    """Have this process wait for no lock longer than a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '150ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")


@contextmanager
def held(rows, seconds):
    """Have another transaction hold rows for some time."""
    holds, ended = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            list(rows.select_for_update(of=("self",)))
            holds.set()
            ended.wait(seconds)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(10)
    try:
        yield
    finally:
        ended.set()
        thread.join()


def rest(method, address, job=None, data=None):
    user, _ = get_user_model().objects.get_or_create(username="operator", defaults={"is_superuser": True})
    token, _ = Token.objects.get_or_create(user=user)
    url = reverse(f"{API}-{address}", kwargs={"pk": job.pk} if job else {})
    headers = {"Authorization": f"Token {token.key}"}
    return getattr(Client(), method)(url, data or {}, content_type="application/json", headers=headers)


def page(address, job, data):
    user, _ = get_user_model().objects.get_or_create(username="operator", defaults={"is_superuser": True})
    client = Client()
    client.force_login(user)
    return client.post(reverse(f"{UI}_{address}", kwargs={"pk": job.pk}), data, follow=True)


OVERRIDE = {"description": "Chosen", "description_override": True}


def requests(job):
    """Return requests that change a job, of each kind."""
    return {
        "one": lambda: rest("patch", "detail", job, OVERRIDE),
        "many": lambda: rest("patch", "list", data=[{"id": str(job.pk), **OVERRIDE}]),
        "reset": lambda: rest("post", "reset-overrides", job),
    }


@committing
@pytest.mark.parametrize("kind", ["one", "many", "reset"])
@pytest.mark.parametrize("rows", [Job, RegisteredJob])
def test_rest_tries_again_what_waited_too_long(job, impatient, kind, rows):
    job.description, job.description_override = "Before", True
    job.save()
    with held(rows.objects.filter(module_name="one"), AWHILE):
        answer = requests(job)[kind]()
    assert answer.status_code == 200, answer.content
    job.refresh_from_db()
    assert job.description_override is (kind != "reset")


@committing
def test_rest_answers_503_and_when_to_try_again_where_all_attempts_are_given_up(job, impatient):
    with held(Job.objects.filter(module_name="one"), LONG):
        for kind, request in requests(job).items():
            if kind != "reset":
                answer = request()
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), kind
                assert answer.json()["detail"] == attempts.TRY_AGAIN
    job.refresh_from_db()
    assert not job.description_override


@committing
def test_rest_tries_a_deletion_again_and_answers_503(job, impatient):
    RegisteredJob.objects.update(installed=False, absence="removed")
    with held(Job.objects.filter(module_name="one"), LONG):
        assert rest("delete", "detail", job).status_code == 503
        assert rest("delete", "list", data=[{"id": str(job.pk)}]).status_code == 503
    with held(Job.objects.filter(module_name="one"), AWHILE):
        assert rest("delete", "detail", job).status_code == 204
    assert not RegisteredJob.objects.filter(pk=job.pk).exists()


@committing
def test_the_form_is_shown_again_with_what_was_typed_and_a_word(job, impatient):
    data = {"name": job.name, "grouping": job.grouping, "description": "Typed", "description_override": "on"}
    with held(Job.objects.filter(module_name="one"), LONG):
        answer = page("edit", job, data)
    assert answer.status_code == 200
    assert attempts.TRY_AGAIN in answer.content.decode()
    assert "Typed" in answer.content.decode()
    with held(Job.objects.filter(module_name="one"), AWHILE):
        answer = page("edit", job, data)
    job.refresh_from_db()
    assert (answer.status_code, job.description) == (200, "Typed")


@committing
def test_a_page_that_deletes_says_so_and_goes_back(job, impatient):
    RegisteredJob.objects.update(installed=False, absence="removed")
    with held(Job.objects.filter(module_name="one"), LONG):
        answer = page("delete", job, {"confirm": "true"})
    assert answer.status_code == 200
    assert attempts.TRY_AGAIN in answer.content.decode()
    assert RegisteredJob.objects.filter(pk=job.pk).exists()


@committing
@pytest.mark.parametrize("rows", [Job, RegisteredJob])
def test_a_reconcile_waits_for_rows_and_holds_none_meanwhile(job, jobs_root, rows):
    other = JobClassSourceFactory(name="Other")
    JobModuleFactory(folder=jobs_root, name="another", classes=[other])
    reconcile("local")
    for module in ("one", "another"):
        classes = [JobClassSourceFactory(name="One" if module == "one" else "Other", meta={"description": "new"})]
        JobModuleFactory(folder=jobs_root, name=module, classes=classes)
    done = threading.Event()

    def work():
        reconcile("local")
        done.set()
        connections.close_all()

    with held(rows.objects.filter(module_name="one"), LONG):
        thread = threading.Thread(target=work)
        thread.start()
        done.wait(2)
        assert not done.is_set()
        # Nobody else waits for it: neither for the other job, nor for the lock of the registry.
        with transaction.atomic():
            both = RegisteredJob.objects.filter(module_name="another")
            Rows(frozenset(both.values_list("core_job", flat=True)), frozenset(both.values_list("pk", flat=True))).lock(
                wait=False
            )
    thread.join()
    assert set(
        RegisteredJob.objects.filter(module_name__in=["one", "another"]).values_list("description", flat=True)
    ) == {"new"}
    assert not Reconciliation.objects.filter(status="failed").exists()


@committing
def test_a_reconcile_that_breaks_its_connection_is_tried_again(job, jobs_root, monkeypatch):
    JobModuleFactory(
        folder=jobs_root, name="one", classes=[JobClassSourceFactory(name="One", meta={"description": "new"})]
    )
    attempt, tried = carrying_out._attempt, []

    def break_once(*args, **kwargs):
        tried.append(1)
        if len(tried) == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return attempt(*args, **kwargs)

    monkeypatch.setattr(carrying_out, "_attempt", break_once)
    assert reconcile("local").reconciliation.status == "succeeded"
    job.refresh_from_db()
    assert (job.description, len(tried)) == ("new", 2)


def given_up(times, error=OperationalError):
    """Return what is given up some times and works then, and how often it was called."""
    calls = []

    def attempt():
        calls.append(1)
        if len(calls) <= times:
            raise error("deadlock detected")
        return "done"

    return attempt, calls


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@committing
def test_an_attempt_is_made_again_a_few_times(error):
    attempt, calls = given_up(2, error)
    assert (attempts.try_again(attempt, what="it"), len(calls)) == ("done", 3)
    attempt, calls = given_up(99, error)
    with pytest.raises(error):
        attempts.try_again(attempt, what="it")
    assert len(calls) == attempts.ATTEMPTS


@pytest.mark.django_db
def test_in_somebody_elses_transaction_there_is_one_attempt():
    attempt, calls = given_up(1)
    with pytest.raises(OperationalError):
        attempts.try_again(attempt, what="it")
    assert len(calls) == 1


@committing
def test_what_is_given_up_within_a_save_of_nautobots_is_done_after_the_commit():
    attempt, calls = given_up(1)
    with transaction.atomic():
        JobQueue.objects.create(name="night", queue_type="celery")
        host.now_or_after_commit(attempt, what="do it")
        assert len(calls) == 1
    assert len(calls) == 2
    assert JobQueue.objects.filter(name="night").exists()


@committing
def test_what_core_switches_off_is_recorded_though_the_database_gave_it_up_at_first(job, monkeypatch):
    core = Job.objects.get(module_name="one")
    schedule = ScheduledJobFactory(job_model=core)
    record, calls = suspending.record_switching_off, []

    def give_up_once(*args):
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("deadlock detected")
        record(*args)

    monkeypatch.setattr(suspending, "record_switching_off", give_up_once)
    with transaction.atomic():
        core.installed = False
        core.save()
    schedule.refresh_from_db()
    assert not schedule.enabled
    (suspension,) = Suspension.objects.filter(object_id=schedule.pk)
    assert (suspension.previous_state["enabled"], suspension.outcome) == (True, "suspended")


@committing
def test_a_command_says_in_one_line_that_the_database_gave_up(job, monkeypatch):
    def give_up(*args, **kwargs):
        raise OperationalError("deadlock detected\nDETAIL: much more")

    monkeypatch.setattr("nautobot_job_registry.lifecycle.purge.carry_out_purge", give_up)
    RegisteredJob.objects.update(installed=False, absence="removed", uninstalled_at="2020-01-01T00:00Z")
    with pytest.raises(CommandError, match=r"gave up all attempts.*deadlock detected$"):
        call_command("purge_uninstalled_jobs", "--older-than", "1d", "--no-input")


@committing
def test_the_deletion_of_a_record_by_itself_locks_the_row_of_core_first(job, impatient):
    RegisteredJob.objects.update(installed=False, absence="removed")
    job.refresh_from_db()
    with held(Job.objects.filter(module_name="one"), LONG), pytest.raises(OperationalError), transaction.atomic():
        job.delete()
    assert RegisteredJob.objects.filter(pk=job.pk).exists()


@committing
@pytest.mark.parametrize("error", [OperationalError, RuntimeError])
def test_a_sync_goes_on_and_is_reconciled_after_its_commit_where_the_database_gave_it_up(monkeypatch, error):
    result = JobResult.objects.create(name="sync")
    result.use_job_logs_db = False
    calls = []

    def give_up_once(*args):
        calls.append(connection.in_atomic_block)
        if len(calls) == 1:
            raise error("deadlock detected")

    monkeypatch.setattr(datasources, "_reconcile", give_up_once)
    with transaction.atomic():
        datasources.refresh_registered_jobs(None, result)
    assert calls == ([True, False] if error is OperationalError else [True])
    (entry,) = JobLogEntry.objects.filter(job_result=result)
    assert entry.log_level == "warning"
    assert entry.message.endswith(
        "it is tried again when the sync has been committed."
        if error is OperationalError
        else "the next reconcile mends it."
    )
