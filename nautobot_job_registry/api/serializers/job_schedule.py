"""Serializer of job schedules."""

from nautobot.apps.api import (
    ValidatedModelSerializer,
)

from nautobot_job_registry import models


class JobScheduleSerializer(ValidatedModelSerializer):
    """Serializer of job schedules."""

    class Meta:
        """Meta attributes."""

        model = models.JobSchedule
        fields = "__all__"
