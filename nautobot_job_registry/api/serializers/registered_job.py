"""Serializers of registered jobs."""

from typing import Any

from nautobot.apps.api import (
    NautobotModelSerializer,
    TaggedModelSerializerMixin,
)
from rest_framework import serializers
from rest_framework.utils.model_meta import RelationInfo

from nautobot_job_registry import models
from nautobot_job_registry.api.serializers.job_requests import RegisteredJobRequestMixin
from nautobot_job_registry.api.serializers.queues import FieldToBuild, QueueDepthMixin
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
        """Meta attributes."""

        model = models.RegisteredJob
        exclude = ["core_decisions"]
        derived_fields = ("source_values", "overrides", "warnings")
        # A request names what it changes: what it leaves out stays.
        extra_kwargs = {name: {"required": False} for name in (*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled")}
        # What the source says is shown with its outer blanks, and can be sent back as it was shown.
        extra_kwargs |= {name: {"required": False, "trim_whitespace": False} for name in TEXT_FIELDS}


class ResetOverridesSerializer(serializers.Serializer):
    """Which overrides are to be cleared."""

    fields = serializers.MultipleChoiceField(
        choices=OVERRIDABLE_FIELDS,
        required=False,
        allow_empty=False,
        help_text="The fields; all of them where it is left out",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a member that says nothing here, so that a misspelt one does not clear everything."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name: ["The only member is `fields`."] for name in unknown})
        return attrs
