"""REST view set of suspensions, and their restoring by hand."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from nautobot.apps.api import ReadOnlyModelViewSet
from nautobot.core.api.authentication import TokenPermissions
from rest_framework import exceptions, status
from rest_framework import serializers as rest_serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import serializers
from nautobot_job_registry.api.mixins import RegistryViewSetMixin
from nautobot_job_registry.api.serializers.reconcile_request import RefusalSerializer
from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.lifecycle.suspensions import restoring

UNKNOWN = "There is no suspension with this ID that you may view."


class NotRestorable(exceptions.APIException):
    """What was suspended cannot be restored now; the text says why."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "not_restorable"


class ViewPermissions(TokenPermissions):
    """Restoring takes rights on what is restored and on its job, and of the suspension no more than to view it."""

    perms_map = {**TokenPermissions.perms_map, "POST": ["%(app_label)s.view_%(model_name)s"]}


CONFLICT = OpenApiResponse(RefusalSerializer, description="It cannot be restored now: the reason is told.")


class SuspensionViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """REST view set of suspensions: they are made and ended by reconciling, and can be restored by hand."""

    queryset = models.Suspension.objects.select_related("job", "object_type", "restored_by")
    serializer_class = serializers.SuspensionSerializer
    filterset_class = filters.SuspensionFilterSet
    http_method_names = ["get", "post", "head", "options"]

    def restrict_queryset(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Restrict the restoring, which is a POST, to what the user may view."""
        if self.action in ("restore", "bulk_restore"):
            self.queryset = self.queryset.restrict(request.user, "view")
        else:
            super().restrict_queryset(request, *args, **kwargs)

    @extend_schema(request=None, responses={200: serializers.SuspensionSerializer, 409: CONFLICT}, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None, permission_classes=[ViewPermissions])
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch on again what the suspension is about; takes the right to change that, and its registered job."""
        suspension = self.get_object()
        self._restore([suspension])
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="plugins_job_registry_suspensions_bulk_restore",
        request=serializers.SuspensionToRestoreSerializer(many=True),
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
        body = serializers.SuspensionToRestoreSerializer(data=request.data, many=True, allow_empty=False)
        body.is_valid(raise_exception=True)
        keys = list(dict.fromkeys(item["id"] for item in body.validated_data))
        rows = self._rows(keys)
        self._restore(rows)
        return Response(self.get_serializer(self._rows(keys), many=True).data)

    def _rows(self, keys: list[UUID]) -> list[models.Suspension]:
        found = {row.pk: row for row in self.get_queryset().filter(pk__in=keys)}
        missing = [{"id": [f"{key}: {UNKNOWN}"]} for key in keys if key not in found]
        if missing:
            raise rest_serializers.ValidationError(missing)
        return [found[key] for key in keys]

    def _restore(self, rows: list[models.Suspension]) -> None:
        try:
            restoring.restore(rows, self.request.user)
        except permissions.NotPermittedError as error:
            raise exceptions.PermissionDenied(str(error)) from error
        except restoring.NotRestorableError as error:
            raise NotRestorable(str(error)) from error
