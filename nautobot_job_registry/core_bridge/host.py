"""How the registry lives in Nautobot without harming it, and what differs between its releases (rules 11 and 12)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from inspect import Parameter, signature
from typing import Any, Final, TypeVar
from uuid import UUID

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from nautobot.extras.models import JobResult
from nautobot.extras.models.jobs import JOB_LOGS

from nautobot_job_registry.engine.text import failure_text, log_text
from nautobot_job_registry.models.attempts import GIVEN_UP, try_again
from nautobot_job_registry.models.constants import APP_NAME


def all_or_nothing() -> AbstractContextManager[Any]:
    """Write all or nothing; where a transaction is open that is its business."""
    return nullcontext() if connection.in_atomic_block else transaction.atomic()


logger = logging.getLogger(__name__)


@contextmanager
def harmless(what: str, using: str = "default", *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Log and swallow whatever goes wrong in a block, and keep the transaction around it usable.

    Outside of a transaction there is no savepoint, which would cost two statements more.

    Args:
        what: What was tried, for the log.
        using: The alias of the database that the block writes to.
        but: What is raised nevertheless; the transaction is usable then, too.
    """
    try:
        with transaction.atomic(using) if transaction.get_connection(using).in_atomic_block else nullcontext():
            yield
    except but:
        raise
    except Exception as error:
        what = log_text(what)
        logger.error("The job registry could not %s; what Nautobot does goes on.\n%s", what, failure_text(error))


def now_or_after_commit(attempt: Callable[[], object], *, what: str, using: str = DEFAULT_DB_ALIAS) -> None:
    """Do something within what Nautobot saves; if the database gives it up, once more when that has been committed.

    Whatever else goes wrong is logged, and what Nautobot does goes on (rule 11).

    Args:
        attempt: Does it, as often as it is called.
        what: What is tried, for the log.
        using: The alias of the database.
    """
    try:
        with harmless(what, using, but=GIVEN_UP):
            attempt()
    except GIVEN_UP as error:
        logger.warning(
            "The database gave up to %s; it is tried again after the commit: %s", log_text(what), log_text(str(error))
        )
        transaction.on_commit(partial(_once_more, attempt, what, using), using=using, robust=True)


def _once_more(attempt: Callable[[], object], what: str, using: str) -> None:
    with harmless(what, using):
        try_again(attempt, what=what, using=using)


# The database cannot see that two connections of one process wait for each other; so that this one never waits long.
LOCK_TIMEOUT = "5s"

AnyModel = TypeVar("AnyModel", bound=Model)


def surviving_connection_of(job_result: Any) -> str:
    """Return the alias of the connection through which the log entries of a run are written."""
    return JOB_LOGS if JOB_LOGS and getattr(job_result, "use_job_logs_db", False) else DEFAULT_DB_ALIAS


def surviving_connection_for(job_result: Any) -> str:
    """Return the alias of the connection to write through what must be kept, whatever becomes of a transaction."""
    in_transaction = transaction.get_connection().in_atomic_block
    return surviving_connection_of(job_result) if in_transaction and job_result is not None else DEFAULT_DB_ALIAS


@contextmanager
def surviving_transaction(using: str) -> Iterator[None]:
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


def visible_row(row: AnyModel | None, using: str) -> AnyModel | None:
    """Return a row if a connection can see it, so that another row may point at it there."""
    if row is None or using == DEFAULT_DB_ALIAS:
        return row
    return row if type(row)._default_manager.using(using).filter(pk=row.pk).exists() else None


def visible_key(model: type[Model], using: str, **values: Any) -> UUID | None:
    """Return the primary key of the row that has some values, if a connection can see one."""
    return model._default_manager.using(using).filter(**values).values_list("pk", flat=True).first()


# The apps whose tables a reconcile reads or writes.
TOUCHED_APPS = (APP_NAME, "extras", "contenttypes")


def is_migrated(using: str = "default") -> bool:
    """Say whether the tables that a reconcile touches are there as the models describe them.

    A backward or partial migration, or the very first one, leaves tables missing or old. Where migrations are
    switched off (as test runners do), tables come from the models and are current once they exist.

    Args:
        using: The alias of the database.

    Raises:
        OperationalError: If the database cannot be reached.
    """
    connection = connections[using]
    return not _pending_migrations(connection) and not _missing_tables(connection)


def _pending_migrations(connection: Any) -> list[tuple[str, str]]:
    loader = MigrationLoader(connection)
    latest = (key for key in loader.graph.leaf_nodes() if key[0] in TOUCHED_APPS)
    return [key for key in latest if key not in loader.applied_migrations]


def _missing_tables(connection: Any) -> set[str]:
    owned = {model._meta.db_table for model in apps.get_app_config(APP_NAME).get_models()}
    return owned - set(connection.introspection.table_names())


_ARE_ONE: Final = signature(JobResult.enqueue_job).parameters["job_kwargs"].kind is not Parameter.VAR_KEYWORD


def job_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `JobResult.enqueue_job()` and `ScheduledJob.create_schedule()` are to be called with.

    Nautobot takes the arguments of a job as one, `job_kwargs`, since 3.2; before, it took each as one of its own.

    Args:
        values: The values of the job's variables, by their names.
    """
    return {"job_kwargs": dict(values)} if _ARE_ONE else dict(values)
