"""Serializers of the registry's models; Nautobot looks for them here, by their names."""

from __future__ import annotations

from typing import Any

from nautobot.apps.api import (
    ContentTypeField,
    NautobotModelSerializer,
    TaggedModelSerializerMixin,
    ValidatedModelSerializer,
)
from rest_framework import serializers
from rest_framework.utils.model_meta import RelationInfo

from nautobot_job_registry import models
from nautobot_job_registry.api.job_requests import RegisteredJobRequestMixin
from nautobot_job_registry.api.queues import FieldToBuild, QueueDepthMixin
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, TEXT_FIELDS
from nautobot_job_registry.models.constants import REASON_MAX_LENGTH


class ChangeLogMixin(serializers.ModelSerializer):
    """Tell the change log of the record itself: not of what it points at, nor of what is derived from it.

    A serializer without a request is one of the change log, or of an event.
    """

    def get_fields(self) -> dict[str, serializers.Field]:
        """Leave out what is derived."""
        fields = super().get_fields()
        if self.context.get("request") is not None:
            return fields
        return {name: field for name, field in fields.items() if name not in self.Meta.derived_fields}

    def build_nested_field(self, field_name: str, relation_info: RelationInfo, nested_depth: int) -> FieldToBuild:
        """Point at other objects, and read none of them; what is nested in a list of queues stays."""
        if self.context.get("request") is None and not relation_info.to_many:
            return self.build_relational_field(field_name, relation_info)
        return super().build_nested_field(field_name, relation_info, nested_depth)


class RegisteredJobSerializer(
    ChangeLogMixin, RegisteredJobRequestMixin, QueueDepthMixin, TaggedModelSerializerMixin, NautobotModelSerializer
):
    """Serializer of registered jobs: what the source says, what is overridden, and what is in effect."""

    class_path = serializers.CharField(read_only=True, help_text="Dotted path of the class")
    source_values = serializers.DictField(
        read_only=True, help_text="What the source says, by field; empty where no revision is known yet"
    )
    overrides = serializers.DictField(read_only=True, help_text="The overridden fields and their values")
    override_reason = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        help_text=(
            "Why: for the overrides that the request sets or changes; where there are none, for those that it names by "
            f"their flag. At most {REASON_MAX_LENGTH:,} characters"
        ),
    )
    override_expires_at = serializers.DateTimeField(
        write_only=True,
        required=False,
        allow_null=True,
        help_text="When the same overrides are to end; null for never",
    )
    warnings = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What a reader of the record should know"
    )

    class Meta:
        model = models.RegisteredJob
        exclude = ["core_decisions"]
        derived_fields = ("source_values", "overrides", "warnings")
        # A request names what it changes: what it leaves out stays.
        extra_kwargs = {name: {"required": False} for name in (*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled")}
        # What the source says is shown with its outer blanks, and can be sent back as it was shown.
        extra_kwargs |= {name: {"required": False, "trim_whitespace": False} for name in TEXT_FIELDS}


class SourceVisibilityMixin(serializers.ModelSerializer):
    """Leave `Meta.source_field` out of each row that is not marked `source_visible`.

    A row that was not read by its own view set carries no mark, so that nothing leaks where it is nested.
    """

    def to_representation(self, instance: Any) -> Any:
        """Drop the field if the user may not see it."""
        data = super().to_representation(instance)
        if not getattr(instance, "source_visible", False):
            data.pop(self.Meta.source_field, None)
        return data


class JobRevisionSerializer(SourceVisibilityMixin, ValidatedModelSerializer):
    """Serializer of job revisions."""

    class Meta:
        model = models.JobRevision
        fields = "__all__"
        source_field = "source_code"


class JobLoadErrorSerializer(SourceVisibilityMixin, ValidatedModelSerializer):
    """Serializer of load errors."""

    class Meta:
        model = models.JobLoadError
        fields = "__all__"
        source_field = "traceback"


class FieldOverrideSerializer(ValidatedModelSerializer):
    """Serializer of field overrides."""

    is_drifted = serializers.BooleanField(read_only=True, help_text="Whether the source says something else now")

    class Meta:
        model = models.FieldOverride
        fields = "__all__"


class JobRunSerializer(ValidatedModelSerializer):
    """Serializer of job runs."""

    class Meta:
        model = models.JobRun
        fields = "__all__"


class JobScheduleSerializer(ValidatedModelSerializer):
    """Serializer of job schedules."""

    class Meta:
        model = models.JobSchedule
        fields = "__all__"


class ReconciliationSerializer(ValidatedModelSerializer):
    """Serializer of reconciliations."""

    class Meta:
        model = models.Reconciliation
        fields = "__all__"


class SuspensionSerializer(QueueDepthMixin, ValidatedModelSerializer):
    """Serializer of suspensions."""

    object_type = ContentTypeField(
        read_only=True, help_text="What was switched off: extras.scheduledjob, extras.jobhook or extras.jobbutton"
    )

    class Meta:
        model = models.Suspension
        fields = "__all__"
