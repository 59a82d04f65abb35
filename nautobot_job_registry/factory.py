"""Factories of registry records and of job source files, for the tests of this app and of others.

Needs factory-boy: `pip install nautobot-job-registry[testing]`. Pass every value that a test asserts on.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import factory
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone
from factory.django import DjangoModelFactory
from git import Actor, Repo
from nautobot.extras.models import JobResult, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.engine.descriptor import JobDescriptor, Source, SourceText, SourceType
from nautobot_job_registry.models import choices

AUTHOR = Actor("Example", "example@example.com")

DEFAULT_METADATA = {
    "description": "",
    "hidden": False,
    "console_log_default": False,
    "dryrun_default": False,
    "soft_time_limit": 0.0,
    "time_limit": 0.0,
    "has_sensitive_variables": True,
    "is_singleton": False,
    "job_queues": ["default"],
    "default_job_queue": "default",
    "is_job_hook_receiver": False,
    "is_job_button_receiver": False,
    "read_only": False,
    "supports_dryrun": False,
    "previous_class_paths": [],
    "variables": [],
}


def job_metadata(**values: Any) -> dict[str, Any]:
    """Return the metadata of a revision: those of a job that says nothing about itself, with some values set.

    Args:
        **values: What the job says otherwise, such as `description` or `time_limit`.
    """
    return {"grouping": "Example jobs", "name": "Example job", **DEFAULT_METADATA, **values}


def empty_registry() -> None:
    """Forget every job, run of the reconcile, load error and suspension; Nautobot's own rows stay as they are."""
    models.RegisteredJob.objects.update(installed=False, core_job=None)
    # Nothing is to be switched off for it, as a deletion would.
    for anchors in (models.JobRun, models.JobSchedule):
        anchors.objects.update(job=None)
    logs = (models.JobLoadError, models.Reconciliation, models.Suspension)
    for model in (models.RegisteredJob, models.JobRevision, *logs):
        model.objects.all().delete()


class RegisteredJobFactory(DjangoModelFactory):
    """Makes the record of an installed local job, without a revision."""

    class Meta:
        model = models.RegisteredJob
        skip_postgeneration_save = True

    module_name = factory.Sequence(lambda number: f"example_{number}")
    job_class_name = "ExampleJob"
    source_type = choices.SourceTypeChoices.LOCAL
    source_name = "JOBS_ROOT"
    grouping = "Example jobs"
    name = factory.LazyAttribute(lambda job: f"{job.job_class_name} of {job.module_name}")


class JobRevisionFactory(DjangoModelFactory):
    """Makes a revision and the current one of its job, and puts the job to what it says."""

    class Meta:
        model = models.JobRevision
        skip_postgeneration_save = True

    job = factory.SubFactory(RegisteredJobFactory)
    number = 1
    metadata = factory.LazyAttribute(lambda revision: job_metadata(name=revision.job.name))
    source_code = "# The module of the job.\n"
    source_version = ""
    metadata_hash = factory.LazyAttribute(lambda revision: _descriptor(revision).metadata_hash)
    source_hash = factory.LazyAttribute(lambda revision: _descriptor(revision).source_hash)

    @factory.post_generation
    def is_current(obj: models.JobRevision, create: bool, extracted: bool | None, **kwargs: Any) -> None:
        """Make the revision the job's current one, unless `is_current=False` is passed."""
        if create and extracted is not False:
            obj.job.current_revision = obj
            obj.job.save()


def _descriptor(revision: Any) -> JobDescriptor:
    return JobDescriptor(
        module_name=revision.job.module_name,
        job_class_name=revision.job.job_class_name,
        source=Source(SourceType(revision.job.source_type), revision.job.source_name),
        source_version=revision.source_version,
        metadata=revision.metadata,
        source_code=SourceText(revision.source_code.encode()),
    )


class FieldOverrideFactory(factory.Factory):
    """Overrides a field of a job by the job's own way, and returns the row of the ledger that this makes.

    `FieldOverrideFactory(job=job, field="hidden", value=True, reason="Too slow")`. A field of queues is not for this:
    set the flag, save the job, and set its queues. An end may be in the past, as time passes in a database, too.
    """

    class Meta:
        model = models.FieldOverride

    job = factory.LazyFunction(lambda: JobRevisionFactory().job)
    field = "time_limit"
    value = 5.0
    reason = ""
    expires_at = None

    @classmethod
    def _create(cls, model_class: type, *args: Any, **values: Any) -> models.FieldOverride:
        job, field = values["job"], values["field"]
        setattr(job, field, values["value"])
        setattr(job, f"{field}_override", True)
        job.override_reason, job.override_expires_at = values["reason"], values["expires_at"]
        job.save()
        return job.field_overrides.get(field=field)


class JobLoadErrorFactory(DjangoModelFactory):
    """Makes an open load error of a local module."""

    class Meta:
        model = models.JobLoadError

    source_type = choices.SourceTypeChoices.LOCAL
    source_name = "JOBS_ROOT"
    module_name = factory.Sequence(lambda number: f"broken_{number}")
    file_path = factory.LazyAttribute(lambda error: f"{error.module_name}.py")
    line = 1
    exception_type = "ModuleNotFoundError"
    message = "No module named 'missing'"
    traceback = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'missing'\n"


class ReconciliationFactory(DjangoModelFactory):
    """Makes the log row of a reconcile that had nothing to do."""

    class Meta:
        model = models.Reconciliation

    trigger = choices.ReconciliationTriggerChoices.COMMAND
    scope = "all"
    status = choices.ReconciliationStatusChoices.SUCCEEDED
    started = factory.LazyFunction(timezone.now)
    finished = factory.SelfAttribute("started")


class JobResultFactory(DjangoModelFactory):
    """Makes a run of a job of Nautobot's own: `JobResultFactory(job_model=core_job)`. It is anchored as it is made."""

    class Meta:
        model = JobResult

    name = "Example run"


class ScheduledJobFactory(DjangoModelFactory):
    """Makes a daily schedule of a job of Nautobot's own: `ScheduledJobFactory(job_model=core_job)`."""

    class Meta:
        model = ScheduledJob

    name = factory.Sequence(lambda number: f"Example schedule {number}")
    task = factory.LazyAttribute(lambda schedule: schedule.job_model.class_path if schedule.job_model else "gone.Gone")
    job_model = None
    interval = "daily"
    start_time = factory.LazyFunction(timezone.now)


class AnchorFactory(DjangoModelFactory):
    """Makes an anchor; one that was made with what it anchors is taken, and told the values that are passed."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[Model], *args: Any, **values: Any) -> Model:
        link = "job_result" if model_class is models.JobRun else "scheduled_job"
        anchor, _ = model_class.objects.update_or_create(**{link: values.pop(link)}, defaults=values)
        return anchor


class JobRunFactory(AnchorFactory):
    """Makes the anchor of a run of a registered job, and the run."""

    class Meta:
        model = models.JobRun

    job = factory.SubFactory(RegisteredJobFactory)
    job_result = factory.SubFactory(
        JobResultFactory, job_model=factory.LazyAttribute(lambda result: _core_job(result.factory_parent))
    )
    class_path = factory.LazyAttribute(lambda run: run.job.class_path if run.job else "gone.Gone")


class JobScheduleFactory(AnchorFactory):
    """Makes the anchor of a schedule of a registered job, and the schedule."""

    class Meta:
        model = models.JobSchedule

    job = factory.SubFactory(RegisteredJobFactory)
    scheduled_job = factory.SubFactory(
        ScheduledJobFactory, job_model=factory.LazyAttribute(lambda schedule: _core_job(schedule.factory_parent))
    )
    class_path = factory.LazyAttribute(lambda schedule: schedule.job.class_path if schedule.job else "gone.Gone")


def _core_job(anchor: Any) -> Any:
    return anchor.job.core_job if anchor.job else None


class SuspensionFactory(DjangoModelFactory):
    """Makes the open suspension of a schedule that the registry switched off, as its job was removed.

    Pass `schedule` for one of your own, or `suspended_object`: a schedule, job hook or job button. Pass
    `previous_state` and `suspended_state` as well to have it restored.
    """

    class Meta:
        model = models.Suspension
        exclude = ("schedule",)

    job = factory.SubFactory(RegisteredJobFactory, installed=False, absence=choices.AbsenceChoices.REMOVED)
    class_path = factory.LazyAttribute(lambda suspension: suspension.job.class_path if suspension.job else "gone.Gone")
    schedule = factory.SubFactory(ScheduledJobFactory, enabled=False)
    object_type = factory.LazyAttribute(lambda suspension: ContentType.objects.get_for_model(suspension.schedule))
    object_id = factory.SelfAttribute("schedule.pk")
    object_name = factory.SelfAttribute("schedule.name")
    reason = choices.AbsenceChoices.REMOVED
    origin = choices.SuspensionOriginChoices.REGISTRY
    previous_state = factory.Dict({"enabled": True})
    suspended_state = factory.Dict({"enabled": False})


class JobClassSource:
    """The source text of one job class.

    Attributes:
        name: The name of the class.
        text: Its source text.
    """

    def __init__(self, name: str, base: str, meta: dict[str, Any], body: str) -> None:
        """Compose the text of the class."""
        self.name = name
        lines = [f"    {key} = {value!r}" for key, value in meta.items()]
        parts = [f"class {name}({base}):", *textwrap.indent(textwrap.dedent(body).strip(), "    ").splitlines()]
        if lines:
            parts += ["    class Meta:", *(f"    {line}" for line in lines)]
        parts += ["    def run(self, **kwargs):", "        return kwargs"]
        self.text = "\n".join(part for part in parts if part)


class JobClassSourceFactory(factory.Factory):
    """Makes the source text of a job class: `JobClassSourceFactory(name="Backup", meta={"time_limit": 60})`."""

    class Meta:
        model = JobClassSource

    name = factory.Sequence(lambda number: f"ExampleJob{number}")
    base = "Job"
    meta = factory.Dict({})
    body = ""


class JobModuleFactory(factory.Factory):
    """Writes a module with jobs into a folder and returns its path.

    `JobModuleFactory(folder=jobs_root, name="backup", classes=[JobClassSourceFactory(...)])`. The name is dotted for a
    module in a package; the packages are made. `before` and `after` are lines around the classes, `registered=False`
    leaves out the call of `register_jobs()`.
    """

    class Meta:
        model = Path

    folder: Any = None
    name = factory.Sequence(lambda number: f"example_jobs_{number}")
    grouping = "Example jobs"
    classes = factory.LazyFunction(lambda: [JobClassSourceFactory()])
    before = ""
    after = ""
    registered = True

    @classmethod
    def _create(cls, model_class: type, *args: Any, **values: Any) -> Path:
        path = Path(values["folder"], *values["name"].split(".")).with_suffix(".py")
        for package in [parent for parent in path.parents if Path(values["folder"]) in parent.parents]:
            package.mkdir(parents=True, exist_ok=True)
            (package / "__init__.py").touch()
        path.write_text(cls._text(**values), encoding="utf-8")
        return path

    @classmethod
    def _build(cls, model_class: type, *args: Any, **values: Any) -> str:
        return cls._text(**values)

    @staticmethod
    def _text(grouping: str, classes: list[JobClassSource], before: str, after: str, registered: bool, **_: Any) -> str:
        names = ", ".join(job.name for job in classes)
        parts = [
            "from nautobot.apps.jobs import *  # noqa: F403",
            f"name = {grouping!r}" if grouping else "",
            textwrap.dedent(before).strip(),
            *(job.text for job in classes),
            f"register_jobs({names})" if registered and names else "",
            textwrap.dedent(after).strip(),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def commit_all(work_tree: Path, message: str = "Change the jobs") -> str:
    """Commit all that a work tree of a Git repository holds, made if it is none, and return the commit's hash.

    Args:
        work_tree: The folder. What has been removed from it is removed by the commit.
        message: The message of the commit.
    """
    repo = Repo(work_tree) if (work_tree / ".git").exists() else Repo.init(work_tree, initial_branch="main")
    with repo:
        repo.git.add("--all")
        return repo.index.commit(message, author=AUTHOR, committer=AUTHOR).hexsha
