"""Serializers of a reconcile that is asked for through REST."""

from typing import Any

from nautobot.apps.api import BaseModelSerializer
from nautobot.extras.models import JobResult
from rest_framework import serializers

from nautobot_job_registry.models.reconciliation import COUNT_FIELDS


class ReconcileRequestSerializer(serializers.Serializer):
    """What to reconcile, and whether for real."""

    source = serializers.CharField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Only this source: system, local, app:NAME or git:SLUG. Null, absent or all for all of them.",
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Whether the plan is only returned, and nothing is written."
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse what is not known, and what is only nearly of the right type.

        Raises:
            ValidationError: Names the members and what is wrong with them.
        """
        if isinstance(data, dict):
            errors = {name: ["This member is not known."] for name in data if name not in self.fields}
            if not isinstance(data.get("source"), str | None):
                errors["source"] = ["Must be a string or null."]
            if not isinstance(data.get("dry_run", False), bool):
                errors["dry_run"] = ["Must be true or false."]
            if errors:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)


class ReconcileCountsSerializer(serializers.Serializer):
    """How many records and load errors each kind of action concerns."""

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return a field for each count of a reconciliation."""
        return {name: serializers.IntegerField(read_only=True) for name in COUNT_FIELDS}


class ReconcilePlanSerializer(serializers.Serializer):
    """What a reconcile would do."""

    dry_run = serializers.BooleanField(read_only=True)
    source = serializers.CharField(read_only=True, allow_null=True)
    counts = ReconcileCountsSerializer(read_only=True)
    changes = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="As in the changes of a reconciliation."
    )


class EnqueuedRunSerializer(BaseModelSerializer):
    """The run of the job that reconciles."""

    class Meta:
        """Meta attributes."""

        model = JobResult
        fields = ["id", "object_type", "display", "url", "name", "status", "date_created"]


class ReconcileBegunSerializer(serializers.Serializer):
    """A reconcile that a worker will do."""

    dry_run = serializers.BooleanField(read_only=True)
    source = serializers.CharField(read_only=True, allow_null=True)
    job_result = EnqueuedRunSerializer(read_only=True)


class RefusalSerializer(serializers.Serializer):
    """Why a reconcile was not begun."""

    detail = serializers.CharField(read_only=True)
