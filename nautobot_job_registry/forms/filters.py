"""Forms that filter the lists."""

from django import forms
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
from nautobot.extras.models import GitRepository, JobQueue
from nautobot.users.models import User

from nautobot_job_registry import models
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import choices

YES_NO_CHOICES = (("", "---------"), ("true", "Yes"), ("false", "No"))


def yes_no_field(label: str | None = None) -> forms.NullBooleanField:
    """Return a form field that asks for yes, no or neither."""
    return forms.NullBooleanField(required=False, label=label, widget=StaticSelect2(choices=YES_NO_CHOICES))


def choices_field(choice_set: type) -> forms.MultipleChoiceField:
    """Return a form field that asks for any of a set of choices."""
    return forms.MultipleChoiceField(choices=choice_set, required=False, widget=StaticSelect2Multiple())


def git_repository_field() -> DynamicModelMultipleChoiceField:
    """Return a form field that asks for Git repositories."""
    return DynamicModelMultipleChoiceField(queryset=GitRepository.objects.all(), required=False, to_field_name="name")


def search_field() -> forms.CharField:
    """Return a form field that asks for any text."""
    return forms.CharField(required=False, label="Search", max_length=CHARFIELD_MAX_LENGTH)


class RegisteredJobFilterForm(NautobotFilterForm):
    """Filter form of registered jobs."""

    model = models.RegisteredJob
    field_order = ["q", "source_type", "source_name", "git_repository", "installed", "absence", "enabled", "overridden"]

    q = search_field()
    source_type = choices_field(choices.SourceTypeChoices)
    source_name = MultiValueCharField(required=False)
    git_repository = git_repository_field()
    installed = yes_no_field()
    absence = choices_field(choices.AbsenceChoices)
    enabled = yes_no_field()
    overridden = yes_no_field("Has overridden fields")
    overridden_field = choices_field(choices.OverridableFieldChoices)
    drifted = yes_no_field("Drifted")
    has_predecessor = yes_no_field("Seems to have been another job")
    hidden = yes_no_field()
    is_job_hook_receiver = yes_no_field("Is a job hook receiver")
    is_job_button_receiver = yes_no_field("Is a job button receiver")
    job_queues = DynamicModelMultipleChoiceField(queryset=JobQueue.objects.all(), required=False, to_field_name="name")
    tags = TagFilterField(model)


class JobRevisionFilterForm(BootstrapMixin, forms.Form):
    """Filter form of job revisions."""

    model = models.JobRevision

    q = search_field()
    job = DynamicModelMultipleChoiceField(queryset=models.RegisteredJob.objects.all(), required=False)
    source_version = MultiValueCharField(required=False)


class FieldOverrideFilterForm(BootstrapMixin, forms.Form):
    """Filter form of field overrides."""

    model = models.FieldOverride

    q = search_field()
    job = DynamicModelMultipleChoiceField(queryset=models.RegisteredJob.objects.all(), required=False)
    field = choices_field(choices.OverridableFieldChoices)
    drifted = yes_no_field("Drifted")
    ends_within = forms.IntegerField(required=False, min_value=0, label="Ends within (days)")
    set_by = DynamicModelMultipleChoiceField(
        queryset=User.objects.all(), required=False, to_field_name="username", label="Set by"
    )
    origin = choices_field(choices.OverrideOriginChoices)
    reason__ic = MultiValueCharField(required=False, label="Reason contains")
    has_reason = yes_no_field("Has a reason")
    has_end = yes_no_field("Has an end")


class JobLoadErrorFilterForm(BootstrapMixin, forms.Form):
    """Filter form of load errors."""

    model = models.JobLoadError

    q = search_field()
    resolved = yes_no_field("Is resolved")
    rejected = yes_no_field("Sync rejected")
    source_type = choices_field(choices.SourceTypeChoices)
    source_name = MultiValueCharField(required=False)
    git_repository = git_repository_field()
    module_name = MultiValueCharField(required=False)
    exception_type = MultiValueCharField(required=False)
    commit_author = MultiValueCharField(required=False)


class ReconciliationFilterForm(BootstrapMixin, forms.Form):
    """Filter form of reconciliations."""

    model = models.Reconciliation

    q = search_field()
    trigger = choices_field(choices.ReconciliationTriggerChoices)
    status = choices_field(choices.ReconciliationStatusChoices)
    unmended = yes_no_field("Failed, and not mended by a later one")
    job = MultiValueCharField(required=False, label="Changed job (class path)")
    source = MultiValueCharField(required=False, label="Source of the change")
    kind = choices_field(sentences.ChangeKindChoices)
    scope = MultiValueCharField(required=False)
    started_after = forms.DateTimeField(required=False, label="Started after", widget=DateTimePicker())
    started_before = forms.DateTimeField(required=False, label="Started before", widget=DateTimePicker())
