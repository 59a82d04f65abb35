"""The form that says why one override was made, and until when it holds."""

from django import forms

from nautobot_job_registry.forms.fields import end_field, reason_field


class OverrideTermsForm(forms.Form):
    """Reason and end of one override, with what is stored in them; what is wrong with them the record says."""

    override_reason = reason_field("Why the field is overridden.")
    override_expires_at = end_field("When the override ends by itself. Empty means never.")
