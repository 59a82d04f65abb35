"""REST view set of job schedules."""

from nautobot.apps.api import ReadOnlyModelViewSet

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin
from nautobot_job_registry.api.views.visibility import READ_ONLY_METHODS


class JobScheduleViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """REST view set of job schedules."""

    queryset = models.JobSchedule.objects.all()
    serializer_class = serializers.JobScheduleSerializer
    filterset_class = filters.JobScheduleFilterSet
    http_method_names = READ_ONLY_METHODS
