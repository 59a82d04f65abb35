"""What the view sets of the REST API have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Exists, Model, OuterRef, QuerySet, Value
from django.http import Http404
from nautobot.apps.api import ReadOnlyModelViewSet
from nautobot.apps.utils import is_uuid
from nautobot.core.api.authentication import TokenPermissions
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from nautobot_job_registry.api.schema import RegistryAutoSchema
from nautobot_job_registry.core_bridge import own_jobs, permissions
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.history import comparison
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.lifecycle.moves import adopting
from nautobot_job_registry.lifecycle.suspensions import restoring
from nautobot_job_registry.models import constants
from nautobot_job_registry.models.attempts import GIVEN_UP, RETRY_AFTER, TRY_AGAIN, try_again
from nautobot_job_registry.overrides import drift

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


class Unavailable(exceptions.APIException):
    """No worker is there that would run the job, or the plan cannot be made; the text says what was raised."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"


class GivenUp(Unavailable):
    """The database gave up all attempts; nothing was changed."""

    # Nautobot's framework makes the header Retry-After of it.
    wait = RETRY_AFTER


def wrong(member: str) -> Callable[[str], Exception]:
    """Return what makes the answer that a member of the request is wrong."""
    return lambda message: serializers.ValidationError({member: [message]})


# What is answered to an error of ours: the first that it is one of. Its text is for the user.
ANSWERS: tuple[tuple[type[Exception], Callable[[str], Exception]], ...] = (
    (permissions.NotPermittedError, exceptions.PermissionDenied),
    (own_jobs.NoWorkerError, Unavailable),
    (own_jobs.NotBegunError, exceptions.PermissionDenied),
    (adopting.UnknownPredecessorError, wrong("predecessor")),
    (adopting.AdoptionError, Conflict),
    (deletion.InstalledError, Conflict),
    (restoring.NotRestorableError, Conflict),
    (UnknownSourceError, wrong("source")),
    *((error, lambda message: GivenUp(TRY_AGAIN)) for error in GIVEN_UP),
    (comparison.ComparisonError, wrong("against")),
    (drift.TooManyError, lambda message: serializers.ValidationError({"detail": message})),
)


class ChangePermissions(TokenPermissions):
    """As for any request, but a POST needs the right to change."""

    perms_map = {**TokenPermissions.perms_map, "POST": TokenPermissions.perms_map["PATCH"]}


class ViewPermissions(TokenPermissions):
    """As for any request, but a POST needs the right to view: what it does takes rights on other objects."""

    perms_map = {**TokenPermissions.perms_map, "POST": TokenPermissions.perms_map["GET"]}


class RegistryViewSetMixin(GenericViewSet):
    """Describes all answers, and answers 400 or 404 where Nautobot or the database can make nothing of a value.

    Nautobot hands the values of its parameters on as they come: a regular expression that is none, a number that no
    column holds, a text with a NUL character, an ID that is none.
    """

    schema = RegistryAutoSchema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Have the request answered anew where the database gives it up (rule 10)."""
        super().initial(request, *args, **kwargs)
        name = (request.method or "").lower()
        answer: Any = getattr(self, name, self.http_method_not_allowed)
        what = f"{request.method} {request.path}"
        setattr(self, name, lambda *args, **kwargs: try_again(partial(answer, *args, **kwargs), what=what))

    def handle_exception(self, exc: Exception) -> Response:
        """Tell a wrong value from an error of ours, and say of ours what they mean."""
        exc = next((answer(str(exc)) for error, answer in ANSWERS if isinstance(exc, error)), exc)
        if isinstance(exc, ValidationError):
            exc = serializers.ValidationError(serializers.as_serializer_error(exc))
        if isinstance(exc, DataError) or (isinstance(exc, ValueError) and str(exc).startswith(WRONG_VALUES)):
            message = str(exc).strip().splitlines()[0]
            exc = serializers.ValidationError({"detail": f"A value that was sent makes no sense: {message}"})
        return super().handle_exception(exc)

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Filter as the parameters say; for one object without any, to set the filters up is most of the work."""
        if self.detail and not self.request.query_params:
            return queryset
        return super().filter_queryset(queryset)

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
    queryset: QuerySet
    # Answered to an ID of a request that is none of an object that the user may view.
    not_found = ""

    def named_rows(self, keys: Iterable[UUID]) -> list[Any]:
        """Return the rows that a request names, each once, in its order.

        Raises:
            ValidationError: If one is not there.
        """
        wanted = list(dict.fromkeys(keys))
        found = {row.pk: row for row in self.get_queryset().filter(pk__in=wanted)}
        missing = [{"id": [f"{key}: {self.not_found}"]} for key in wanted if key not in found]
        if missing:
            raise serializers.ValidationError(missing)
        return [found[key] for key in wanted]

    def restrict_queryset(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Restrict what is decided on to what the user may view."""
        if request.user.is_authenticated and request.method == "POST":
            self.queryset = self.queryset.restrict(request.user, "view")
        else:
            super().restrict_queryset(request, *args, **kwargs)


class SourceVisibilityMixin(GenericViewSet):
    """Mark each row with whether the user may see its source, in the one statement that reads the rows."""

    @property
    def ordering_fields(self) -> list[str]:
        """The columns by which rows can be put in order: the order would tell what is in a source."""
        hidden = self.serializer_class.Meta.source_field
        return [field.name for field in self.serializer_class.Meta.model._meta.concrete_fields if field.name != hidden]

    def get_queryset(self) -> QuerySet:
        """Annotate `source_visible`."""
        queryset = super().get_queryset()
        permitted = queryset.model.objects.restrict(self.request.user, constants.VIEW_SOURCE)
        if permitted.query.is_empty():
            return queryset.defer(self.serializer_class.Meta.source_field).annotate(source_visible=Value(False))
        return queryset.annotate(source_visible=Exists(permitted.filter(pk=OuterRef("pk"))))
