"""How job queues are nested."""

from nautobot.extras.models import Job, JobQueue

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
