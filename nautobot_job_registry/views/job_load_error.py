"""Pages of load errors."""

from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry import details, filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.constants import UUID_PATTERN


class JobLoadErrorUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of load errors."""

    action_buttons = ("export",)
    filterset_class = filters.JobLoadErrorFilterSet
    filterset_form_class = forms.JobLoadErrorFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = details.JOB_LOAD_ERROR
    queryset = models.JobLoadError.objects.select_related("git_repository").defer("traceback")
    serializer_class = serializers.JobLoadErrorSerializer
    table_class = tables.JobLoadErrorTable
