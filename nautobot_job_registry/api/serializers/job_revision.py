"""Serializer of job revisions."""

from nautobot.apps.api import (
    ValidatedModelSerializer,
)

from nautobot_job_registry import models
from nautobot_job_registry.api.serializers.visibility import SourceVisibilityMixin


class JobRevisionSerializer(SourceVisibilityMixin, ValidatedModelSerializer):
    """Serializer of job revisions."""

    class Meta:
        """Meta attributes."""

        model = models.JobRevision
        fields = "__all__"
        source_field = "source_code"
