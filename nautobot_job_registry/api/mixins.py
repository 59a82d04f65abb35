"""What all view sets of the REST API have in common."""

from django.db import DataError
from django.db.models import Model
from django.http import Http404
from nautobot.apps.utils import is_uuid
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from nautobot_job_registry.api.schema import RegistryAutoSchema

# How the errors begin that the database's driver and Nautobot raise where they can make nothing of a value.
WRONG_VALUES = (
    "A string literal cannot contain NUL (0x00)",
    "Invalid truthy value",
    "Cannot use None as a query value",
    "Cannot add None ",
)


class RegistryViewSetMixin(GenericViewSet):
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
