"""The form that filters the list of suspensions."""

from django import forms
from nautobot.apps.forms import BootstrapMixin, DateTimePicker, DynamicModelMultipleChoiceField, MultiValueCharField

from nautobot_job_registry import models
from nautobot_job_registry.forms.filters import choices_field, search_field
from nautobot_job_registry.models import choices


class SuspensionFilterForm(BootstrapMixin, forms.Form):
    """Filter form of suspensions."""

    model = models.Suspension

    q = search_field()
    outcome = choices_field(choices.SuspensionOutcomeChoices)
    object_type = choices_field(choices.SuspendedObjectChoices)
    reason = choices_field(choices.AbsenceChoices)
    origin = choices_field(choices.SuspensionOriginChoices)
    job = DynamicModelMultipleChoiceField(queryset=models.RegisteredJob.objects.all(), required=False)
    class_path = MultiValueCharField(required=False)
    suspended_after = forms.DateTimeField(required=False, label="Suspended after", widget=DateTimePicker())
    suspended_before = forms.DateTimeField(required=False, label="Suspended before", widget=DateTimePicker())
