"""REST view set of field overrides: read them, keep them, or follow the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nautobot_job_registry import filters, models
from nautobot_job_registry.api import bodies, serializers
from nautobot_job_registry.api.mixins import DecidingViewSet, ViewPermissions
from nautobot_job_registry.overrides import drift

NOT_A_LIST = "Send a list of JSON objects, each with the `id` of an override."


# What turns a method into an address of the API.
Decorator = Callable[[Callable[..., Response]], Callable[..., Response]]


def decision(**options: Any) -> Decorator:
    """Return the decorator of an address that does something about overrides."""
    return action(
        methods=["post"],
        filterset_class=None,
        pagination_class=None,
        permission_classes=[ViewPermissions],
        **options,
    )


def decision_on_many(name: str) -> Decorator:
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
    not_found = "There is no override with this ID that you may view."

    @extend_schema(request=None, responses={200: serializers.FieldOverrideSerializer})
    @decision(detail=True)
    def keep(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep the override against what the source says now, so that it is drifted no more."""
        self._decide(drift.keep_overrides, [self.get_object()])
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={200: bodies.OverrideDecisionSerializer})
    @decision(detail=True)
    def follow(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Clear the override, so that the field says what the source says."""
        return self._decide(drift.follow_source, [self.get_object()])

    @decision_on_many("keep")
    def bulk_keep(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep many overrides against what the source says now: all of them, or none."""
        return self._decide(drift.keep_overrides, self._named_overrides())

    @decision_on_many("follow")
    def bulk_follow(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Clear many overrides, so that the fields say what the source says: all of them, or none."""
        return self._decide(drift.follow_source, self._named_overrides())

    def _decide(self, decide: Callable[..., int], overrides: list[models.FieldOverride]) -> Response:
        changed = decide(overrides, self.request.user)
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
        return self.named_rows(item["id"] for item in body.validated_data)
