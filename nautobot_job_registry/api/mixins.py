"""What the view sets of the REST API have in common."""

from __future__ import annotations

from django.db import DataError
from django.db.models import Exists, Model, OuterRef, QuerySet, Value
from django.http import Http404
from nautobot.apps.api import ReadOnlyModelViewSet
from nautobot.apps.utils import is_uuid
from nautobot.core.api.authentication import TokenPermissions
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response

from nautobot_job_registry.api.schema import RegistryAutoSchema
from nautobot_job_registry.models import constants

# How the errors begin that the database's driver and Nautobot raise where they can make nothing of a value.
WRONG_VALUES = (
    "A string literal cannot contain NUL (0x00)",
    "Invalid truthy value",
    "Cannot use None as a query value",
    "Cannot add None ",
)


class Conflict(exceptions.APIException):
    """The state of an object forbids what is asked for."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class ChangePermissions(TokenPermissions):
    """As for any request, but a POST needs the right to change."""

    perms_map = {**TokenPermissions.perms_map, "POST": TokenPermissions.perms_map["PATCH"]}


class ViewPermissions(TokenPermissions):
    """As for any request, but a POST needs the right to view: what it does takes rights on other objects."""

    perms_map = {**TokenPermissions.perms_map, "POST": TokenPermissions.perms_map["GET"]}


class RegistryViewSetMixin:
    """Describes all answers, and answers 400 or 404 where Nautobot or the database can make nothing of a value.

    Nautobot hands the values of its parameters on as they come: a regular expression that is none, a number that no
    column holds, a text with a NUL character, an ID that is none.
    """

    schema = RegistryAutoSchema()

    def handle_exception(self, exc: Exception) -> Response:
        """Tell a wrong value from an error of ours."""
        if isinstance(exc, DataError) or (isinstance(exc, ValueError) and str(exc).startswith(WRONG_VALUES)):
            message = str(exc).strip().splitlines()[0]
            exc = serializers.ValidationError({"detail": f"A value that was sent makes no sense: {message}"})
        return super().handle_exception(exc)

    def get_object(self) -> Model:
        """Return the object of the address, if its ID is one."""
        if not is_uuid(self.kwargs["pk"]):
            raise Http404
        return super().get_object()


class LogViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """What the registry writes itself: it is read, and never changed through REST."""

    http_method_names = ["get", "head", "options"]


class DecidingViewSet(RegistryViewSetMixin, ReadOnlyModelViewSet):
    """The same, with actions that are a POST, about rows that the user may view."""

    http_method_names = ["get", "post", "head", "options"]

    def restrict_queryset(self, request, *args, **kwargs):
        """Restrict what is decided on to what the user may view."""
        if request.user.is_authenticated and request.method == "POST":
            self.queryset = self.queryset.restrict(request.user, "view")
        else:
            super().restrict_queryset(request, *args, **kwargs)


class SourceVisibilityMixin:
    """Mark each row with whether the user may see its source, in the one statement that reads the rows."""

    def get_queryset(self) -> QuerySet:
        """Annotate `source_visible`."""
        queryset = super().get_queryset()
        permitted = queryset.model.objects.restrict(self.request.user, constants.VIEW_SOURCE)
        if permitted.query.is_empty():
            return queryset.defer(self.serializer_class.Meta.source_field).annotate(source_visible=Value(False))
        return queryset.annotate(source_visible=Exists(permitted.filter(pk=OuterRef("pk"))))
