"""REST view set of field overrides: read them, keep them, or follow the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import bodies, serializers
from nautobot_job_registry.api.mixins import DecidingViewSet, ViewPermissions
from nautobot_job_registry.core_bridge.permissions import WithheldError
from nautobot_job_registry.overrides import drift

NOT_FOUND = "There is no override with this ID that you may view."
NOT_A_LIST = "Send a list of JSON objects, each with the `id` of an override."


def decision(**options: Any) -> Callable:
    """Return the decorator of an address that does something about overrides."""
    return action(
        methods=["post"],
        filterset_class=None,
        pagination_class=None,
        permission_classes=[ViewPermissions],
        **options,
    )


def decision_on_many(name: str) -> Callable:
    """Return the decorator of an address that does the same about many overrides, and describes it.

    Args:
        name: The last part of the address.
    """
    described = extend_schema(
        request=bodies.OverrideIdSerializer(many=True),
        responses={200: bodies.OverrideDecisionSerializer},
        operation_id=f"plugins_job_registry_field_overrides_bulk_{name}",
        filters=False,
    )
    routed = decision(detail=False, url_path=name, url_name=f"bulk-{name}")
    return lambda method: described(routed(method))


class FieldOverrideViewSet(DecidingViewSet):
    """REST view set of field overrides; an override is made, changed and cleared on its job."""

    queryset = models.FieldOverride.objects.select_related("job__current_revision", "set_by").defer(
        "job__current_revision__source_code"
    )
    serializer_class = serializers.FieldOverrideSerializer
    filterset_class = filters.FieldOverrideFilterSet

    @extend_schema(request=None, responses={200: serializers.FieldOverrideSerializer})
    @decision(detail=True)
    def keep(self, request, *args, **kwargs):
        """Keep the override against what the source says now, so that it is drifted no more."""
        self._decide(drift.keep_overrides, [self.get_object()])
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={200: bodies.OverrideDecisionSerializer})
    @decision(detail=True)
    def follow(self, request, *args, **kwargs):
        """Clear the override, so that the field says what the source says."""
        return self._decide(drift.follow_source, [self.get_object()])

    @decision_on_many("keep")
    def bulk_keep(self, request, *args, **kwargs):
        """Keep many overrides against what the source says now: all of them, or none."""
        return self._decide(drift.keep_overrides, self._named_overrides())

    @decision_on_many("follow")
    def bulk_follow(self, request, *args, **kwargs):
        """Clear many overrides, so that the fields say what the source says: all of them, or none."""
        return self._decide(drift.follow_source, self._named_overrides())

    def _decide(self, decide: Callable[..., int], overrides: Iterable[models.FieldOverride]) -> Response:
        try:
            changed = decide(overrides, self.request.user)
        except WithheldError as error:
            raise PermissionDenied(str(error)) from error
        except drift.TooManyError as error:
            raise drf.ValidationError({"detail": str(error)}) from error
        except ValidationError as error:
            raise drf.ValidationError(drf.as_serializer_error(error)) from error
        return Response(bodies.OverrideDecisionSerializer({"changed": changed}).data)

    def _named_overrides(self) -> list[models.FieldOverride]:
        """Return the overrides that a request names.

        Raises:
            ValidationError: If it is no list, or one is not there.
        """
        data = self.request.data
        if not isinstance(data, list) or not data:
            raise drf.ValidationError({"detail": NOT_A_LIST})
        body = bodies.OverrideIdSerializer(data=data, many=True)
        body.is_valid(raise_exception=True)
        wanted = [item["id"] for item in body.validated_data]
        found = {override.pk: override for override in self.get_queryset().filter(pk__in=wanted)}
        missing = [{"id": [f"{pk}: {NOT_FOUND}"]} for pk in wanted if pk not in found]
        if missing:
            raise drf.ValidationError(missing)
        return list(found.values())
