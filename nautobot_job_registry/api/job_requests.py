"""What a request may say about a registered job (rules 13 to 15)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Manager, Model
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.utils.encoders import JSONEncoder

from nautobot_job_registry.api.queues import malformed_queues
from nautobot_job_registry.core_bridge.permissions import DECISIONS, withheld, withheld_message
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag
from nautobot_job_registry.engine.overrides import cleared_fields, field_refusal, refused_fields

MADE_BY_RECONCILING = (
    "A registered job cannot be made: it is registered by reconciling, when its class is found in a source. Run "
    "`nautobot-server reconcile_jobs`, or sync the Git repository."
)
UNKNOWN_MEMBER = "A registered job has no such field."
NOT_OVERRIDABLE = f"This field cannot be overridden. Those that can are: {', '.join(OVERRIDABLE_FIELDS)}."
OVERRIDE_SUFFIX = override_flag("")
NO_CUSTOM_FIELDS = "Send an object with the values of custom fields, by their keys."
READ_ONLY_MEMBER = "This field is read-only, and another value is stored: leave it out of the request."


class RegisteredJobRequestMixin(serializers.Serializer):
    """Refuse what a request may not change, and drop what comes along with a flag that it clears.

    Works on an existing record only: registered jobs are made by reconciling. `decides` says of a valid request whether
    it changes what Nautobot executes.
    """

    decides = False

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Check the members of the request before their values are looked at.

        Raises:
            ValidationError: If a member is unknown or read-only and different (rule 15), or a value is wrong.
        """
        if self.instance is None:
            raise serializers.ValidationError({"detail": MADE_BY_RECONCILING})
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        kept = self._without_dropped_values(data)
        malformed = malformed_queues(kept)
        if not isinstance(kept.get("custom_fields", {}), (Mapping, type(None))):
            malformed["custom_fields"] = [NO_CUSTOM_FIELDS]
        errors = self._unknown_members(data) | self._changed_read_only_members(data) | malformed
        try:
            values = super().to_internal_value({name: kept[name] for name in kept if name not in malformed})
        except serializers.ValidationError as error:
            raise serializers.ValidationError(errors | error.detail) from error
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a value whose flag is false and stays so, and a decision of somebody who may not make it.

        Raises:
            PermissionDenied: If the core job may not be changed by the user (rule 17).
            ValidationError: If a flag is missing; it names the fields and their flags (rule 14).
        """
        after = {field for field in OVERRIDABLE_FIELDS if self._flag_after(field, attrs)}
        changed = self.changed_fields(attrs)
        refused = refused_fields(changed, self.instance.overridden_fields, after)
        if refused:
            raise serializers.ValidationError({field: field_refusal(field) for field in refused})
        if attrs.keys() & {"override_reason", "override_expires_at"}:
            self.instance.override_named = after & self._named(attrs)
        if "job_queues" in changed & after:
            self.instance.override_changes("job_queues")
        self.decides = bool((changed | attrs.keys() & {"override_expires_at"}) & DECISIONS)
        if self.decides and self.instance.pk in self._withheld():
            raise PermissionDenied(withheld_message("change", [self.instance.class_path]))
        return super().validate(attrs)

    def validate_grouping(self, value: str) -> str:
        """Refuse a grouping of blanks only."""
        return self._not_blank("grouping", value)

    def validate_name(self, value: str) -> str:
        """Refuse a name of blanks only."""
        return self._not_blank("name", value)

    def _not_blank(self, field: str, value: str) -> str:
        """Refuse a text of blanks only, but for one that is stored: what was read can be sent back (rule 14)."""
        if not value.strip() and value != getattr(self.instance, field):
            self.fields[field].fail("blank")
        return value

    def _named(self, attrs: Mapping[str, Any]) -> set[str]:
        """Return the overridable fields that a request names, by their value or their flag."""
        return {field for field in OVERRIDABLE_FIELDS if field in attrs or attrs.get(override_flag(field))}

    def changed_fields(self, attrs: Mapping[str, Any]) -> set[str]:
        """Return the members of a request that say anything else than the record."""
        return {name for name, value in attrs.items() if not _is_stored(value, getattr(self.instance, name, None))}

    def _withheld(self) -> frozenset[UUID]:
        """Return the records that the user may not decide on; a bulk request has asked for all of its own at once."""
        known = self.context.get("withheld")
        return known if known is not None else withheld(self.context["request"].user, "change", [self.instance])

    def _flag_after(self, field: str, attrs: Mapping[str, Any]) -> bool:
        flag = override_flag(field)
        return attrs.get(flag, getattr(self.instance, flag))

    def _without_dropped_values(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out values that come along with a flag that is cleared, and those of the source, right or wrong."""
        flags = {field: self._requested_flag(field, data) for field in OVERRIDABLE_FIELDS}
        before = self.instance.overridden_fields
        after = [field for field, flag in flags.items() if flag is not False]
        shown = (field for field in VALUE_FIELDS if field not in before and not flags[field])
        dropped = {*cleared_fields(before, after), *(field for field in shown if self._is_sent_back(field, data))}
        return {name: value for name, value in data.items() if name not in dropped}

    def _is_sent_back(self, field: str, data: Mapping[str, Any]) -> bool:
        """Return whether a request says what is stored, to the letter."""
        stored = getattr(self.instance, field)
        return data.get(field) == stored and isinstance(data[field], bool) == isinstance(stored, bool)

    def _requested_flag(self, field: str, data: Mapping[str, Any]) -> bool | None:
        flag = override_flag(field)
        try:
            return self.fields[flag].run_validation(data[flag]) if flag in data else None
        except serializers.ValidationError:
            return None

    def _unknown_members(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        unknown = [str(name) for name in data if name not in self.fields]
        return {name: [NOT_OVERRIDABLE if self._looks_like_a_flag(name) else UNKNOWN_MEMBER] for name in unknown}

    def _looks_like_a_flag(self, name: str) -> bool:
        return name.endswith(OVERRIDE_SUFFIX) and name.removesuffix(OVERRIDE_SUFFIX) in self.fields

    def _changed_read_only_members(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        sent = {name for name in data if name in self.fields and (self.fields[name].read_only or name == "id")}
        if not sent:
            return {}
        shown = json.loads(json.dumps(self.to_representation(self.instance), cls=JSONEncoder))
        return {name: [READ_ONLY_MEMBER] for name in sorted(sent) if not _says_the_same(data[name], shown.get(name))}


def _is_stored(value: Any, stored: Any) -> bool:
    if isinstance(stored, Manager):
        return {_key(item) for item in value} == {_key(item) for item in stored.all()}
    return _key(value) == _key(stored)


def _key(value: Any) -> Any:
    return value.pk if isinstance(value, Model) else value


def _says_the_same(sent: Any, shown: Any) -> bool:
    """Return whether a read-only member of a request says what the answer to a request shows."""
    if sent == shown and isinstance(sent, bool) == isinstance(shown, bool):
        return True
    if isinstance(shown, Mapping) and "id" in shown:
        return str(sent.get("id") if isinstance(sent, Mapping) else sent) == shown["id"]
    if isinstance(shown, bool):
        return _parsed(serializers.BooleanField(), sent) is shown
    if isinstance(shown, str):
        moment = _parsed(serializers.DateTimeField(), shown)
        return moment is not None and _parsed(serializers.DateTimeField(), sent) == moment
    return False


def _parsed(field: serializers.Field, value: Any) -> Any:
    try:
        return field.to_internal_value(value)
    except serializers.ValidationError:
        return None
