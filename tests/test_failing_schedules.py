"""Schedules that the code of their job makes fail: told before it happens, found, counted, and never out of date."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from nautobot.apps.testing import TestCase
from nautobot.extras.models import Job, ScheduledJob

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.filters import JobScheduleFilterSet
from nautobot_job_registry.history import events, sentences
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models import JobSchedule, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile, report
from tests.support import counted_statements, grant, refresh_core

MODULE = "asking_jobs"
NEED = next(need for need in needs.NEEDS if need.key == "failing_schedules")


def write(*inputs, names=("One",)):
    """Write jobs that require some inputs."""
    classes = [JobClassSourceFactory(name=name) for name in names]
    path = JobModuleFactory(folder=Path(settings.JOBS_ROOT), name=MODULE, classes=classes)
    lines = "".join(f"    {name} = StringVar()\n" for name in inputs)
    text = path.read_text().replace("(Job):\n", f"(Job):\n{lines}")
    path.write_text(f"from nautobot.apps.jobs import StringVar\n{text}")
    return path


def schedule(name, job="One", **values):
    core = Job.objects.get(module_name=MODULE, job_class_name=job)
    kwargs = values.pop("kwargs", {"site": "all"})
    return ScheduledJob.objects.create(
        name=name,
        task=core.class_path,
        job_model=core,
        interval="daily",
        start_time=timezone.now(),
        kwargs=kwargs,
        **values,
    )


@pytest.fixture
def world(db, jobs_root):
    write("site")
    refresh_core()
    empty_registry()
    reconcile("local")


def failing():
    return sorted(JobSchedule.objects.failing().values_list("scheduled_job__name", flat=True))


def test_plan_feed_sentence_and_event_tell_of_schedules_that_will_fail(world):
    schedule("nightly")
    schedule("weekly")
    schedule("fits", kwargs={"site": "all", "zone": "a"})
    schedule("off", enabled=False)
    schedule("done", one_off=True, last_run_at=timezone.now())
    write("site", "zone")
    plan = reconcile("local", dry_run=True).plan
    assert plan.counts()["misfits"] == 2
    row = reconcile("local").reconciliation
    assert row.misfits == 2
    [entry] = row.changes
    assert entry["misfits"] == {"schedules": 2, "missing": ["zone"]}
    told = f"2 schedules of {MODULE}.One will fail: 'zone' is required, but not stored."
    assert told in list(sentences.sentences(row.changes))
    assert "will fail" in report.plan_as_table(plan)
    [event] = [event for event in events.events_of(row, {}) if event.topic.endswith("schedules_will_fail")]
    assert event.payload["message"] == told
    assert row.summary.startswith(f"Schedules of {MODULE}.One will fail; ")


def test_nothing_is_told_where_the_stored_arguments_fit(world):
    schedule("nightly", kwargs={"site": "all", "zone": "a"})
    write("site", "zone")
    outcome = reconcile("local")
    assert outcome.plan.misfits == ()
    assert "misfits" not in outcome.reconciliation.changes[0]


def test_the_number_of_statements_does_not_depend_on_how_many_there_are(world):
    counts = []
    for number in (1, 20):
        names = [f"Job{index}" for index in range(number)]
        write("site", names=names)
        refresh_core()
        reconcile("local")
        for name in names:
            schedule(f"{name} {number}", name)
        write("site", "zone", names=names)
        with counted_statements() as statements:
            assert reconcile("local", dry_run=True).plan.counts()["misfits"] >= number
        counts.append(len(statements))
        with counted_statements() as statements:
            assert NEED.count() == 0
        assert len(statements) <= 2
    assert counts[0] == counts[1]


def test_need_and_filter_are_true_whoever_changes_a_schedule(world):
    nightly = schedule("nightly")
    schedule("off", enabled=False)
    write("site", "zone")
    assert failing() == []
    reconcile("local")
    assert failing() == ["nightly"]
    assert NEED.count() == 1
    assert sorted(JobScheduleFilterSet({"misfits": True}).qs) == list(JobSchedule.objects.failing())
    assert JobScheduleFilterSet({"misfits": False}).qs.get().scheduled_job.name == "off"
    # By a form, past all signals, and back again.
    nightly.kwargs = {"site": "all", "zone": "a"}
    nightly.save()
    assert failing() == []
    ScheduledJob.objects.update(kwargs={"zone": "a"})
    assert failing() == ["nightly"]
    ScheduledJob.objects.filter(name="off").update(enabled=True)
    assert failing() == ["nightly", "off"]
    RegisteredJob.objects.update(current_revision=None)
    assert failing() == []


class PlanPageTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(write("site").unlink)
        refresh_core()
        empty_registry()
        reconcile("local")
        self.user.is_superuser = True
        self.user.save()

    def test_plan_names_those_that_a_person_may_view(self):
        found = schedule("nightly")
        write("site", "zone")
        url = reverse("plugins:nautobot_job_registry:reconcile_now")
        content = self.client.get(url, {"source": "local"}).content.decode()
        self.assertIn("1 schedule will fail: &#x27;zone&#x27; is required, but not stored.", content)
        self.assertIn(f'<a href="{found.get_absolute_url()}">nightly</a>', content)
        self.assertRegex(content, re.compile(r'href="#changes-misfits"[^>]*>1 schedule will fail</a>'))
        self.user.is_superuser = False
        self.user.save()
        grant(self.user, Reconciliation, ["add"])
        content = self.client.get(url, {"source": "local"}).content.decode()
        self.assertIn("1 schedule will fail", content)
        self.assertNotIn("nightly", content)
