"""The form that edits one registered job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet
from nautobot.apps.forms import NautobotModelForm
from nautobot.extras.models import JobQueue

from nautobot_job_registry.core_bridge.permissions import DECISIONS, withheld, withheld_message
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, override_flag
from nautobot_job_registry.engine.overrides import cleared_fields, field_refusal, refused_fields
from nautobot_job_registry.forms.fields import end_field, reason_field, value_field
from nautobot_job_registry.models import FieldOverride, RegisteredJob
from nautobot_job_registry.models.acting_user import acting_user

MAY_BE_EMPTY = frozenset({"description", "job_queues"})


@dataclass(frozen=True)
class OverrideRow:
    """One overridable field of the form: its input, its switch, what the source says, and what is noted of it."""

    name: str
    field: forms.BoundField
    flag: forms.BoundField
    source_value: Any
    source_is_known: bool
    override: FieldOverride | None


class RegisteredJobForm(NautobotModelForm):
    """Edits what an operator decides; a value counts only where its switch is on (rules 13, 14 and 17)."""

    override_reason = reason_field("Why. Leave empty to keep the current reason.")
    override_expires_at = end_field(
        "When the overrides are to end by themselves, in your time zone. Leave empty to keep the current end."
    )
    override_never_ends = forms.BooleanField(
        required=False, label="No end", help_text="Remove the end: the overrides stay until somebody clears them."
    )

    # Whether a valid form changes what Nautobot executes.
    decides = False
    # What was sent.
    data: Any

    class Meta:
        model = RegisteredJob
        # Not all: the rest is what the source says.
        fields = ("enabled", *OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "tags")  # pylint: disable=nb-use-fields-all

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Let no value be required: where its switch is off, it is not sent."""
        super().__init__(*args, **kwargs)
        for name in OVERRIDABLE_FIELDS:
            self.fields[name] = value_field(name)
            self.fields[override_flag(name)].label = "Override"
            self.fields[override_flag(name)].help_text = ""

    def rows(self) -> Iterator[OverrideRow]:
        """Yield the overridable fields."""
        said, noted = self.instance.source_values, self._noted_overrides()
        if self.is_bound and self.errors:
            self._fill_closed_inputs()
        for name in OVERRIDABLE_FIELDS:
            row = OverrideRow(
                name, self[name], self[override_flag(name)], said.get(name), name in said, noted.get(name)
            )
            if row.field.errors:
                attributes = row.field.field.widget.attrs
                attributes["class"] = f"{attributes.get('class', '')} is-invalid".strip()
            yield row

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Yield what is wrong with the form: the input, what it is called, and what is wrong with it."""
        for name, errors in self.errors.items():
            if name in self.fields:
                field = self[name]
                yield from ((field.id_for_label, str(field.label), error) for error in errors)

    def _noted_overrides(self) -> dict[str, FieldOverride]:
        """Return what is noted of the overrides that the user may view, by field."""
        rows, user = self.instance.field_overrides.select_related("set_by"), acting_user()
        return {row.field: row for row in (rows if user is None else rows.restrict(user, "view"))}

    def _fill_closed_inputs(self) -> None:
        """Have the inputs whose switch is off, which a browser does not send, show what is stored all the same."""
        filled = self.data.copy()
        for name in OVERRIDABLE_FIELDS:
            key, stored = self.add_prefix(name), self.initial.get(name)
            if self._is_sent(name) or stored is None:
                continue
            if isinstance(stored, list | tuple | QuerySet):
                filled.setlist(key, [str(getattr(one, "pk", one)) for one in stored])
            else:
                filled[key] = str(getattr(stored, "pk", stored))
            # Nautobot offers of the queues those that were sent when the input was first asked for.
            self._bound_fields_cache.pop(name, None)
        self.data = filled

    def source_inputs(self) -> dict[str, Any]:
        """Return what the inputs are to hold when their switch is turned off: queues as keys and names."""
        values = dict(self.instance.source_values)
        names = {*values.get("job_queues", ()), values.get("default_job_queue")} - {None}
        queues = {queue.name: {"id": str(queue.pk), "text": queue.name} for queue in _queues(names)}
        for name in ("job_queues", "default_job_queue"):
            if name in values:
                wanted = [values[name]] if name == "default_job_queue" else values[name]
                values[name] = [queues[queue] for queue in wanted if queue in queues]
        return values

    def clean(self) -> dict[str, Any]:
        """Refuse a value without its switch, revert what is switched off, and ask for the right to decide."""
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        self._keep_hidden_queues(cleaned)
        before = self.instance.overridden_fields
        after = [name for name in OVERRIDABLE_FIELDS if cleaned.get(override_flag(name))]
        for name in cleared_fields(before, after):
            self.errors.pop(name, None)
            cleaned[name] = self._restored(name)
        sent = {name for name in OVERRIDABLE_FIELDS if self._is_sent(name)}
        changed = {name for name in sent & cleaned.keys() if not self._is_stored(name, cleaned[name])}
        for name in refused_fields(changed, before, after):
            self.add_error(name, field_refusal(name))
        for name in set(OVERRIDABLE_FIELDS) - set(after) - set(cleared_fields(before, after)) - self.errors.keys():
            cleaned[name] = self._stored(name)
        for name in after:
            if name not in sent:
                self.errors.pop(name, None)
                cleaned[name] = self._stored(name)
            elif name in cleaned and name not in MAY_BE_EMPTY and cleaned[name] in (None, ""):
                self.add_error(name, "This value is needed where the field is overridden.")
            elif name in cleaned and name not in changed:
                # A browser sends the lines of a text with other ends, which is no decision of anybody's.
                cleaned[name] = self._stored(name)
        self._require_right(cleaned)
        self._say_terms(cleaned, {name for name in changed if name in after})
        return cleaned

    def _save_m2m(self) -> None:
        """Write the queues that were chosen; those that are not overridden the record has put back itself (rule 13)."""
        if not self.instance.job_queues_override:
            self.cleaned_data.pop("job_queues", None)
        super()._save_m2m()

    def _keep_hidden_queues(self, cleaned: dict[str, Any]) -> None:
        """Keep the queues that the user may not view: what the page does not offer, it cannot leave out."""
        user, default = acting_user(), self.instance.default_job_queue
        stored = {queue.pk for queue in self.instance.job_queues.all()}
        keys = stored | ({default.pk} if default else set())
        if user is None or not keys:
            return
        hidden = keys - set(JobQueue.objects.restrict(user, "view").filter(pk__in=keys).values_list("pk", flat=True))
        if hidden & stored and "job_queues" in cleaned:
            chosen = {queue.pk for queue in cleaned["job_queues"]}
            cleaned["job_queues"] = JobQueue.objects.filter(pk__in=chosen | (hidden & stored))
        if default and default.pk in hidden and "default_job_queue" in cleaned:
            cleaned["default_job_queue"] = cleaned["default_job_queue"] or default

    def _say_terms(self, cleaned: dict[str, Any], changed: set[str]) -> None:
        """Hand on why the overrides are set, and until when, to the record, which knows what is wrong with it."""
        if cleaned.get("override_reason"):
            self.instance.override_reason = cleaned["override_reason"]
        if cleaned.get("override_expires_at") and cleaned.get("override_never_ends"):
            self.add_error("override_never_ends", "Enter an end, or say that there is none: not both.")
        elif cleaned.get("override_expires_at") or cleaned.get("override_never_ends"):
            self.instance.override_expires_at = cleaned["override_expires_at"]
        if "job_queues" in changed:
            self.instance.override_changes("job_queues")

    def _require_right(self, cleaned: dict[str, Any]) -> None:
        decided = [name for name in DECISIONS & cleaned.keys() if not self._is_stored(name, cleaned[name])]
        user = acting_user()
        self.decides = bool(decided) or bool(cleaned.get("override_never_ends"))
        if self.decides and user is not None and withheld(user, "change", [self.instance]):
            self.add_error(None, withheld_message("change", [self.instance.class_path]))

    def _is_sent(self, name: str) -> bool:
        """Return whether there is an answer; of a list whose switch is on, nothing is the answer that it is empty."""
        return self.add_prefix(name) in self.data or (
            name == "job_queues" and self.add_prefix(override_flag(name)) in self.data
        )

    def _stored(self, name: str) -> Any:
        return self.instance.job_queues.all() if name == "job_queues" else getattr(self.instance, name)

    def _is_stored(self, name: str, value: Any) -> bool:
        if name == "job_queues":
            return set(value) == set(self.instance.job_queues.all())
        stored = self._stored(name)
        return value == stored or (isinstance(stored, str) and value == _as_sent(stored))

    def _restored(self, name: str) -> Any:
        """Return what the source says about a field, as the form cleans it; the stored value where it is not known."""
        said = self.instance.source_values
        if name not in said:
            return self._stored(name)
        if name == "job_queues":
            return _queues(said[name])
        return _queues([said[name]]).first() if name == "default_job_queue" else said[name]


def _queues(names: Any) -> QuerySet:
    return JobQueue.objects.filter(name__in=names)


def _as_sent(text: str) -> str:
    """Return a text as a browser sends it back, and Django cleans it."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").strip()
