"""Serializer of reconciliations."""

from nautobot.apps.api import (
    ValidatedModelSerializer,
)

from nautobot_job_registry import models


class ReconciliationSerializer(ValidatedModelSerializer):
    """Serializer of reconciliations."""

    class Meta:
        """Meta attributes."""

        model = models.Reconciliation
        fields = "__all__"
