"""Serializers of the job registry's REST API."""

from nautobot.apps.api import (
    NautobotModelSerializer,
    TaggedModelSerializerMixin,
    ValidatedModelSerializer,
)
from nautobot.extras.models import Job, JobQueue
from rest_framework import serializers

from nautobot_job_registry import models

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


class RegisteredJobSerializer(QueueDepthMixin, TaggedModelSerializerMixin, NautobotModelSerializer):
    """Serializer of registered jobs."""

    class_path = serializers.CharField(read_only=True)
    overridden_fields = serializers.ListField(child=serializers.CharField(), read_only=True)
    source_values = serializers.DictField(read_only=True)

    class Meta:
        """Meta attributes."""

        model = models.RegisteredJob
        exclude = ["core_decisions"]


class JobRevisionSerializer(SourceVisibilityMixin, ValidatedModelSerializer):
    """Serializer of job revisions."""

    class Meta:
        """Meta attributes."""

        model = models.JobRevision
        fields = "__all__"
        source_field = "source_code"


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
