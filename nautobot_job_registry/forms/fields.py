"""Form fields that more than one form of registered jobs has."""

from __future__ import annotations

from django import forms
from nautobot.apps.forms import (
    DateTimePicker,
    DynamicModelChoiceField,
    DynamicModelMultipleChoiceField,
    StaticSelect2,
)
from nautobot.extras.models import JobQueue

from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.constants import REASON_MAX_LENGTH

NO_CHOICE = ("", "---------")
DESCRIPTION_ROWS = 4
YES_NO = (("True", "Yes"), ("False", "No"))


def yes_or_no(label: str, choices: tuple[tuple[str, str], ...] = (NO_CHOICE, *YES_NO)) -> forms.TypedChoiceField:
    """Return a field that tells no from not being asked, as a checkbox does not.

    Args:
        label: What is asked.
        choices: The answers: empty for neither, `True` and `False`.
    """
    return forms.TypedChoiceField(
        label=label,
        choices=choices,
        coerce=lambda value: value == "True",
        empty_value=None,
        required=False,
        widget=StaticSelect2(),
    )


def reason_field(help_text: str) -> forms.CharField:
    """Return a field that asks why; how long an answer may be is the record's to say."""
    rows = {"class": "form-control", "rows": DESCRIPTION_ROWS, "maxlength": REASON_MAX_LENGTH}
    return forms.CharField(required=False, label="Reason", widget=forms.Textarea(attrs=rows), help_text=help_text)


def end_field(help_text: str) -> forms.DateTimeField:
    """Return a field that asks until when."""
    return forms.DateTimeField(required=False, label="End", widget=DateTimePicker(), help_text=help_text)


def value_field(name: str) -> forms.Field:
    """Return the form field of an overridable field, which need not be answered."""
    field = RegisteredJob._meta.get_field(name)
    label = field.verbose_name.capitalize()
    if name == "job_queues":
        return DynamicModelMultipleChoiceField(queryset=JobQueue.objects.all(), required=False, label=label)
    if name == "default_job_queue":
        return DynamicModelChoiceField(queryset=JobQueue.objects.all(), required=False, label=label)
    if field.get_internal_type() == "BooleanField":
        return yes_or_no(label)
    form_field = field.formfield(required=False, initial=None)
    form_field.widget.attrs["class"] = "form-control"
    if isinstance(form_field.widget, forms.Textarea):
        form_field.widget.attrs["rows"] = DESCRIPTION_ROWS
    return form_field
