"""Locks and expressions of SQL that more than one module needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, connections
from django.db.models import Case, Field, Model, QuerySet, UUIDField, Value, When
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


def write_columns(rows: Sequence[Any], names: Iterable[str], batch_size: int) -> None:
    """Store columns of rows that are there, in a number of statements that grows with batches.

    What all of them say alike is one value for the database, and not one for each row: `bulk_update()` makes an
    expression for each, which is most of what thousands of removals cost.

    Args:
        rows: Instances of one model.
        names: The names of the fields.
        batch_size: How many rows one statement names.
    """
    if not rows:
        return
    model, alike, others = type(rows[0]), {}, []
    for name in names:
        column = model._meta.get_field(name).attname
        value = getattr(rows[0], column)
        if all(getattr(row, column) == value for row in rows):
            alike[column] = value
        else:
            others.append(name)
    for start in range(0, len(rows) if alike else 0, batch_size):
        keys = [row.pk for row in rows[start : start + batch_size]]
        model._default_manager.filter(pk__in=keys).update(**alike)
    if others:
        model._default_manager.bulk_update(rows, others, batch_size=batch_size)


def read_locked(rows: QuerySet, *joined: str, links: Collection[str] = (), is_there: bool = False) -> Any:
    """Return the one row of a query, locked, with what is joined to it as it is stored now; None where there is none.

    PostgreSQL reads a row anew that somebody has changed while its lock was waited for, but not what was joined to it:
    where it points at something else now, that is missing, or the whole row is where it has to point at something. It
    is read again then, as it is locked by now. Where nobody is waited for it takes one statement.

    Args:
        rows: The query.
        *joined: The links to other rows that are locked as well.
        links: The links that are joined and may be null.
        is_there: Whether the row is known to be there, so that it is looked for once more.
    """
    row = locked(rows, *joined).first()
    if is_there if row is None else any(_is_torn(row, link) for link in links):
        row = locked(rows, *joined).first()
    return row


def _is_torn(row: Model, link: str) -> bool:
    """Say whether a row points at something that was not joined to it."""
    *path, name = link.split("__")
    for part in path:
        row = getattr(row, part)
    field = row._meta.get_field(name)
    return getattr(row, field.attname) is not None and getattr(row, name) is None


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
