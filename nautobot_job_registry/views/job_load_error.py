"""Pages of load errors."""

from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.models.constants import UUID_PATTERN
from nautobot_job_registry.views.details import job_load_error


class JobLoadErrorUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of load errors."""

    action_buttons = ("export",)
    filterset_class = filters.JobLoadErrorFilterSet
    filterset_form_class = forms.JobLoadErrorFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = job_load_error.JOB_LOAD_ERROR
    queryset = models.JobLoadError.objects.select_related("git_repository").defer("traceback")
    serializer_class = serializers.JobLoadErrorSerializer
    table_class = tables.JobLoadErrorTable
