"""Pages of job runs."""

from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.models.constants import UUID_PATTERN
from nautobot_job_registry.views.details import job_run


class JobRunUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of job runs."""

    action_buttons = ("export",)
    filterset_class = filters.JobRunFilterSet
    filterset_form_class = forms.JobRunFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = job_run.JOB_RUN
    queryset = models.JobRun.objects.listed()
    serializer_class = serializers.JobRunSerializer
    table_class = tables.JobRunTable
