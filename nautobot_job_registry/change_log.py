"""Records as Nautobot's change log holds them, many at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.core import serializers

from nautobot_job_registry.models import RegisteredJob


def serialized(rows: Sequence[RegisteredJob]) -> list[dict[str, Any]]:
    """Return records as core's change log holds them; core's own way asks the database several times for each.

    Args:
        rows: The records, with their tags and queues read beforehand.
    """
    data = [item["fields"] for item in json.loads(serializers.serialize("json", rows))]
    for row, fields in zip(rows, data, strict=True):
        fields["custom_fields"] = fields.pop("_custom_field_data", {})
        fields["tags"] = [tag.name for tag in row.tags.all()]
        del fields["core_decisions"]
    return data
