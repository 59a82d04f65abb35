"""The changes of a reconcile on Nautobot's event broker: a real one, on a real Redis server."""

import json
import os
import time
from urllib.parse import quote
from uuid import UUID

import pytest
import redis
from django.contrib.auth import get_user_model
from django.db import transaction
from nautobot.apps.events import EventBroker, RedisEventBroker, deregister_event_broker, register_event_broker

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, ReconciliationFactory, empty_registry
from nautobot_job_registry.history import events
from nautobot_job_registry.models import Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import break_with

pytestmark = pytest.mark.django_db

SECONDS_TO_WAIT = 10
JOB_ID = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
RECONCILIATION = {"id": "r", "trigger": "command", "scope": "all", "status": "succeeded"}
CONTEXT = {"user_name": "ada"}


class Listener:
    """Hears what is published on the topics of the registry."""

    def __init__(self, url):
        self.client = redis.Redis.from_url(url, decode_responses=True)
        self.channel = self.client.pubsub()
        self.channel.psubscribe("nautobot.job_registry.*")
        assert self.channel.get_message(timeout=SECONDS_TO_WAIT)["type"] == "psubscribe"

    def heard(self):
        """Return topic and payload of all that was published until now."""
        mark = f"nautobot.job_registry.mark.{time.monotonic_ns()}"
        self.client.publish(mark, "")
        messages = []
        while True:
            message = self.channel.get_message(timeout=SECONDS_TO_WAIT)
            assert message is not None
            if message["channel"] == mark:
                return messages
            messages.append((message["channel"].removeprefix(f"{events.PREFIX}."), json.loads(message["data"])))


@pytest.fixture
def listener():
    password = quote(os.environ.get("NAUTOBOT_REDIS_PASSWORD", ""), safe="")
    host, port = os.environ["NAUTOBOT_REDIS_HOST"], os.environ.get("NAUTOBOT_REDIS_PORT") or 6379
    url = f"redis://:{password}@{host}:{port}/{os.environ['NAUTOBOT_REDIS_BROKER_DATABASE']}"
    broker = RedisEventBroker(url=url)
    register_event_broker(broker)
    listening = Listener(url)
    yield listening
    deregister_event_broker(broker)
    listening.channel.close()


@pytest.fixture
def commit(django_capture_on_commit_callbacks):
    """Reconcile as if the test's transaction were committed after it."""

    def run(**options):
        with django_capture_on_commit_callbacks(execute=True):
            return reconcile("local", **options)

    return run


def write_job(folder, **meta):
    classes = [JobClassSourceFactory(name="Told", meta={"name": "Told", **meta})]
    return JobModuleFactory(folder=folder, name="told", classes=classes)


def told(heard):
    return [(topic, payload["job"]["class_path"], payload["action"]) for topic, payload in heard]


def test_life_of_a_job_is_told_change_by_change(jobs_root, listener, commit):
    path = write_job(jobs_root)
    commit()
    record = RegisteredJob.objects.get(module_name="told")
    write_job(jobs_root, time_limit=60)
    commit(user=get_user_model().objects.create(username="ada"))
    break_with("missing_import", jobs_root)
    commit()
    path.unlink()
    (jobs_root / "missing_import.py").unlink()
    commit()
    write_job(jobs_root, time_limit=60)
    commit()
    heard = listener.heard()
    assert told(heard) == [
        ("installed", "told.Told", "register"),
        ("changed", "told.Told", "change"),
        ("load_error", "missing_import", "open"),
        ("uninstalled", "told.Told", "uninstall"),
        ("load_error", "missing_import", "resolve"),
        ("installed", "told.Told", "return"),
    ]
    changed = heard[1][1]
    row = Reconciliation.objects.get(pk=changed["reconciliation"]["id"])
    assert changed["reconciliation"] == {
        "id": str(row.pk),
        "trigger": "command",
        "scope": "local",
        "status": "succeeded",
    }
    assert changed["job"] == {"id": str(record.pk), "class_path": "told.Told", "source": "local"}
    assert changed["differences"]["removed"]["time_limit"] == 0.0
    assert changed["differences"]["added"]["time_limit"] == 60.0
    assert "time limit from 0 to 60" in changed["message"]
    assert (changed["context"]["user_name"], changed["context"]["change_context"]) == ("ada", "Command")
    error = heard[2][1]
    assert (error["job"]["id"], error["job"]["source"], error["change"]["line"]) == (None, "local", 2)


def test_first_registration_is_told_by_its_row_alone(jobs_root, listener, commit):
    empty_registry()
    write_job(jobs_root)
    outcome = commit()
    assert outcome.reconciliation.registered == 1
    assert listener.heard() == []


def test_nothing_is_told_of_a_dry_run_and_of_what_is_rolled_back(
    jobs_root, listener, commit, django_capture_on_commit_callbacks
):
    write_job(jobs_root)
    commit(dry_run=True)
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        assert reconcile("local").plan.counts()["registered"] == 1
        transaction.set_rollback(True)
    assert listener.heard() == []


def test_reconcile_with_nothing_to_do_tells_nothing(jobs_root, listener, commit):
    write_job(jobs_root)
    commit()
    listener.heard()
    commit()
    assert listener.heard() == []


class BrokenBroker(EventBroker):
    """A broker that is out of reach."""

    attempts = 0

    def publish(self, *, topic, payload):
        self.attempts += 1
        raise ConnectionError("out of reach")


def test_broker_that_fails_harms_nothing_and_is_given_up(jobs_root, commit, caplog):
    classes = [JobClassSourceFactory(name=f"Told{n}", meta={"name": f"Told {n}"}) for n in range(10)]
    JobModuleFactory(folder=jobs_root, name="told", classes=classes)
    broker = BrokenBroker()
    register_event_broker(broker)
    try:
        outcome = commit()
    finally:
        deregister_event_broker(broker)
    assert outcome.reconciliation.status == "succeeded"
    assert RegisteredJob.objects.filter(module_name="told").count() == 10
    assert broker.attempts == events.MAX_FAILURES
    assert "The event broker fails" in caplog.text


def test_ids_of_all_jobs_cost_one_statement(django_assert_num_queries):
    changes = [{"job": f"module_{n}.Job", "action": "change", "fields": {}} for n in range(50)]
    row = ReconciliationFactory(changes=changes)
    with django_assert_num_queries(1):
        events._publish(row)


@pytest.mark.parametrize(
    ("action", "topic"),
    [
        ("register", "installed"),
        ("return", "installed"),
        ("uninstall", "uninstalled"),
        ("change", "changed"),
        ("adopt", "changed"),
        ("end_override", "override_ended"),
        ("suspend", "suspended"),
        ("restore", "restored"),
    ],
)
def test_entry_of_a_job_has_its_topic_and_all_that_it_says(action, topic):
    entry = {"job": "x.Job", "source": "git:y", "action": action, "field": "time_limit", "object": "nightly"}
    event = events.event_of(entry, {"x.Job": JOB_ID}, RECONCILIATION, CONTEXT)
    assert event.topic == f"nautobot.job_registry.job.{topic}"
    assert event.payload["job"] == {"id": str(JOB_ID), "class_path": "x.Job", "source": "git:y"}
    assert (event.payload["change"], event.payload["action"]) == (entry, action)
    assert (event.payload["reconciliation"], event.payload["context"]) == (RECONCILIATION, CONTEXT)
    assert event.payload["message"]
    json.dumps(event.payload)


@pytest.mark.parametrize(
    "entry",
    [
        {"job": "x.Job", "action": "refresh"},
        {"job": "x.Job", "action": "register", "absence": "removed"},
        {"job": "x.Job", "action": "propose"},
        {"load_error": "x", "action": "confirm"},
        {"job": "x.Job", "action": "of a later version"},
        {},
    ],
)
def test_what_is_no_news_has_no_event(entry):
    assert events.event_of(entry, {}, RECONCILIATION, CONTEXT) is None
