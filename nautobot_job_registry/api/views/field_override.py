"""REST view set of field overrides."""

from nautobot.apps.api import ReadOnlyModelViewSet

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin
from nautobot_job_registry.api.views.visibility import READ_ONLY_METHODS


class FieldOverrideViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """REST view set of field overrides."""

    queryset = models.FieldOverride.objects.select_related("job__current_revision", "set_by").defer(
        "job__current_revision__source_code"
    )
    serializer_class = serializers.FieldOverrideSerializer
    filterset_class = filters.FieldOverrideFilterSet
    http_method_names = READ_ONLY_METHODS
