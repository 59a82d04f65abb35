"""Writes that survive the rollback of the transaction in which they are made (rule 12).

Nautobot has a second connection to the same database, through which the log entries of a run are written while its
transaction goes on. What the registry learns of a Git sync that is going to be rolled back goes the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model
from nautobot.extras.models.jobs import JOB_LOGS

# The database cannot see that two connections of one process wait for each other; so that this one never waits long.
LOCK_TIMEOUT = "5s"

AnyModel = TypeVar("AnyModel", bound=Model)


def connection_of(job_result: Any) -> str:
    """Return the alias of the connection through which the log entries of a run are written."""
    return JOB_LOGS if JOB_LOGS and getattr(job_result, "use_job_logs_db", False) else DEFAULT_DB_ALIAS


def connection_for(job_result: Any) -> str:
    """Return the alias of the connection to write through what must be kept, whatever becomes of a transaction."""
    in_transaction = transaction.get_connection().in_atomic_block
    return connection_of(job_result) if in_transaction and job_result is not None else DEFAULT_DB_ALIAS


@contextmanager
def writing(using: str) -> Iterator[None]:
    """Open a transaction on a connection, in which nothing waits long for another transaction.

    Raises:
        OperationalError: If another transaction keeps a lock too long.
    """
    connection = connections[using]
    if using != DEFAULT_DB_ALIAS and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    with transaction.atomic(using=using):
        if using != DEFAULT_DB_ALIAS and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        yield


def visible(row: AnyModel | None, using: str) -> AnyModel | None:
    """Return a row if a connection can see it, so that another row may point at it there."""
    if row is None or using == DEFAULT_DB_ALIAS:
        return row
    return row if type(row)._default_manager.using(using).filter(pk=row.pk).exists() else None


def visible_key(model: type[Model], using: str, **values: Any) -> UUID | None:
    """Return the primary key of the row that has some values, if a connection can see one."""
    return model._default_manager.using(using).filter(**values).values_list("pk", flat=True).first()
