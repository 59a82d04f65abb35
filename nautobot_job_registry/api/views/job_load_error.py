"""REST view set of load errors."""

from nautobot.apps.api import ReadOnlyModelViewSet

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin
from nautobot_job_registry.api.views.visibility import READ_ONLY_METHODS, SourceVisibilityMixin


class JobLoadErrorViewSet(RegistryViewSetMixin, SourceVisibilityMixin, ReadOnlyModelViewSet):
    """REST view set of load errors."""

    queryset = models.JobLoadError.objects.all()
    serializer_class = serializers.JobLoadErrorSerializer
    filterset_class = filters.JobLoadErrorFilterSet
    http_method_names = READ_ONLY_METHODS
