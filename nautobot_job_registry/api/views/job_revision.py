"""REST view set of job revisions."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from nautobot.apps.api import ReadOnlyModelViewSet
from rest_framework import exceptions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin
from nautobot_job_registry.api.views.visibility import READ_ONLY_METHODS, SourceVisibilityMixin
from nautobot_job_registry.history import comparison

AGAINST = OpenApiParameter(
    "against",
    OpenApiTypes.UUID,
    description="The ID of another revision of the same job; the one before, where it is left out.",
)


class JobRevisionViewSet(RegistryViewSetMixin, SourceVisibilityMixin, ReadOnlyModelViewSet):
    """REST view set of job revisions."""

    queryset = models.JobRevision.objects.select_related("job")
    serializer_class = serializers.JobRevisionSerializer
    filterset_class = filters.JobRevisionFilterSet
    http_method_names = READ_ONLY_METHODS

    @extend_schema(responses={200: serializers.JobRevisionDiffSerializer}, parameters=[AGAINST], filters=False)
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def diff(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compare the revision with another one of the same job, the older one first.

        The code is told to those who may view the source of both revisions.
        """
        try:
            compared = comparison.compare_revisions(
                self.get_object(), request.query_params.get("against"), request.user
            )
        except comparison.ComparisonError as error:
            raise exceptions.ValidationError({"against": [str(error)]}) from error
        return Response(serializers.JobRevisionDiffSerializer(compared).data)
