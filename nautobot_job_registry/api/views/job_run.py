"""REST view set of job runs."""

from nautobot.apps.api import ReadOnlyModelViewSet

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin
from nautobot_job_registry.api.views.visibility import READ_ONLY_METHODS


class JobRunViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """REST view set of job runs."""

    queryset = models.JobRun.objects.all()
    serializer_class = serializers.JobRunSerializer
    filterset_class = filters.JobRunFilterSet
    http_method_names = READ_ONLY_METHODS
