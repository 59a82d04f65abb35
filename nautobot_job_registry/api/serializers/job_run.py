"""Serializer of job runs."""

from nautobot.apps.api import (
    ValidatedModelSerializer,
)

from nautobot_job_registry import models


class JobRunSerializer(ValidatedModelSerializer):
    """Serializer of job runs."""

    class Meta:
        """Meta attributes."""

        model = models.JobRun
        fields = "__all__"
