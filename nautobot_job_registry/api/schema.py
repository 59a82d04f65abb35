"""What the OpenAPI document says of every address of ours: which answers there are beside the good one."""

import re
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


# What an operation does that has no words of its own.
ACTIONS = {
    "list": "List {names}.",
    "retrieve": "Return one of the {names}.",
    "update": "Change one of the {names}.",
    "partial_update": "Change one of the {names}; what is left out stays.",
    "destroy": "Delete one of the {names}.",
    "bulk_update": "Change many {names}: all of them, or none.",
    "bulk_partial_update": "Change many {names}: all of them, or none; what is left out stays.",
    "bulk_destroy": "Delete many {names}: all of them, or none.",
}
# What docstrings say for those who know the design.
RULES = re.compile(r" ?\(rules? [^)]*\)")


class RegistryAutoSchema(NautobotAutoSchema):
    """Describes the errors, too, and operations in the words of who uses them."""

    def get_description(self) -> str:
        """Return what an operation does, without what only its makers know."""
        names = self.view.queryset.model._meta.verbose_name_plural
        said = ACTIONS.get(self.view.action, "").format(names=names)
        return said or RULES.sub("", super().get_description())

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
