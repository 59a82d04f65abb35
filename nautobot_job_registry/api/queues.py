"""How job queues are nested, and how a request names them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nautobot.extras.models import Job, JobQueue
from rest_framework import serializers
from rest_framework.utils.model_meta import RelationInfo

# The class of a field, and the arguments that it is made with.
FieldToBuild = tuple[type[serializers.Field], dict[str, Any]]
MAX_JOB_DEPTH = 1
ONE_QUEUE = "Send one job queue, not a list of them."
NO_QUEUE = "A job queue is named by its ID, its URL, or an object with its attributes."
NO_TEXT = "There is a lone surrogate in it, which no text can have."


def malformed_queues(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Say what is wrong with the queues of a request that Nautobot's own fields do not refuse.

    Args:
        data: The members of the request.

    Returns:
        What is wrong, by the name of the member.
    """
    errors = {}
    default, queues = data.get("default_job_queue"), data.get("job_queues")
    if isinstance(default, list):
        errors["default_job_queue"] = [ONE_QUEUE]
    elif default is not None and not _names_a_queue(default):
        errors["default_job_queue"] = [NO_QUEUE]
    if isinstance(queues, list) and not all(_names_a_queue(queue) for queue in queues):
        errors["job_queues"] = [NO_QUEUE]
    for name, value in (("default_job_queue", default), ("job_queues", queues)):
        if name not in errors and not _is_text(value):
            errors[name] = [NO_TEXT]
    return errors


def _names_a_queue(value: Any) -> bool:
    """Return whether a value can name one queue; of an object, Nautobot looks at the URL and the ID first."""
    if isinstance(value, Mapping):
        value = value.get("url", value.get("id", value))
    return value is not None and not isinstance(value, list)


def _is_text(value: Any) -> bool:
    """Return whether all the texts in a value can be stored."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


class QueueDepthMixin(serializers.ModelSerializer):
    """Nest job queues, and what leads to them, without asking the workers.

    The `display` of a queue counts its workers, which asks each of them over the network.
    """

    def build_nested_field(self, field_name: str, relation_info: RelationInfo, nested_depth: int) -> FieldToBuild:
        """Nest a queue by its name, and a core job not as deep as its queue."""
        if relation_info.related_model is JobQueue:
            field_class, field_kwargs = super().build_nested_field(field_name, relation_info, nested_depth)
            return quiet_queue_serializer(field_class), field_kwargs
        if relation_info.related_model is Job:
            nested_depth = min(nested_depth, MAX_JOB_DEPTH)
        return super().build_nested_field(field_name, relation_info, nested_depth)


def quiet_queue_serializer(base: type[Any]) -> type[Any]:
    """Return a nested serializer of queues whose `display` is what can be said without the workers."""
    meta: type[Any] = base.Meta

    class NestedJobQueueSerializer(base):
        """A job queue that is told without its number of workers."""

        def get_display(self, instance: JobQueue) -> str:
            """Return kind and name of the queue."""
            return str(instance)

        class Meta(meta):
            """Meta attributes."""

    return NestedJobQueueSerializer
