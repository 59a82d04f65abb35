"""Locks and expressions of SQL that more than one module needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, connections
from django.db.models import Case, Field, QuerySet, UUIDField, Value, When
from django.db.models.functions import Cast


def locked(rows: QuerySet, *joined: str) -> QuerySet:
    """Return a query that locks its rows against being written, and lets other transactions go on pointing at them.

    Args:
        rows: The query.
        *joined: The links to other rows that are locked as well; they must not be null.
    """
    no_key = connections[rows.db].features.has_select_for_no_key_update
    return rows.select_for_update(of=("self", *joined), no_key=no_key)


def mapped(column: str, values: Mapping[Any, Any], output_field: Field | None = None) -> Case | Cast:
    """Return the expression that turns each value of a column into another one.

    Args:
        column: The column.
        values: The new value for each of the old ones; rows with another one are not to be touched.
        output_field: The field of the new values; that of primary keys if it is left out.
    """
    field = output_field or UUIDField()
    given = Case(*(When(**{column: old, "then": Value(new, field)}) for old, new in values.items()), output_field=field)
    # As `bulk_update()` does: Django 4.2 leaves it to the database what a JSON value is, which takes it for a text.
    return Cast(given, field) if connection.features.requires_casted_case_in_updates else given
