"""Pages of reconciliations."""

from django.db.models import QuerySet
from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry import filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.models.constants import UUID_PATTERN
from nautobot_job_registry.views.details import reconciliation


class ReconciliationUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of reconciliations."""

    action_buttons = ("export",)
    filterset_class = filters.ReconciliationFilterSet
    filterset_form_class = forms.ReconciliationFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = reconciliation.RECONCILIATION
    queryset = models.Reconciliation.objects.select_related("user", "job_result__job_model").defer("changes")
    serializer_class = serializers.ReconciliationSerializer
    table_class = tables.ReconciliationTable

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Read the changes of the rows, too, where a list shows only certain ones."""
        queryset = super().filter_queryset(queryset)
        is_feed = any(name in self.request.GET for name in filters.changes.NAMES)
        return queryset.defer(None) if is_feed else queryset
