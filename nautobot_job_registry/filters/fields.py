"""Filters that more than one filter set has, and the one by the dotted path of a class."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Model, Q
from nautobot.apps.choices import ChoiceSet
from nautobot.apps.filters import NaturalKeyOrPKMultipleChoiceFilter, SearchFilter


def named_filter(model: type[Model], label: str, *, by: str = "name", **options: Any) -> django_filters.Filter:
    """Return a filter by any of some objects, each of them told by its name or its ID."""
    return NaturalKeyOrPKMultipleChoiceFilter(queryset=model.objects.all(), to_field_name=by, label=label, **options)


def id_filter(model: type[Model], label: str) -> django_filters.Filter:
    """Return a filter by any of some objects, each of them told by its ID."""
    return django_filters.ModelMultipleChoiceFilter(queryset=model.objects.all(), distinct=False, label=label)


def choice_filter(choices: type[ChoiceSet], **options: Any) -> django_filters.Filter:
    """Return a filter by any of the choices of a field."""
    return django_filters.MultipleChoiceFilter(choices=choices, distinct=False, **options)


def has_filter(field: str, label: str) -> django_filters.Filter:
    """Return a filter by whether a field holds anything."""
    return django_filters.BooleanFilter(field_name=field, lookup_expr="isnull", exclude=True, label=label)


def after_filter(field: str, label: str) -> django_filters.Filter:
    """Return a filter that keeps what is from a moment or later."""
    return django_filters.DateTimeFilter(field_name=field, lookup_expr="gte", label=label)


def before_filter(field: str, label: str) -> django_filters.Filter:
    """Return a filter that keeps what is from a moment or earlier."""
    return django_filters.DateTimeFilter(field_name=field, lookup_expr="lte", label=label)


def icontains(*columns: str) -> dict[str, str]:
    """Return what a search filter is to look at: whether any of the columns contains the text, in whatever case."""
    return dict.fromkeys(columns, "icontains")


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
