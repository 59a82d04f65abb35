"""Pages of field overrides: what an operator looks at before an upgrade."""

from nautobot.apps.views import ObjectDetailViewMixin, ObjectListViewMixin

from nautobot_job_registry import details, filters, forms, models, tables
from nautobot_job_registry.api import serializers
from nautobot_job_registry.constants import UUID_PATTERN


class FieldOverrideUIViewSet(ObjectListViewMixin, ObjectDetailViewMixin):
    """Pages of field overrides; an override is made and cleared on its job."""

    action_buttons = ("export",)
    filterset_class = filters.FieldOverrideFilterSet
    filterset_form_class = forms.FieldOverrideFilterForm
    lookup_field = "pk"
    lookup_value_regex = UUID_PATTERN
    object_detail_content = details.FIELD_OVERRIDE
    queryset = models.FieldOverride.objects.select_related("job__current_revision", "set_by").defer(
        "job__current_revision__source_code"
    )
    serializer_class = serializers.FieldOverrideSerializer
    table_class = tables.FieldOverrideTable
