"""REST view sets of what the registry logs; nobody writes it through REST."""

from django.db.models import Exists, OuterRef, QuerySet, Value
from nautobot.apps.api import ReadOnlyModelViewSet

from nautobot_job_registry import constants, filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin

READ_ONLY_METHODS = ["get", "head", "options"]


class SourceVisibilityMixin:
    """Mark each row with whether the user may see its source, in the one statement that reads the rows."""

    def get_queryset(self) -> QuerySet:
        """Annotate `source_visible`."""
        queryset = super().get_queryset()
        permitted = queryset.model.objects.restrict(self.request.user, constants.VIEW_SOURCE)
        if permitted.query.is_empty():
            return queryset.defer(self.source_field).annotate(source_visible=Value(False))
        return queryset.annotate(source_visible=Exists(permitted.filter(pk=OuterRef("pk"))))

    @property
    def source_field(self) -> str:
        """The name of the field that needs the permission."""
        return self.serializer_class.Meta.source_field


class JobRevisionViewSet(RegistryViewSetMixin, SourceVisibilityMixin, ReadOnlyModelViewSet):
    """REST view set of job revisions."""

    queryset = models.JobRevision.objects.select_related("job")
    serializer_class = serializers.JobRevisionSerializer
    filterset_class = filters.JobRevisionFilterSet
    http_method_names = READ_ONLY_METHODS


class FieldOverrideViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """REST view set of field overrides."""

    queryset = models.FieldOverride.objects.select_related("job__current_revision", "set_by").defer(
        "job__current_revision__source_code"
    )
    serializer_class = serializers.FieldOverrideSerializer
    filterset_class = filters.FieldOverrideFilterSet
    http_method_names = READ_ONLY_METHODS


class JobLoadErrorViewSet(RegistryViewSetMixin, SourceVisibilityMixin, ReadOnlyModelViewSet):
    """REST view set of load errors."""

    queryset = models.JobLoadError.objects.all()
    serializer_class = serializers.JobLoadErrorSerializer
    filterset_class = filters.JobLoadErrorFilterSet
    http_method_names = READ_ONLY_METHODS
