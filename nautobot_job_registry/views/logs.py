"""Pages of what the registry logs: revisions, load errors, reconciliations."""

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


class ReconciliationUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of reconciliations."""

    action_buttons = ("export",)
    filterset_class = filters.ReconciliationFilterSet
    filterset_form_class = forms.ReconciliationFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = details.RECONCILIATION
    queryset = models.Reconciliation.objects.select_related("user", "job_result__job_model").defer("changes")
    serializer_class = serializers.ReconciliationSerializer
    table_class = tables.ReconciliationTable
