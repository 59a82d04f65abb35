"""Forms that filter the lists of runs and schedules."""

from django import forms
from nautobot.apps.forms import BootstrapMixin, DateTimePicker, DynamicModelMultipleChoiceField, MultiValueCharField
from nautobot.extras.choices import JobResultStatusChoices
from nautobot.users.models import User

from nautobot_job_registry import models
from nautobot_job_registry.forms.filters import choices_field, search_field, yes_no_field


class JobRunFilterForm(BootstrapMixin, forms.Form):
    """Filter form of job runs."""

    model = models.JobRun

    q = search_field()
    job = DynamicModelMultipleChoiceField(queryset=models.RegisteredJob.objects.all(), required=False)
    class_path = MultiValueCharField(required=False)
    is_skewed = yes_no_field("Is skewed")
    status = choices_field(JobResultStatusChoices)
    user = DynamicModelMultipleChoiceField(queryset=User.objects.all(), required=False, to_field_name="username")
    revision = DynamicModelMultipleChoiceField(queryset=models.JobRevision.objects.all(), required=False)
    worker = MultiValueCharField(required=False)
    is_registered = yes_no_field("Has a registered job")
    created_after = forms.DateTimeField(required=False, label="Asked for after", widget=DateTimePicker())
    created_before = forms.DateTimeField(required=False, label="Asked for before", widget=DateTimePicker())


class JobScheduleFilterForm(BootstrapMixin, forms.Form):
    """Filter form of job schedules."""

    model = models.JobSchedule

    q = search_field()
    job = DynamicModelMultipleChoiceField(queryset=models.RegisteredJob.objects.all(), required=False)
    class_path = MultiValueCharField(required=False)
    enabled = yes_no_field("Is enabled")
    is_registered = yes_no_field("Has a registered job")
