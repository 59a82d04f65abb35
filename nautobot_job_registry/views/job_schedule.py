"""Pages of job schedules."""

from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.models.constants import UUID_PATTERN
from nautobot_job_registry.views.details import job_schedule


class JobScheduleUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of job schedules."""

    action_buttons = ("export",)
    filterset_class = filters.JobScheduleFilterSet
    filterset_form_class = forms.JobScheduleFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = job_schedule.JOB_SCHEDULE
    queryset = models.JobSchedule.objects.select_related("job", "scheduled_job__user")
    serializer_class = serializers.JobScheduleSerializer
    table_class = tables.JobScheduleTable
