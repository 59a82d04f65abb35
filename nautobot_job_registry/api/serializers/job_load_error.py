"""Serializer of load errors."""

from nautobot.apps.api import (
    ValidatedModelSerializer,
)

from nautobot_job_registry import models
from nautobot_job_registry.api.serializers.visibility import SourceVisibilityMixin


class JobLoadErrorSerializer(SourceVisibilityMixin, ValidatedModelSerializer):
    """Serializer of load errors."""

    class Meta:
        """Meta attributes."""

        model = models.JobLoadError
        fields = "__all__"
        source_field = "traceback"
