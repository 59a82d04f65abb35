"""Whatever is done on either side, and to the source, both sides agree after a reconcile and no decision is lost."""

import itertools
import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from nautobot.extras.models import Job, JobQueue
from nautobot.extras.registry import registry

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, override_flag
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import refresh_core

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

JOBS = ("alpha", "beta")
SEQUENCES = 100
PARTS = 4
STEPS = 30
VALUES = {
    "description": ("One", "Two"),
    "grouping": ("Here", "There"),
    "hidden": (True, False),
    "time_limit": (5.0, 6.0),
    "has_sensitive_variables": (False, True),
    "default_job_queue": ("day", "night"),
    "job_queues": (("day", "default"), ("day", "default", "night")),
}
jobs = st.sampled_from(JOBS)
fields = st.sampled_from(sorted(VALUES))
picks = st.sampled_from((0, 1))
numbers = itertools.count(1)


class Agreement(RuleBasedStateMachine):
    """Two jobs, two sides, and what persons have decided about them."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.folder = Path(django_settings.JOBS_ROOT)
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in [path for path in registry["jobs"] if path.partition(".")[0] in JOBS]:
            del registry["jobs"][path]
        self.sources = {job: {"name": job, "description": "source"} for job in JOBS}
        self.files = dict.fromkeys(JOBS, "there")
        self.decided = {job: {} for job in JOBS}
        self.untold = {job: {} for job in JOBS}
        self.enabled = dict.fromkeys(JOBS, False)
        self.is_loaded = False

    def teardown(self):
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # The source

    def write(self, job):
        self.is_loaded = False
        path = self.folder / f"{job}.py"
        path.unlink(missing_ok=True)
        if self.files[job] != "gone":
            broken = "import a_module_that_is_not_there" if self.files[job] == "broken" else ""
            classes = [JobClassSourceFactory(name=job.title(), meta=self.sources[job])]
            JobModuleFactory(folder=self.folder, name=job, classes=classes, before=broken)

    @initialize()
    def begin(self):
        for job in JOBS:
            self.write(job)
        self.refresh()
        self.reconcile()

    def refresh(self):
        refresh_core()
        self.is_loaded = True

    def reconcile(self):
        """Reconcile, with the code loaded anew only where it has changed, and see that there is nothing to do then."""
        reconcile("local", reload=not self.is_loaded)
        self.is_loaded = True
        assert reconcile("local", dry_run=True, reload=False).plan.is_empty

    @rule(
        job=jobs, description=st.sampled_from(("source", "other")), name=st.sampled_from(("alpha", "beta", "n" * 130))
    )
    def change_the_source(self, job, description, name):
        self.sources[job] = {"name": name, "description": description}
        self.write(job)

    @rule(job=jobs, state=st.sampled_from(("there", "broken", "gone")))
    def break_remove_or_return(self, job, state):
        self.files[job] = state
        self.write(job)

    # Both sides

    def row(self, model, job):
        return model.objects.filter(module_name=job, job_class_name=job.title()).first()

    def decide(self, model, job, field, value):
        """Override a field, or clear its override where no value is given, as a script does: read, set, save."""
        row = self.row(model, job)
        if row is None:
            return
        is_decided = not self.says(row, field, value)
        if is_decided:
            self.notice(job)
            self.decided[job].pop(field, None)
            if value is not None:
                self.decided[job][field] = value
            if model is Job:
                self.untold[job].pop(field, None)
        setattr(row, override_flag(field), value is not None)
        if value is not None:
            self.put(row, field, value)
        row.save()
        if field == "job_queues" and value is not None:
            row.job_queues.set(JobQueue.objects.filter(name__in=value))
        if is_decided:
            self.notice(job)

    def says(self, row, field, value):
        """Say whether a row says so already: then nothing is decided, whatever the other side says."""
        if not getattr(row, override_flag(field)) or value is None:
            return getattr(row, override_flag(field)) == (value is not None)
        if field == "job_queues":
            return set(row.job_queues.values_list("name", flat=True)) == set(value)
        return (row.default_job_queue.name if field == "default_job_queue" else getattr(row, field)) == value

    def put(self, row, field, value):
        if field == "default_job_queue":
            row.default_job_queue = JobQueue.objects.get(name=value)
        elif field != "job_queues":
            setattr(row, field, value)

    def notice(self, job):
        """What was written to core's row without a word is noticed when somebody decides something on either side.

        A row that was made anew tells nothing, until somebody decides something in it.
        """
        record, core = self.row(RegisteredJob, job), self.row(Job, job)
        if record is not None and core is not None and record.core_job_id == core.pk:
            self.decided[job].update(self.untold[job])
            self.untold[job] = {}

    @rule(job=jobs, field=fields, pick=picks)
    def override_here(self, job, field, pick):
        self.decide(RegisteredJob, job, field, VALUES[field][pick])

    @rule(job=jobs, field=fields, pick=picks)
    def override_in_core(self, job, field, pick):
        self.decide(Job, job, field, VALUES[field][pick])

    @rule(job=jobs, field=fields)
    def clear_here(self, job, field):
        self.decide(RegisteredJob, job, field, None)

    @rule(job=jobs, field=fields)
    def clear_in_core(self, job, field):
        self.decide(Job, job, field, None)

    @rule(job=jobs, model=st.sampled_from((Job, RegisteredJob)))
    def choose_a_name(self, job, model):
        self.decide(model, job, "name", f"Chosen {next(numbers)}")

    @rule(job=jobs, model=st.sampled_from((Job, RegisteredJob)), enabled=st.booleans())
    def enable(self, job, model, enabled):
        row = self.row(model, job)
        if row is not None and row.enabled != enabled:
            self.notice(job)
            row.enabled = self.enabled[job] = enabled
            row.save()
            self.notice(job)

    @rule(job=jobs)
    def write_to_core_without_a_word(self, job):
        """Say something new: what a row said before is that of somebody who had read it earlier."""
        value = f"Silent {next(numbers)}"
        rows = Job.objects.filter(module_name=job)
        if rows.update(description=value, description_override=True):
            self.untold[job] = {"description": value}

    @rule(job=jobs, field=fields.filter(lambda name: name != "job_queues"), pick=picks)
    def edit_while_somebody_holds_on_to_the_row_of_core(self, job, field, pick):
        """Write back the columns that were read before an edit, as core's refresh in a migration does: no decision."""
        columns = ("enabled", override_flag(field), "default_job_queue_id" if field == "default_job_queue" else field)
        read = Job.objects.filter(module_name=job).values(*columns).first()
        self.decide(RegisteredJob, job, field, VALUES[field][pick])
        if read is not None:
            Job.objects.filter(module_name=job).update(**read)

    @rule(job=jobs)
    def delete_the_row_of_core(self, job):
        Job.objects.filter(module_name=job).delete()
        self.untold[job] = {}

    # What Nautobot does by itself

    @rule()
    def core_refreshes(self):
        self.refresh()

    @rule()
    def reconciles(self):
        for job in JOBS:
            self.notice(job)
        self.reconcile()
        for job in JOBS:
            self.untold[job] = {}
            self.holds(job)

    @precondition(lambda self: all(state == "there" for state in self.files.values()))
    @rule()
    def a_refresh_of_core_after_a_reconcile_changes_nothing(self):
        self.reconciles()
        before = self.said(Job)
        self.refresh()
        assert self.said(Job) == before
        assert reconcile("local", dry_run=True, reload=False).plan.is_empty

    def said(self, model):
        names = [name for name in (*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled") if name != "job_queues"]
        names[names.index("default_job_queue")] = "default_job_queue__name"
        rows = model.objects.filter(module_name__in=JOBS).order_by("module_name")
        queues = [sorted(row.job_queues.values_list("name", flat=True)) for row in rows]
        return list(rows.values_list("module_name", *names)), queues

    def holds(self, job):
        record, core = self.row(RegisteredJob, job), self.row(Job, job)
        if record is None:
            return
        if core is not None:
            for name in (*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled"):
                ours, theirs = getattr(record, name), getattr(core, name)
                if name == "job_queues":
                    ours, theirs = set(ours.all()), set(theirs.all())
                assert ours == theirs, (job, name, ours, theirs)
        ledger = {row.field: row for row in record.field_overrides.all()}
        assert sorted(ledger) == sorted(record.overridden_fields)
        by_persons = {name: row for name, row in ledger.items() if row.origin != "collision"}
        assert by_persons.keys() == self.decided[job].keys()
        for name, value in self.decided[job].items():
            found = record.value_of(name)
            if name == "job_queues":
                assert set(value) <= set(found)
            else:
                assert found == value, (job, name)
        assert record.enabled == self.enabled[job]


@pytest.mark.parametrize("part", range(PARTS))
def test_both_sides_agree_and_no_decision_is_lost(only_local_jobs, part):
    """A hundred sequences of up to thirty steps, in parts that run beside each other, the same ones each time.

    A sequence that fails is not made shorter, which takes longer than all the others together; to have that done,
    leave `phases` out.
    """
    run_state_machine_as_test(
        seed(part)(Agreement),
        settings=settings(
            max_examples=SEQUENCES // PARTS,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
