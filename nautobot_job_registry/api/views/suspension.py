"""REST view set of suspensions, and their restoring by hand."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import bodies, serializers
from nautobot_job_registry.api.mixins import DecidingViewSet, ViewPermissions
from nautobot_job_registry.lifecycle.suspensions import restoring

CONFLICT = OpenApiResponse(bodies.RefusalSerializer, description="It cannot be restored now: the reason is told.")


class SuspensionViewSet(DecidingViewSet):
    """REST view set of suspensions: they are made and ended by reconciling, and can be restored by hand."""

    queryset = models.Suspension.objects.select_related("job", "object_type", "restored_by")
    serializer_class = serializers.SuspensionSerializer
    filterset_class = filters.SuspensionFilterSet
    not_found = "There is no suspension with this ID that you may view."

    @extend_schema(request=None, responses={200: serializers.SuspensionSerializer, 409: CONFLICT}, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None, permission_classes=[ViewPermissions])
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch on again what the suspension is about; takes the right to change that, and its registered job."""
        restoring.restore([self.get_object()], request.user)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="plugins_job_registry_suspensions_bulk_restore",
        request=bodies.SuspensionToRestoreSerializer(many=True),
        responses={200: serializers.SuspensionSerializer(many=True), 409: CONFLICT},
        filters=False,
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="restore",
        url_name="bulk-restore",
        filterset_class=None,
        pagination_class=None,
        permission_classes=[ViewPermissions],
    )
    def bulk_restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch on again what many suspensions are about: all of them, or none."""
        body = bodies.SuspensionToRestoreSerializer(data=request.data, many=True, allow_empty=False)
        body.is_valid(raise_exception=True)
        keys = [item["id"] for item in body.validated_data]
        restoring.restore(self.named_rows(keys), request.user)
        return Response(self.get_serializer(self.named_rows(keys), many=True).data)
