"""The models keep their own rules (rules 7, 13, 15 and 19)."""

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from nautobot.apps.testing import ModelTestCases
from nautobot.extras.models import Job, JobQueue, JobResult

from nautobot_job_registry import models
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag
from nautobot_job_registry.factory import (
    JobLoadErrorFactory,
    JobRevisionFactory,
    JobRunFactory,
    JobScheduleFactory,
    ReconciliationFactory,
    RegisteredJobFactory,
    job_metadata,
)
from tests.support import counted_statements


class RegisteredJobModelTest(ModelTestCases.BaseModelTestCase):
    model = models.RegisteredJob

    @classmethod
    def setUpTestData(cls):
        JobRevisionFactory(job__module_name="first", metadata=job_metadata(description="one"))
        RegisteredJobFactory(module_name="second")


class JobRevisionModelTest(ModelTestCases.BaseModelTestCase):
    model = models.JobRevision

    @classmethod
    def setUpTestData(cls):
        JobRevisionFactory(job__module_name="first")


class FieldOverrideModelTest(ModelTestCases.BaseModelTestCase):
    model = models.FieldOverride

    @classmethod
    def setUpTestData(cls):
        RegisteredJobFactory(module_name="first", hidden=True, hidden_override=True)


class JobRunModelTest(ModelTestCases.BaseModelTestCase):
    model = models.JobRun

    @classmethod
    def setUpTestData(cls):
        JobRunFactory(job__module_name="first")


class JobScheduleModelTest(ModelTestCases.BaseModelTestCase):
    model = models.JobSchedule

    @classmethod
    def setUpTestData(cls):
        JobScheduleFactory(job__module_name="first")


class JobLoadErrorModelTest(ModelTestCases.BaseModelTestCase):
    model = models.JobLoadError

    @classmethod
    def setUpTestData(cls):
        JobLoadErrorFactory(module_name="first")


class ReconciliationModelTest(ModelTestCases.BaseModelTestCase):
    model = models.Reconciliation

    @classmethod
    def setUpTestData(cls):
        ReconciliationFactory(scope="local")


SOURCE = {
    "grouping": "From source",
    "name": "Source name",
    "description": "Source description",
    "hidden": True,
    "console_log_default": True,
    "dryrun_default": True,
    "soft_time_limit": 11.0,
    "time_limit": 22.0,
    "has_sensitive_variables": False,
    "is_singleton": True,
}
OTHER = {
    "grouping": "Mine",
    "name": "My name",
    "description": "My description",
    "hidden": False,
    "console_log_default": False,
    "dryrun_default": False,
    "soft_time_limit": 1.0,
    "time_limit": 2.0,
    "has_sensitive_variables": True,
    "is_singleton": False,
}


@pytest.fixture
def queues(db):
    return {name: JobQueue.objects.create(name=name, queue_type="celery") for name in ("red", "green", "blue")}


@pytest.fixture
def job(queues):
    metadata = job_metadata(**SOURCE, job_queues=["red", "green"], default_job_queue="red")
    return JobRevisionFactory(metadata=metadata).job


def reloaded(job):
    return models.RegisteredJob.objects.get(pk=job.pk)


@pytest.mark.parametrize("field", VALUE_FIELDS)
def test_cleared_flag_restores_the_source_value(job, field):
    setattr(job, field, OTHER[field])
    setattr(job, override_flag(field), True)
    job.validated_save()
    assert getattr(reloaded(job), field) == OTHER[field]
    setattr(job, override_flag(field), False)
    job.save()
    assert getattr(reloaded(job), field) == SOURCE[field]


def test_cleared_flag_restores_the_queues(job, queues):
    job.job_queues_override = job.default_job_queue_override = True
    job.default_job_queue = queues["blue"]
    job.save()
    job.job_queues.set([queues["blue"]])
    job.save()
    assert set(reloaded(job).job_queues.all()) == {queues["blue"]}
    assert reloaded(job).default_job_queue == queues["blue"]
    job.job_queues_override = job.default_job_queue_override = False
    job.save()
    assert set(reloaded(job).job_queues.all()) == {queues["red"], queues["green"]}
    assert reloaded(job).default_job_queue == queues["red"]


@pytest.mark.parametrize("field", VALUE_FIELDS)
def test_value_without_its_flag_does_not_stay(job, field):
    setattr(job, field, OTHER[field])
    job.save()
    assert getattr(reloaded(job), field) == SOURCE[field]


def test_flag_that_is_saved_alone_takes_its_value_with_it(job):
    job.name, job.name_override = "Mine", True
    job.save()
    job.name_override = False
    job.save(update_fields=["name_override"])
    assert reloaded(job).name == "Source name"


def test_job_that_is_not_installed_is_restored_too(job):
    job.installed, job.absence = False, "removed"
    job.description, job.description_override = "Mine", True
    job.save()
    job.description_override = False
    job.validated_save()
    assert reloaded(job).description == "Source description"


def test_saving_loads_no_job_code(job, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("job code was loaded")

    monkeypatch.setattr("nautobot.core.celery.import_jobs", refuse)
    monkeypatch.setattr("nautobot.extras.jobs.import_jobs", refuse)
    job.description_override = False
    job.validated_save()


def test_value_stays_where_no_revision_is_known(db):
    job = RegisteredJobFactory(description="Known from core")
    assert set(job.restore_source_values()) == set(OVERRIDABLE_FIELDS)
    job.save()
    assert reloaded(job).description == "Known from core"


def test_one_save_costs_a_bounded_number_of_statements(job):
    job.description, job.description_override = "Mine", True
    job = reloaded(job)
    with counted_statements() as statements:
        job.save()
    assert len(statements) <= 8


def test_what_a_save_of_some_columns_left_out_is_written_by_the_next(job):
    job = models.RegisteredJob.objects.get(pk=job.pk)
    job.time_limit, job.time_limit_override, job.enabled = 5.0, True, True
    job.save(update_fields=["enabled"])
    job.refresh_from_db(fields=["installed"])
    job.save()
    stored = models.RegisteredJob.objects.get(pk=job.pk)
    assert (stored.enabled, stored.overrides) == (True, {"time_limit": 5.0})
    assert stored.field_overrides.get().value == 5.0


def test_what_a_save_has_changed_can_be_put_back_and_is_written_again_after_a_rollback(job):
    job = models.RegisteredJob.objects.get(pk=job.pk)
    for enabled in (True, False):
        job.enabled = enabled
        job.save()
        assert models.RegisteredJob.objects.get(pk=job.pk).enabled is enabled
    with transaction.atomic():
        job.enabled = True
        job.save()
        transaction.set_rollback(True)
    job.save()
    assert models.RegisteredJob.objects.get(pk=job.pk).enabled


def test_what_is_changed_in_place_is_written(job):
    job = models.RegisteredJob.objects.get(pk=job.pk)
    job.dismissed_predecessors.append("old.Job")
    job.save()
    assert models.RegisteredJob.objects.get(pk=job.pk).dismissed_predecessors == ["old.Job"]


def test_overridden_fields_are_named(job):
    job.name_override = job.hidden_override = True
    assert job.overridden_fields == ("name", "hidden")


def test_record_is_found_by_its_natural_key(job):
    assert models.RegisteredJob.objects.get_by_natural_key(job.module_name, job.job_class_name) == job


def test_revision_is_never_changed(job):
    revision = job.current_revision
    revision.number = 7
    with pytest.raises(ValidationError):
        revision.save()
    with pytest.raises(ValidationError):
        models.JobRevision.objects.filter(pk=revision.pk).update(number=7)


def test_record_of_an_installed_job_is_not_deleted(job):
    for delete in (job.delete, models.RegisteredJob.objects.filter(pk=job.pk).delete):
        with pytest.raises(ProtectedError, match="installed"), transaction.atomic():
            delete()


def test_record_of_an_uninstalled_job_is_deleted_with_its_revisions_and_the_core_job(job):
    core_job = Job.objects.create(
        module_name="gone", job_class_name="Gone", name="Gone", default_job_queue=job.default_job_queue
    )
    run = JobResult.objects.create(name="run", job_model=core_job)
    job.core_job, job.installed = core_job, False
    job.save()
    models.RegisteredJob.objects.filter(pk=job.pk).delete()
    assert not models.JobRevision.objects.filter(job_id=job.pk).exists()
    assert not Job.objects.filter(pk=core_job.pk).exists()
    run.refresh_from_db()
    assert run.job_model is None


def test_record_of_a_removed_system_job_is_deleted_with_the_core_job(job):
    core_job = Job.objects.create(
        module_name="nautobot.gone", job_class_name="Gone", name="Gone", default_job_queue=job.default_job_queue
    )
    models.RegisteredJob.objects.filter(pk=job.pk).update(core_job=core_job, installed=False)
    models.RegisteredJob.objects.get(pk=job.pk).delete()
    assert not Job.objects.filter(pk=core_job.pk).exists()


def test_read_only_fields_cannot_be_edited(job):
    fields = ("module_name", "job_class_name", "source_type", "source_name", "git_repository", "source_version")
    fields += ("installed", "absence", "is_job_hook_receiver", "is_job_button_receiver", "read_only", "supports_dryrun")
    assert not [name for name in fields if job._meta.get_field(name).editable]


def test_a_chosen_name_is_free_and_a_limit_is_a_number(job):
    queue = JobQueue.objects.get(name="default")
    Job.objects.create(module_name="other", job_class_name="Other", grouping="G", name="Taken", default_job_queue=queue)
    for field, value in (("name", "Taken"), ("time_limit", float("nan")), ("soft_time_limit", float("inf"))):
        setattr(job, field, value)
        setattr(job, f"{field}_override", True)
        with pytest.raises(ValidationError) as raised:
            job.full_clean()
        assert list(raised.value.message_dict) == [field]
        job.refresh_from_db()


def test_a_name_that_is_chosen_already_does_not_stand_in_the_way_of_an_edit(job):
    for name in ("Taken", "Taken again"):
        models.RegisteredJob.objects.create(
            module_name=name, job_class_name="Other", source_type="local", grouping="G", name=name
        )
    job.name, job.name_override = "Taken", True
    job.validated_save()
    queue = JobQueue.objects.get(name="default")
    Job.objects.create(module_name="other", job_class_name="Other", grouping="G", name="Taken", default_job_queue=queue)
    stored = models.RegisteredJob.objects.get(pk=job.pk)
    stored.enabled = True
    stored.validated_save()
    stored.name = "Taken again"
    stored.validated_save()
    assert stored.overrides == {"name": "Taken again"}


def overrides_of(job):
    return {row.field: (row.value, row.source_value, row.is_drifted) for row in job.field_overrides.all()}


def drifted():
    return set(models.FieldOverride.objects.drifted().values_list("field", flat=True))


def test_each_set_flag_has_a_row_in_the_ledger_and_no_other(job):
    night = JobQueue.objects.create(name="night", queue_type="celery")
    job.description, job.description_override, job.job_queues_override = "chosen", True, True
    job.save()
    job.job_queues.set([night])
    queues = job.current_revision.metadata["job_queues"]
    said = job.current_revision.metadata["description"]
    both = sorted({job.default_job_queue.name, "night"})
    assert overrides_of(job) == {"description": ("chosen", said, False), "job_queues": (both, queues, False)}
    job.description_override = False
    job.save()
    assert set(overrides_of(job)) == {"job_queues"}


def test_an_override_drifts_when_the_source_says_something_else(job):
    job.description, job.description_override, job.hidden_override = "chosen", True, True
    job.save()
    assert drifted() == set()
    metadata = {**job.current_revision.metadata, "description": "new words"}
    job.current_revision = JobRevisionFactory(job=job, number=2, metadata=metadata)
    job.save()
    assert overrides_of(job)["description"][2] and not overrides_of(job)["hidden"][2]
    assert drifted() == {"description"}
    job.description = "chosen again"
    job.save()
    assert drifted() == set()


@pytest.mark.django_db
def test_an_override_without_a_known_source_does_not_drift():
    job = RegisteredJobFactory(module_name="unknown", hidden=True, hidden_override=True)
    job.current_revision = JobRevisionFactory(job=job, metadata=job_metadata())
    job.save()
    assert overrides_of(job) == {"hidden": (True, None, False)}
    assert drifted() == set()


def test_drift_is_found_whatever_the_kind_of_the_value(job):
    hidden = not job.current_revision.metadata["hidden"]
    changes = {
        "grouping": "x",
        "hidden": hidden,
        "time_limit": 7.0,
        "job_queues": ["a", "b"],
        "default_job_queue": None,
    }
    for field in changes:
        setattr(job, override_flag(field), True)
    job.save()
    assert drifted() == set()
    metadata = {**job.current_revision.metadata, **changes}
    job.current_revision = JobRevisionFactory(job=job, number=2, metadata=metadata)
    job.save()
    assert drifted() == set(changes)
