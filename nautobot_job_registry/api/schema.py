"""What the OpenAPI document says of every address of ours: which answers there are beside the good one."""

from typing import Any

from nautobot.apps.api import NautobotAutoSchema
from rest_framework.permissions import SAFE_METHODS

DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
ERRORS = {
    "400": ("What was sent is wrong: the members, or the filters, are named.", {}),
    "403": ("A right is missing.", DETAIL),
    "404": ("There is no such object, or none that you may see; or there is no such format.", DETAIL),
    "409": ("The state of an object forbids it.", DETAIL),
    "415": ("The type of what was sent is not understood.", DETAIL),
}


class RegistryAutoSchema(NautobotAutoSchema):
    """Describes the errors, too."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Add the errors that are not described yet."""
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            for status in self._error_statuses():
                description, schema = ERRORS[status]
                content = {"application/json": {"schema": schema}, "text/csv": {"schema": {"type": "string"}}}
                operation["responses"].setdefault(status, {"description": description, "content": content})
        return operation

    def _error_statuses(self) -> list[str]:
        statuses = ["400", "403", "404"]
        if self.method == "DELETE":
            statuses.append("409")
        if self.method not in SAFE_METHODS:
            statuses.append("415")
        return statuses
