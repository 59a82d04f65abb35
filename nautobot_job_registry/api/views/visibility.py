"""What is read only, and who may see source code and tracebacks."""

from django.db.models import Exists, OuterRef, QuerySet, Value
from rest_framework.viewsets import GenericViewSet

from nautobot_job_registry.models import constants

READ_ONLY_METHODS = ["get", "head", "options"]


class SourceVisibilityMixin(GenericViewSet):
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
