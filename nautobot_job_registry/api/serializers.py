"""Serializers of the job registry's REST API."""

from nautobot.apps.api import (
    NautobotModelSerializer,
    TaggedModelSerializerMixin,
    ValidatedModelSerializer,
)
from nautobot.extras.models import Job, JobQueue
from rest_framework import serializers

from nautobot_job_registry import models
from nautobot_job_registry.api.job_requests import RegisteredJobRequestMixin
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS

MAX_JOB_DEPTH = 1


class QueueDepthMixin:
    """Nest job queues, and what leads to them, without asking the workers.

    The `display` of a queue counts its workers, which asks each of them over the network.
    """

    def build_nested_field(self, field_name, relation_info, nested_depth):
        """Nest a queue by its name, and a core job not as deep as its queue."""
        if relation_info.related_model is JobQueue:
            field_class, field_kwargs = super().build_nested_field(field_name, relation_info, nested_depth)
            return quiet_queue_serializer(field_class), field_kwargs
        if relation_info.related_model is Job:
            nested_depth = min(nested_depth, MAX_JOB_DEPTH)
        return super().build_nested_field(field_name, relation_info, nested_depth)


def quiet_queue_serializer(base: type) -> type:
    """Return a nested serializer of queues whose `display` is what can be said without the workers."""

    class NestedJobQueueSerializer(base):
        """A job queue that is told without its number of workers."""

        def get_display(self, instance):
            """Return kind and name of the queue."""
            return str(instance)

        class Meta(base.Meta):
            """Meta attributes."""

    return NestedJobQueueSerializer


class SourceVisibilityMixin:
    """Leave `Meta.source_field` out of each row that is not marked `source_visible`.

    A row that was not read by its own view set carries no mark, so that nothing leaks where it is nested.
    """

    def to_representation(self, instance):
        """Drop the field if the user may not see it."""
        data = super().to_representation(instance)
        if not getattr(instance, "source_visible", False):
            data.pop(self.Meta.source_field, None)
        return data


class ChangeLogMixin:
    """Tell the change log of the record itself: not of what it points at, nor of what is derived from it.

    A serializer without a request is one of the change log, or of an event.
    """

    def get_fields(self):
        """Leave out what is derived."""
        fields = super().get_fields()
        if self.context.get("request") is not None:
            return fields
        return {name: field for name, field in fields.items() if name not in self.Meta.derived_fields}

    def build_nested_field(self, field_name, relation_info, nested_depth):
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


class JobRevisionSerializer(SourceVisibilityMixin, ValidatedModelSerializer):
    """Serializer of job revisions."""

    class Meta:
        """Meta attributes."""

        model = models.JobRevision
        fields = "__all__"
        source_field = "source_code"


class FieldOverrideSerializer(ValidatedModelSerializer):
    """Serializer of field overrides."""

    is_drifted = serializers.BooleanField(read_only=True, help_text="Whether the source says something else now")

    class Meta:
        """Meta attributes."""

        model = models.FieldOverride
        fields = "__all__"


class JobLoadErrorSerializer(SourceVisibilityMixin, ValidatedModelSerializer):
    """Serializer of load errors."""

    class Meta:
        """Meta attributes."""

        model = models.JobLoadError
        fields = "__all__"
        source_field = "traceback"


class ReconciliationSerializer(ValidatedModelSerializer):
    """Serializer of reconciliations."""

    class Meta:
        """Meta attributes."""

        model = models.Reconciliation
        fields = "__all__"


class ResetOverridesSerializer(serializers.Serializer):
    """Which overrides are to be cleared."""

    fields = serializers.MultipleChoiceField(
        choices=OVERRIDABLE_FIELDS,
        required=False,
        allow_empty=False,
        help_text="The fields; all of them where it is left out",
    )

    def validate(self, attrs):
        """Refuse a member that says nothing here, so that a misspelt one does not clear everything."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name: ["The only member is `fields`."] for name in unknown})
        return attrs


class DependentSerializer(serializers.Serializer):
    """An object that hangs on a job."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class DependentsSerializer(serializers.Serializer):
    """The objects of one kind that hang on a job: all of them as a number, and those that the user may view by name."""

    count = serializers.IntegerField()
    objects = DependentSerializer(many=True)


class DeletionImpactSerializer(serializers.Serializer):
    """What a deletion would unlink, and what Nautobot would delete with it."""

    can_be_deleted = serializers.BooleanField(help_text="Whether the job is not installed")
    refusal = serializers.CharField(allow_blank=True, help_text="Why it cannot be deleted; empty where it can")
    runs = serializers.IntegerField(help_text="Job results whose link becomes null")
    schedules = DependentsSerializer(help_text="Scheduled jobs whose link becomes null")
    job_hooks = DependentsSerializer(help_text="Job hooks that are deleted")
    job_buttons = DependentsSerializer(help_text="Job buttons that are deleted")
