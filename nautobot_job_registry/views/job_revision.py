"""Pages of job revisions."""

from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry import details, filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.constants import UUID_PATTERN


class JobRevisionUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of job revisions."""

    action_buttons = ("export",)
    filterset_class = filters.JobRevisionFilterSet
    filterset_form_class = forms.JobRevisionFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = details.JOB_REVISION
    queryset = models.JobRevision.objects.select_related("job").defer("source_code")
    serializer_class = serializers.JobRevisionSerializer
    table_class = tables.JobRevisionTable
