"""REST view set of job revisions."""

from nautobot.apps.api import ReadOnlyModelViewSet

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin
from nautobot_job_registry.api.views.visibility import READ_ONLY_METHODS, SourceVisibilityMixin


class JobRevisionViewSet(RegistryViewSetMixin, SourceVisibilityMixin, ReadOnlyModelViewSet):
    """REST view set of job revisions."""

    queryset = models.JobRevision.objects.select_related("job")
    serializer_class = serializers.JobRevisionSerializer
    filterset_class = filters.JobRevisionFilterSet
    http_method_names = READ_ONLY_METHODS
