"""What is decided on one side is in force on the other (rule 16)."""

import pytest
from nautobot.extras.models import Job, JobQueue, ScheduledJob

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import counted_statements, refresh_core

pytestmark = pytest.mark.django_db

VALUES = {
    "grouping": ("Chosen", "Chosen again"),
    "name": ("Chosen", "Chosen again"),
    "description": ("Chosen", "Chosen again"),
    "hidden": (True, False),
    "console_log_default": (True, False),
    "dryrun_default": (True, False),
    "soft_time_limit": (5.0, 6.0),
    "time_limit": (5.0, 6.0),
    "has_sensitive_variables": (False, True),
    "is_singleton": (True, False),
    "job_queues": (["default", "night"], ["day", "default", "night"]),
    "default_job_queue": ("night", "day"),
}


@pytest.fixture
def sides(jobs_root):
    """The two rows of one real job, read anew whenever they are asked for."""
    empty_registry()
    for name in ("day", "night"):
        JobQueue.objects.create(name=name, queue_type="celery")
    meta = {"description": "source", "time_limit": 60}
    JobModuleFactory(folder=jobs_root, name="bridged", classes=[JobClassSourceFactory(name="Bridged", meta=meta)])
    refresh_core()
    reconcile()
    return Sides()


class Sides:
    models = {"registry": RegisteredJob, "core": Job}

    def row(self, side):
        return self.models[side].objects.get(module_name="bridged", job_class_name="Bridged")

    def decide(self, side, field, value=None):
        """Override a field, or clear its override where no value is given."""
        row = self.row(side)
        setattr(row, override_flag(field), value is not None)
        source = self.row("registry").source_values[field]
        self.put(row, field, source if value is None else value)

    def put(self, row, field, value):
        if field == "default_job_queue":
            value = JobQueue.objects.get(name=value)
        if field != "job_queues":
            setattr(row, field, value)
        row.save()
        if field == "job_queues":
            row.job_queues.set(JobQueue.objects.filter(name__in=value))

    def said(self, side, field):
        row = self.row(side)
        value = getattr(row, field)
        if field == "job_queues":
            value = sorted(queue.name for queue in value.all())
        elif field == "default_job_queue":
            value = value.name
        return value, getattr(row, override_flag(field))

    def assert_agreed(self, field, value, overridden):
        assert self.said("registry", field) == self.said("core", field) == (value, overridden)
        ledger = dict(self.row("registry").field_overrides.values_list("field", "value"))
        assert ledger == ({field: value} if overridden else {})
        assert reconcile(dry_run=True).plan.is_empty
        before = Job.objects.values_list().get(pk=self.row("core").pk)
        refresh_core()
        after = Job.objects.values_list().get(pk=self.row("core").pk)
        assert [a for a, b in zip(before, after, strict=True) if a != b][1:] == []
        assert reconcile(dry_run=True).plan.is_empty


@pytest.mark.parametrize("field", OVERRIDABLE_FIELDS)
@pytest.mark.parametrize(("first", "second"), [("registry", "core"), ("core", "registry")])
def test_a_field_is_set_changed_and_cleared_on_either_side(sides, field, first, second):
    source = sides.row("registry").current_revision.metadata[field]
    chosen, changed = VALUES[field]
    sides.decide(first, field, chosen)
    sides.assert_agreed(field, chosen, True)
    origin = sides.row("registry").field_overrides.get().origin
    assert origin == {"registry": "operator", "core": "core"}[first]
    sides.decide(second, field, changed)
    sides.assert_agreed(field, changed, True)
    sides.decide(first, field)
    sides.assert_agreed(field, source, False)


@pytest.mark.parametrize("side", ["registry", "core"])
def test_enabled_is_the_same_on_both_sides(sides, side):
    for enabled in (True, False):
        row = sides.row(side)
        row.enabled = enabled
        row.save()
        assert sides.row("registry").enabled is sides.row("core").enabled is enabled
        assert reconcile(dry_run=True).plan.is_empty


def test_an_edit_that_no_signal_tells_of_is_found_by_the_next_reconcile(sides):
    sides.decide("registry", "time_limit", 5.0)
    Job.objects.filter(module_name="bridged").update(description="Chosen", description_override=True)
    sides.decide("registry", "time_limit", 6.0)
    assert sides.said("core", "description") == ("Chosen", True)
    reconcile()
    assert sides.row("registry").overrides == {"description": "Chosen", "time_limit": 6.0}
    assert sides.said("core", "time_limit") == (6.0, True)


def test_a_name_that_core_has_given_to_another_job_is_numbered_there(sides):
    sides.decide("registry", "name", "Chosen")
    said = sides.row("registry").source_values["name"]
    other = Job(module_name="other", job_class_name="Other", name=said, grouping="G")
    other.default_job_queue = JobQueue.objects.get(name="day")
    other.save()
    sides.decide("registry", "name")
    assert sides.said("registry", "name") == (said, False)
    assert sides.said("core", "name") == (f"{said} (2)", True)


def test_an_edit_of_a_job_that_is_away_switches_nothing_off(sides, jobs_root):
    job = sides.row("core")
    timing = {"interval": "daily", "start_time": "2026-01-01T00:00:00Z"}
    schedule = ScheduledJob.objects.create(name="Nightly", task="x", job_model=job, enabled=True, **timing)
    Job.objects.filter(pk=job.pk).update(installed=False)
    RegisteredJob.objects.filter(core_job=job).update(installed=False, absence="load_error")
    sides.decide("registry", "time_limit", 5.0)
    assert sides.said("core", "time_limit") == (5.0, True)
    schedule.refresh_from_db()
    assert schedule.enabled


def test_a_save_that_decides_nothing_asks_the_other_side_nothing(sides):
    record, job = sides.row("registry"), sides.row("core")
    with counted_statements() as statements:
        record.save()
    assert not [sql for sql in statements if '"extras_job" ' in sql]
    with counted_statements() as statements:
        job.save()
    assert not [sql for sql in statements if "nautobot_job_registry" in sql]


def test_the_default_queue_stays_among_the_queues_on_both_sides(sides):
    sides.decide("registry", "job_queues", ["night"])
    sides.assert_agreed("job_queues", ["default", "night"], True)
