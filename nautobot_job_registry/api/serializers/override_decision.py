"""Serializers of what is done about overrides."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class OverrideIdSerializer(serializers.Serializer):
    """An override of a request for many: an object with its `id`, or the ID alone."""

    id = serializers.UUIDField()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Take the ID alone for an object with it."""
        return super().to_internal_value(data if isinstance(data, Mapping) else {"id": data})


class OverrideDecisionSerializer(serializers.Serializer):
    """How many overrides something was done about."""

    changed = serializers.IntegerField(read_only=True, help_text="How many overrides were changed")
