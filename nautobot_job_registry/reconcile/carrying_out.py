"""A plan made again behind the locks that it needs, and tried again where the database gives it up (rule 10)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection, transaction

from nautobot_job_registry.core_bridge.locks import Rows
from nautobot_job_registry.core_bridge.rows import rows_written_by
from nautobot_job_registry.engine.records import JobKey, JobRecord
from nautobot_job_registry.models.attempts import GIVEN_UP, pauses, rest, yield_to_others
from nautobot_job_registry.reconcile import store
from nautobot_job_registry.reconcile.plan import Plan

logger = logging.getLogger(__name__)

# How often it is tried without waiting for a row, and how often after that with waiting, in the order of locks.
ATTEMPTS: Final = 12
LAST_ATTEMPTS: Final = 4

Records = dict[JobKey, JobRecord]
Result = TypeVar("Result")


class _MoreRowsError(Exception):
    """The plan that was made behind the locks writes rows that are not locked."""

    def __init__(self, rows: Rows) -> None:
        """Keep the rows that the plan writes."""
        super().__init__()
        self.rows = rows


def rows_of(plan: Plan, records: Mapping[JobKey, JobRecord]) -> Rows:
    """Return the rows that a plan writes and that are there already.

    Args:
        plan: The plan.
        records: The records that it was made from.
    """
    adopted = {key for adoption in plan.moves.adoptions for key in (adoption.key, adoption.predecessor)}
    keys = {proposal.key for proposal in plan.moves.proposals} | adopted
    found = [records[key] for key in keys if key in records]
    core: set[UUID] = rows_written_by(plan.jobs)
    core |= {record.core_job for record in found if record.key in adopted and record.core_job}
    written = {action.record_id for action in plan.jobs if action.record_id}
    return Rows(frozenset(core), frozenset(written | {record.id for record in found}))


def carry_out(make: Callable[[Records], Plan], apply: Callable[[Plan], Result], rows: Rows) -> Result:
    """Make a plan once nobody else can write what it is about, and apply it.

    Inside of somebody else's transaction there is one attempt, which waits for rows that others hold; the error goes to
    whoever began the transaction.

    Args:
        make: Makes the plan from the records, as often as it is called.
        apply: Applies it.
        rows: What the plan is expected to write.

    Raises:
        OperationalError: If the database has given up all attempts.
    """
    waits = [*pauses(ATTEMPTS), *pauses(LAST_ATTEMPTS)] if not connection.in_atomic_block else []
    while waits:
        wait = len(waits) < LAST_ATTEMPTS
        try:
            with transaction.atomic():
                yield_to_others()
                return _attempt(make, apply, rows, wait=wait)
        except _MoreRowsError as more:
            # What is new in the plan is locked in its turn by the next attempt.
            rows |= more.rows
            waits.pop(0)
        except GIVEN_UP as error:
            logger.info("The reconcile is tried again: %s", str(error).partition("\n")[0])
            rest(error, waits.pop(0))
    with transaction.atomic():
        return _attempt(make, apply, rows, wait=True)


def _attempt(make: Callable[[Records], Plan], apply: Callable[[Plan], Result], rows: Rows, *, wait: bool) -> Result:
    """Lock, plan and apply; where rows are waited for, those that the plan has beside them are locked as well."""
    while True:
        rows.lock(wait=wait)
        records = store.read_records()
        plan = make(records)
        needed = rows_of(plan, records)
        if needed <= rows:
            return apply(plan)
        if not wait:
            raise _MoreRowsError(needed)
        rows |= needed
