"""REST view sets of what the registry records and nobody changes: revisions, load errors, runs and schedules."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import bodies, serializers
from nautobot_job_registry.api.mixins import LogViewSet, SourceVisibilityMixin
from nautobot_job_registry.history import comparison

AGAINST = OpenApiParameter(
    "against",
    OpenApiTypes.UUID,
    description="The ID of another revision of the same job; the one before, where it is left out.",
)


class JobRevisionViewSet(SourceVisibilityMixin, LogViewSet):
    """REST view set of job revisions."""

    queryset = models.JobRevision.objects.select_related("job")
    serializer_class = serializers.JobRevisionSerializer
    filterset_class = filters.JobRevisionFilterSet

    @extend_schema(responses={200: bodies.JobRevisionDiffSerializer}, parameters=[AGAINST], filters=False)
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def diff(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compare the revision with another one of the same job, the older one first.

        The code is told to those who may view the source of both revisions.
        """
        against = request.query_params.get("against")
        compared = comparison.compare_revisions(self.get_object(), against, request.user)
        return Response(bodies.JobRevisionDiffSerializer(compared).data)


class JobLoadErrorViewSet(SourceVisibilityMixin, LogViewSet):
    """REST view set of load errors."""

    queryset = models.JobLoadError.objects.all()
    serializer_class = serializers.JobLoadErrorSerializer
    filterset_class = filters.JobLoadErrorFilterSet


class JobRunViewSet(LogViewSet):
    """REST view set of job runs."""

    queryset = models.JobRun.objects.all()
    serializer_class = serializers.JobRunSerializer
    filterset_class = filters.JobRunFilterSet


class JobScheduleViewSet(LogViewSet):
    """REST view set of job schedules."""

    queryset = models.JobSchedule.objects.all()
    serializer_class = serializers.JobScheduleSerializer
    filterset_class = filters.JobScheduleFilterSet
