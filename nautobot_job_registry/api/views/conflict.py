"""What actions of REST share that are neither reading nor making."""

from nautobot.core.api.authentication import TokenPermissions
from rest_framework import status
from rest_framework.exceptions import APIException


class Conflict(APIException):
    """The state of an object forbids what is asked for."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class ChangePermissions(TokenPermissions):
    """As for any request, but a POST needs the right to change."""

    perms_map = {**TokenPermissions.perms_map, "POST": TokenPermissions.perms_map["PATCH"]}
