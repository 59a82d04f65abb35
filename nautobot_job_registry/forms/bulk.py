"""The forms that edit and delete many registered jobs.

Nautobot's own jobs use them in a worker, in the name of the user who sent them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import QuerySet
from nautobot.apps.forms import BulkEditForm, NautobotBulkEditForm, TagsBulkEditFormMixin

from nautobot_job_registry.core_bridge import change_log, permissions
from nautobot_job_registry.core_bridge.permissions import DECISIONS, withheld
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.forms.fields import NO_CHOICE, end_field, reason_field, value_field, yes_or_no
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.acting_user import acting_user
from nautobot_job_registry.models.choices import OverridableFieldChoices
from nautobot_job_registry.models.override_terms import reasons_are_required

TERMS = ("override_reason", "override_expires_at", "override_never_ends")
FOR_CHOSEN = "It is for the fields for which you choose Override."
FLAG_CHOICES = (NO_CHOICE, ("True", "Override"), ("False", "Follow the code"))


def given(value: Any) -> bool:
    """Return whether a field of a bulk form has been answered."""
    return len(value) > 0 if isinstance(value, QuerySet) else value not in (None, "", [])


@dataclass
class _Decided:
    """The jobs of a bulk edit about which something was decided, and by whom."""

    user: Any
    jobs: list[RegisteredJob] = field(default_factory=list)

    def __call__(self) -> None:
        """See that the decisions were the user's to make (rule 17).

        Raises:
            ObjectDoesNotExist: If one of Nautobot's own jobs may not be changed by the user; nothing is changed then.
        """
        if withheld(self.user, "change", self.jobs):
            raise ObjectDoesNotExist


class RegisteredJobBulkEditForm(TagsBulkEditFormMixin, NautobotBulkEditForm):
    """Sets and clears overrides, enables and tags many jobs at once (rules 13, 14 and 17)."""

    pk = forms.ModelMultipleChoiceField(queryset=RegisteredJob.objects.all(), widget=forms.MultipleHiddenInput)
    enabled = yes_or_no("Enabled")
    override_reason = reason_field(f"Why. {FOR_CHOSEN}")
    override_expires_at = end_field(f"When they are to end by themselves. {FOR_CHOSEN}")
    override_never_ends = forms.BooleanField(required=False, label="No end", help_text=f"Remove the end. {FOR_CHOSEN}")
    # The overrides that reason and end are for, from the choices that are made; the record takes it as it stands.
    override_named = forms.MultipleChoiceField(
        choices=OverridableFieldChoices, required=False, widget=forms.MultipleHiddenInput
    )

    class Meta:
        nullable_fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add each overridable field, with its flag before it."""
        super().__init__(*args, **kwargs)
        for name in OVERRIDABLE_FIELDS:
            label = RegisteredJob._meta.get_field(name).verbose_name.capitalize()
            self.fields[override_flag(name)] = yes_or_no(f"{label}: override", FLAG_CHOICES)
            self.fields[name] = value_field(name)
        # What is said of the overrides comes before them, as the record is filled in this order.
        said = ("override_named", *TERMS)
        self.order_fields(["pk", "enabled", *said, *(n for f in OVERRIDABLE_FIELDS for n in (override_flag(f), f))])

    def clean(self) -> dict[str, Any]:
        """Refuse a value without its flag, and drop it where the flag is cleared."""
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        for name in OVERRIDABLE_FIELDS:
            flag = cleaned.get(override_flag(name))
            if flag is False:
                self.errors.pop(name, None)
                cleaned[name] = None
            elif flag is None and given(cleaned.get(name)):
                self.add_error(name, f"Choose Override for '{override_flag(name)}' as well to change '{name}' here.")
        self._clean_terms(cleaned)
        return cleaned

    def _clean_terms(self, cleaned: dict[str, Any]) -> None:
        """Say which overrides reason and end are for: those that are chosen. A box without a tick says nothing."""
        cleaned["override_never_ends"] = cleaned.get("override_never_ends") or None
        chosen = [name for name in OVERRIDABLE_FIELDS if cleaned.get(override_flag(name))]
        said = {name for name in TERMS if given(cleaned.get(name))}
        if cleaned.get("override_expires_at") and cleaned.get("override_never_ends"):
            self.add_error("override_never_ends", "Enter an end, or say that there is none: not both.")
        cleaned["override_named"] = chosen if said else []
        for name in () if chosen else said & self.fields.keys() - self.errors.keys():
            self.add_error(name, "Choose Override for each field that this is for.")
        if chosen and reasons_are_required() and not given(cleaned.get("override_reason")):
            self.add_error("override_reason", "A reason is required for each override.")

    def post_save(self, obj: RegisteredJob) -> None:
        """Save the tags of a job, and have its decisions looked at when all jobs are saved."""
        super().post_save(obj)
        user = acting_user()
        if user is not None and self.decides:
            change_log.at_the_end_of_bulk_edit(_Decided, lambda: _Decided(user)).jobs.append(obj)

    @property
    def decides(self) -> bool:
        """Whether the form changes what Nautobot executes."""
        return any(given(self.cleaned_data.get(name)) for name in DECISIONS)


class RegisteredJobBulkDeleteForm(BulkEditForm):
    """Deletes the records of many uninstalled jobs (rules 17 and 19)."""

    pk = forms.ModelMultipleChoiceField(queryset=RegisteredJob.objects.all(), widget=forms.MultipleHiddenInput)

    class Meta:
        pass

    def __init__(self, model: type[RegisteredJob], *args: Any, delete_all: bool = False, **kwargs: Any) -> None:
        """Take all that match the filter where that is asked for."""
        super().__init__(model, *args, edit_all=delete_all, **kwargs)

    def perform_pre_delete(self, queryset: QuerySet) -> None:
        """Refuse before anything is deleted.

        Raises:
            PermissionDenied: If a job is installed, or Nautobot's own job may not be deleted by the user.
        """
        jobs = list(queryset)
        reason = deletion.deletion_refusal(jobs)
        if reason:
            raise PermissionDenied(reason)
        try:
            deletion.require_right(jobs, acting_user())
        except permissions.NotPermittedError as error:
            raise PermissionDenied(str(error)) from error
