"""Serializer of field overrides."""

from nautobot.apps.api import (
    ValidatedModelSerializer,
)
from rest_framework import serializers

from nautobot_job_registry import models


class FieldOverrideSerializer(ValidatedModelSerializer):
    """Serializer of field overrides."""

    is_drifted = serializers.BooleanField(read_only=True, help_text="Whether the source says something else now")

    class Meta:
        """Meta attributes."""

        model = models.FieldOverride
        fields = "__all__"
