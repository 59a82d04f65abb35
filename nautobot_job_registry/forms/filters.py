"""Forms that filter the lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model
from nautobot.apps.choices import ChoiceSet
from nautobot.apps.constants import CHARFIELD_MAX_LENGTH
from nautobot.apps.forms import (
    BootstrapMixin,
    DateTimePicker,
    DynamicModelMultipleChoiceField,
    MultiValueCharField,
    NautobotFilterForm,
    StaticSelect2,
    StaticSelect2Multiple,
    TagFilterField,
)
from nautobot.extras.choices import JobResultStatusChoices
from nautobot.extras.models import GitRepository, JobQueue
from nautobot.users.models import User

from nautobot_job_registry import models
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import choices

YES_NO_CHOICES = (("", "---------"), ("true", "Yes"), ("false", "No"))


def yes_no_field(label: str | None = None) -> forms.NullBooleanField:
    """Return a form field that asks for yes, no or neither."""
    return forms.NullBooleanField(required=False, label=label, widget=StaticSelect2(choices=YES_NO_CHOICES))


def choices_field(choice_set: type[ChoiceSet], label: str | None = None) -> forms.MultipleChoiceField:
    """Return a form field that asks for any of a set of choices."""
    return forms.MultipleChoiceField(choices=choice_set, required=False, label=label, widget=StaticSelect2Multiple())


def objects_field(model: type[Model], **options: Any) -> DynamicModelMultipleChoiceField:
    """Return a form field that asks for any of some objects."""
    return DynamicModelMultipleChoiceField(queryset=model.objects.all(), required=False, **options)


def moment_field(label: str) -> forms.DateTimeField:
    """Return a form field that asks for a moment."""
    return forms.DateTimeField(required=False, label=label, widget=DateTimePicker())


def texts_field(label: str | None = None) -> MultiValueCharField:
    """Return a form field that asks for any of some texts."""
    return MultiValueCharField(required=False, label=label)


def search_field() -> forms.CharField:
    """Return a form field that asks for any text."""
    return forms.CharField(required=False, label="Search", max_length=CHARFIELD_MAX_LENGTH)


class RegisteredJobFilterForm(NautobotFilterForm):
    """Filter form of registered jobs."""

    model = models.RegisteredJob
    field_order = ["q", "state", "name__ic", "grouping__ic", "source_type", "source_name", "git_repository", "enabled"]

    q = search_field()
    state = choices_field(choices.JobStateChoices)
    name__ic = texts_field("Name contains")
    grouping__ic = texts_field("Grouping contains")
    source_type = choices_field(choices.SourceTypeChoices)
    source_name = texts_field()
    git_repository = objects_field(GitRepository, to_field_name="name")
    installed = yes_no_field()
    absence = choices_field(choices.AbsenceChoices, "Why it is missing")
    enabled = yes_no_field()
    overridden = yes_no_field("Has overridden fields")
    overridden_field = choices_field(choices.OverridableFieldChoices)
    drifted = yes_no_field("Drifted")
    has_predecessor = yes_no_field("Probably moved or renamed")
    hidden = yes_no_field()
    is_job_hook_receiver = yes_no_field("Is a job hook receiver")
    is_job_button_receiver = yes_no_field("Is a job button receiver")
    job_queues = objects_field(JobQueue, to_field_name="name")
    tags = TagFilterField(model)


class RecordFilterForm(BootstrapMixin, forms.Form):
    """Filter form of what has no custom fields, no tags and no relationships."""

    q = search_field()


class JobRevisionFilterForm(RecordFilterForm):
    """Filter form of job revisions."""

    model = models.JobRevision

    job = objects_field(models.RegisteredJob)
    first_seen = yes_no_field("First of its job")
    source_version = texts_field()


class FieldOverrideFilterForm(RecordFilterForm):
    """Filter form of field overrides."""

    model = models.FieldOverride

    job = objects_field(models.RegisteredJob)
    field = choices_field(choices.OverridableFieldChoices)
    drifted = yes_no_field("Drifted")
    ends_within = forms.IntegerField(required=False, min_value=0, label="Ends within (days)")
    set_by = objects_field(User, to_field_name="username", label="Set by")
    origin = choices_field(choices.OverrideOriginChoices)
    reason__ic = texts_field("Reason contains")
    has_reason = yes_no_field("Has a reason")
    has_end = yes_no_field("Has an end")


class JobLoadErrorFilterForm(RecordFilterForm):
    """Filter form of load errors."""

    model = models.JobLoadError

    resolved = yes_no_field("Is resolved")
    rejected = yes_no_field("Sync rejected")
    source_type = choices_field(choices.SourceTypeChoices)
    source_name = texts_field()
    git_repository = objects_field(GitRepository, to_field_name="name")
    module_name = texts_field()
    exception_type = texts_field()
    commit_author = texts_field()


class ReconciliationFilterForm(RecordFilterForm):
    """Filter form of reconciliations."""

    model = models.Reconciliation

    trigger = choices_field(choices.ReconciliationTriggerChoices)
    status = choices_field(choices.ReconciliationStatusChoices)
    unmended = yes_no_field("Failed, and not mended by a later one")
    job = texts_field("Changed job (class path)")
    source = texts_field("Source of the change")
    kind = choices_field(sentences.ChangeKindChoices)
    scope = texts_field()
    started_after = moment_field("Started after")
    started_before = moment_field("Started before")


class JobRunFilterForm(RecordFilterForm):
    """Filter form of job runs."""

    model = models.JobRun

    job = objects_field(models.RegisteredJob)
    class_path = texts_field()
    is_skewed = yes_no_field("Is skewed")
    status = choices_field(JobResultStatusChoices)
    user = objects_field(User, to_field_name="username")
    revision = objects_field(models.JobRevision)
    worker = texts_field()
    is_registered = yes_no_field("Has a registered job")
    created_after = moment_field("Requested after")
    created_before = moment_field("Requested before")


class JobScheduleFilterForm(RecordFilterForm):
    """Filter form of job schedules."""

    model = models.JobSchedule

    job = objects_field(models.RegisteredJob)
    class_path = texts_field()
    enabled = yes_no_field("Is enabled")
    is_registered = yes_no_field("Has a registered job")
    misfits = yes_no_field("Will fail (a required input is not stored)")


class SuspensionFilterForm(RecordFilterForm):
    """Filter form of suspensions."""

    model = models.Suspension

    outcome = choices_field(choices.SuspensionOutcomeChoices)
    object_type = choices_field(choices.SuspendedObjectChoices)
    reason = choices_field(choices.AbsenceChoices, "Why the job was missing")
    origin = choices_field(choices.SuspensionOriginChoices)
    job = objects_field(models.RegisteredJob)
    class_path = texts_field()
    suspended_after = moment_field("Suspended after")
    suspended_before = moment_field("Suspended before")
