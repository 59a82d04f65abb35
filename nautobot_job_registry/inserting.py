"""Many new rows of one model into the database, at a fraction of what `bulk_create()` takes for them.

Rows that a reconcile makes say the same in most of their columns. On PostgreSQL, each different value of a column is
prepared once, a column in which all rows say the same is handed over as one value, the others as arrays, as Django
does, and a long text that several rows share is sent and compressed once. Any other database gets `bulk_create()`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models, transaction

from nautobot_job_registry.constants import BATCH_SIZE

Row = TypeVar("Row", bound=models.Model)


def insert(rows: Sequence[models.Model], shared: str = "") -> None:
    """Store new rows of one model, all or none, in a statement for each batch.

    As with `bulk_create()`, no signal is sent. A key that the database makes is not told to the rows.

    Args:
        rows: Instances that are not stored yet.
        shared: The name of a field with long texts, many of them the same: each is sent to the database once, with the
            first row that has it, and copied from there. The key of such a model is not made by the database.

    Raises:
        django.db.IntegrityError: If the database refuses a row.
    """
    if not rows:
        return
    if connection.vendor != "postgresql":
        type(rows[0])._base_manager.bulk_create(rows, batch_size=BATCH_SIZE)
        return
    firsts, copies = _split(rows, shared)
    with transaction.atomic(savepoint=False):
        _insert_arrays(firsts)
        _insert_arrays([row for row, _ in copies], shared, [first.pk for _, first in copies])
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias


def _split(rows: Sequence[Row], shared: str) -> tuple[list[Row], list[tuple[Row, Row]]]:
    """Tell rows that come with a text of their own from those that copy it, each of which is paired with its first."""
    firsts: list[Row] = []
    copies: list[tuple[Row, Row]] = []
    by_text: dict[str, Row] = {}
    for row in rows:
        first = by_text.setdefault(getattr(row, shared), row) if shared else row
        if first is row:
            firsts.append(row)
        else:
            copies.append((row, first))
    return firsts, copies


def _insert_arrays(rows: Sequence[models.Model], shared: str = "", origins: Sequence[Any] = ()) -> None:
    """Store rows, with one field copied from the rows whose keys are given."""
    for start in range(0, len(rows), BATCH_SIZE):
        batch = rows[start : start + BATCH_SIZE]
        statement = _Statement(batch[0]._meta)
        for column in batch[0]._meta.concrete_fields:
            if shared == column.name:
                statement.copy(column, origins[start : start + BATCH_SIZE])
            elif not isinstance(column, models.AutoField):
                statement.add(column, _values(column, batch))
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, [*statement.constants, *statement.parameters])


@dataclass
class _Statement:
    """One `INSERT`, put together column by column."""

    meta: Any
    columns: list[str] = field(default_factory=list)
    selected: list[str] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    parameters: list[list[Any]] = field(default_factory=list)
    join: str = ""

    def add(self, column: models.Field, values: list[Any]) -> None:
        """Add a column with the value of each row."""
        self.columns.append(_quoted(column.column))
        # The first column tells how many rows there are.
        if self.given and values.count(values[0]) == len(values):
            self.selected.append(f"(%s)::{_type(column)}")
            self.constants.append(values[0])
        else:
            self.selected.append(f"given.{_quoted(column.column)}")
            self._give(column, column.column, values)

    def copy(self, column: models.Field, origins: Sequence[Any]) -> None:
        """Add a column whose values are those of other rows, which are named by their keys."""
        key = self.meta.pk
        self.columns.append(_quoted(column.column))
        self.selected.append(f"origin.{_quoted(column.column)}")
        self._give(key, "origin_key", list(origins))
        self.join = f" JOIN {_quoted(self.meta.db_table)} AS origin ON origin.{_quoted(key.column)} = given.origin_key"

    def _give(self, column: models.Field, name: str, values: list[Any]) -> None:
        self.arrays.append(f"(%s)::{_type(column)}[]")
        self.given.append(_quoted(name))
        self.parameters.append(values)

    @property
    def sql(self) -> str:
        """The statement."""
        return (
            f"INSERT INTO {_quoted(self.meta.db_table)} ({', '.join(self.columns)}) SELECT {', '.join(self.selected)} "
            f"FROM UNNEST({', '.join(self.arrays)}) AS given ({', '.join(self.given)}){self.join}"
        )


def _quoted(name: str) -> str:
    return str(connection.ops.quote_name(name))


def _type(column: models.Field) -> str:
    """Return the type of a column without its length, as a cast would cut in silence what the column refuses."""
    return str(column.db_type(connection)).partition("(")[0]


def _values(column: models.Field, rows: Sequence[models.Model]) -> list[Any]:
    """Return what the rows say in one column, as the database driver takes it."""
    if type(column).pre_save is models.Field.pre_save:
        values = [row.__dict__[column.attname] for row in rows]
    else:
        values = [column.pre_save(row, add=True) for row in rows]
    if isinstance(column, models.JSONField):
        return list(_texts(column, values))
    if all(type(value) is UUID for value in values):
        # The database reads a key from its digits, which are made faster than what the driver makes of it.
        return [value.hex for value in values]
    prepared = {value: column.get_db_prep_save(value, connection) for value in set(values)}
    return [prepared[value] for value in values]


def _texts(column: models.JSONField, values: list[Any]) -> Iterator[str | None]:
    # The database reads the value from its text, and one encoder does for all rows.
    encode = (column.encoder or json.JSONEncoder)().encode
    for value in values:
        yield None if value is None else encode(value)
