"""Serializers of suspensions."""

from nautobot.apps.api import ContentTypeField, ValidatedModelSerializer
from rest_framework import serializers

from nautobot_job_registry import models
from nautobot_job_registry.api.serializers.queues import QueueDepthMixin


class SuspensionSerializer(QueueDepthMixin, ValidatedModelSerializer):
    """Serializer of suspensions."""

    object_type = ContentTypeField(
        read_only=True, help_text="What was switched off: extras.scheduledjob, extras.jobhook or extras.jobbutton"
    )

    class Meta:
        """Meta attributes."""

        model = models.Suspension
        fields = "__all__"


class SuspensionToRestoreSerializer(serializers.Serializer):
    """One of the suspensions that are to be restored."""

    id = serializers.UUIDField(help_text="ID of the suspension")
