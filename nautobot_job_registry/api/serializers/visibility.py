"""Who may see source code and tracebacks."""

from typing import Any

from django.db.models import Model
from rest_framework import serializers


class SourceVisibilityMixin(serializers.ModelSerializer):
    """Leave `Meta.source_field` out of each row that is not marked `source_visible`.

    A row that was not read by its own view set carries no mark, so that nothing leaks where it is nested.
    """

    def to_representation(self, instance: Model) -> dict[str, Any]:
        """Drop the field if the user may not see it."""
        data = super().to_representation(instance)
        if not getattr(instance, "source_visible", False):
            data.pop(self.Meta.source_field, None)
        return data
