"""Locks and expressions of SQL that more than one module needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, connections
from django.db.models import Case, Field, QuerySet, UUIDField, Value, When
from django.db.models.functions import Cast


def locked(rows: QuerySet, *joined: str, nowait: bool = False, skip_locked: bool = False) -> QuerySet:
    """Return a query that locks its rows against being written, and lets other transactions go on pointing at them.

    Args:
        rows: The query.
        *joined: The links to other rows that are locked as well; they must not be null.
        nowait: Whether a row that is locked is an error, where the database knows that, and not waited for.
        skip_locked: Whether such a row is left out, where the database knows that.
    """
    features = connections[rows.db].features
    return rows.select_for_update(
        of=("self", *joined),
        no_key=features.has_select_for_no_key_update,
        nowait=nowait and features.has_select_for_update_nowait,
        skip_locked=skip_locked and features.has_select_for_update_skip_locked,
    )


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
