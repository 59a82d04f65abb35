"""REST view set of suspensions, and their restoring by hand."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework import serializers as rest_serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import bodies, serializers
from nautobot_job_registry.api.mixins import Conflict, DecidingViewSet, ViewPermissions
from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.lifecycle.suspensions import restoring

UNKNOWN = "There is no suspension with this ID that you may view."


CONFLICT = OpenApiResponse(bodies.RefusalSerializer, description="It cannot be restored now: the reason is told.")


class SuspensionViewSet(DecidingViewSet):
    """REST view set of suspensions: they are made and ended by reconciling, and can be restored by hand."""

    queryset = models.Suspension.objects.select_related("job", "object_type", "restored_by")
    serializer_class = serializers.SuspensionSerializer
    filterset_class = filters.SuspensionFilterSet

    @extend_schema(request=None, responses={200: serializers.SuspensionSerializer, 409: CONFLICT}, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None, permission_classes=[ViewPermissions])
    def restore(self, request, *args, **kwargs):
        """Switch on again what the suspension is about; takes the right to change that, and its registered job."""
        suspension = self.get_object()
        self._restore([suspension])
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
    def bulk_restore(self, request, *args, **kwargs):
        """Switch on again what many suspensions are about: all of them, or none."""
        body = bodies.SuspensionToRestoreSerializer(data=request.data, many=True, allow_empty=False)
        body.is_valid(raise_exception=True)
        keys = list(dict.fromkeys(item["id"] for item in body.validated_data))
        rows = self._rows(keys)
        self._restore(rows)
        return Response(self.get_serializer(self._rows(keys), many=True).data)

    def _rows(self, keys):
        found = {row.pk: row for row in self.get_queryset().filter(pk__in=keys)}
        missing = [{"id": [f"{key}: {UNKNOWN}"]} for key in keys if key not in found]
        if missing:
            raise rest_serializers.ValidationError(missing)
        return [found[key] for key in keys]

    def _restore(self, rows):
        try:
            restoring.restore(rows, self.request.user)
        except permissions.NotPermittedError as error:
            raise exceptions.PermissionDenied(str(error)) from error
        except restoring.NotRestorableError as error:
            raise Conflict(str(error)) from error
