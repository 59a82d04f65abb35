"""Filters by the dotted path of a class."""

from typing import Any

from django.db.models import Q
from nautobot.apps.filters import (
    SearchFilter,
)


def class_path_query(value: str, *, partial: bool = False) -> Q:
    """Return the query for the records of a class path.

    Args:
        value: A dotted path; all before its last dot is the name of the module.
        partial: Whether the path may also begin late in the module name and end early in the class name.
    """
    module_name, _, job_class_name = value.strip().rpartition(".")
    if not partial:
        return Q(module_name=module_name, job_class_name=job_class_name)
    if not module_name:
        return Q(job_class_name__istartswith=job_class_name)
    return Q(module_name__iendswith=module_name, job_class_name__istartswith=job_class_name)


class ClassPathSearchFilter(SearchFilter):
    """Search in the given columns, and in the dotted path that the module and class name make together."""

    def generate_query(self, value: str, **kwargs: Any) -> Q:
        """Add the class path to the query."""
        query = super().generate_query(value, **kwargs)
        return query | class_path_query(value, partial=True) if "." in value else query
