"""The one order in which rows are locked (rule 10). Whoever takes a lock of this list has those below it still to come.

0. the queues that core has assigned to jobs, where they may be written: core writes them before its row of the job
1. core's rows of jobs, by primary key
2. the lock of the registry: who writes a plan, adopts a past, or restores what was suspended
3. records, by primary key
4. what belongs to a record: its ledger, queues, revisions and anchors
5. core's schedules, hooks and buttons: a deletion of records waits for them, all others leave alone what is busy
6. suspensions

A person's edit, on either side, locks its row of core's and its record, and waits for nobody then. A reconcile writes
many, and so does a request that changes many: while they hold any of them they wait for no other row (`Rows`). Others
save core's rows in an order of their own, many in one transaction, and a Git sync holds some before it asks for the
lock of the registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, transaction
from django.db.models import QuerySet
from nautobot.extras.models import Job

from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.attempts import BusyError
from nautobot_job_registry.models.sql import locked

# What PostgreSQL calls it where a row is held and is not waited for.
LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Rows:
    """Rows that are to be written, by their primary keys.

    Attributes:
        core: Core's rows of jobs.
        records: Records.
    """

    core: frozenset[UUID] = field(default_factory=frozenset)
    records: frozenset[UUID] = field(default_factory=frozenset)

    def __or__(self, other: Rows) -> Rows:
        """Return these rows and others."""
        return Rows(self.core | other.core, self.records | other.records)

    def __le__(self, other: Rows) -> bool:
        """Say whether all of them are among others."""
        return self.core <= other.core and self.records <= other.records

    def lock(self, *, wait: bool) -> None:
        """Lock them with the lock of the registry, in order; has to run in a transaction.

        Args:
            wait: Whether other transactions are waited for that hold any of the rows.

        Raises:
            BusyError: If one of the rows is held, and is not waited for.
        """
        with self._told_where_busy():
            _lock(_assigned_queues(self.core), nowait=not wait)
            _lock(_core_rows(self.core), nowait=not wait)
            lock_registry()
            _lock(_records(self.records), nowait=not wait)

    def lock_alone(self) -> None:
        """Lock them without the lock of the registry, and wait for none of them; has to run in a transaction.

        Raises:
            BusyError: If one of the rows is held.
        """
        with self._told_where_busy():
            _lock(_assigned_queues(self.core), nowait=True)
            _lock(_core_rows(self.core), nowait=True)
            _lock(_records(self.records), nowait=True)

    @contextmanager
    def _told_where_busy(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise
            raise BusyError(str(error), self.wait_until_free) from error

    def wait_until_free(self) -> None:
        """Wait for those who hold some of the rows, one after the other, and hold nothing meanwhile."""
        for rows in (_assigned_queues(self.core), _core_rows(self.core), _records(self.records)):
            for key in sorted(_busy(rows)):
                with transaction.atomic():
                    _lock(rows.filter(pk=key))


def _assigned_queues(core_ids: Iterable[UUID]) -> QuerySet:
    return Job.job_queues.through.objects.filter(job__in=list(core_ids))


def lock_assigned_queues(core_id: UUID) -> None:
    """Lock the queues that core has assigned to a job, before its row is locked.

    Args:
        core_id: The primary key of core's row.
    """
    _lock(_assigned_queues([core_id]))


def _core_rows(keys: Iterable[UUID]) -> QuerySet:
    return Job.objects.filter(pk__in=list(keys))


def _records(keys: Iterable[UUID]) -> QuerySet:
    return RegisteredJob.objects.filter(pk__in=list(keys))


def _busy(rows: QuerySet) -> set[UUID]:
    """Return the primary keys of the rows that another transaction holds just now."""
    if not connection.features.has_select_for_update_skip_locked:
        return set()
    with transaction.atomic():
        free = set(locked(rows.order_by("pk"), skip_locked=True).values_list("pk", flat=True))
    return set(rows.order_by().values_list("pk", flat=True)) - free


def _lock(rows: QuerySet, *, nowait: bool = False) -> None:
    if not rows.query.is_empty():
        list(locked(rows.order_by("pk"), nowait=nowait).values_list("pk"))


def lock_core_rows_of(record_ids: Iterable[UUID]) -> None:
    """Lock core's rows of records that are going to be locked next.

    Args:
        record_ids: The primary keys of the records.
    """
    _lock(Job.objects.filter(registered_job__in=list(record_ids)))


def lock_records(record_ids: Iterable[UUID]) -> None:
    """Lock records, with core's rows of them before.

    Args:
        record_ids: The primary keys of the records.
    """
    keys = list(record_ids)
    lock_core_rows_of(keys)
    _lock(_records(keys))


def lock_registry(using: str = DEFAULT_DB_ALIAS) -> None:
    """Let one reconcile write at a time, until the end of the transaction (rule 10).

    The row of the registry's content type is locked, as it is there before the first record is. On PostgreSQL it is
    locked in the mode that lets other transactions go on pointing at it.

    Args:
        using: The connection whose transaction is meant.
    """
    content_type = ContentType.objects.get_for_model(RegisteredJob)
    locked(ContentType.objects.using(using)).get(pk=content_type.pk)
