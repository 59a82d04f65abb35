"""The use case of the registry: discover, plan, apply, report (rules 5 to 11)."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, transaction
from django.utils import timezone

from nautobot_job_registry import blame, discovery, events, report, store, surviving
from nautobot_job_registry.choices import ReconciliationStatusChoices, ReconciliationTriggerChoices
from nautobot_job_registry.engine.descriptor import Discovery, SourceType
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.plan import Plan, make_plan
from nautobot_job_registry.engine.text import storable_text
from nautobot_job_registry.models import Reconciliation

logger = logging.getLogger(__name__)

# PostgreSQL ends one of two transactions that wait for each other; the one that was ended is tried again.
ATTEMPTS = 3


@dataclass(frozen=True)
class Occasion:
    """Why a reconcile runs, for the log.

    Attributes:
        trigger: One of `ReconciliationTriggerChoices`.
        scope: The label of the source that is read, or `all`.
        user: Who started it, if anybody.
        job_result: The job run that it is part of, if any.
    """

    trigger: str = ReconciliationTriggerChoices.COMMAND
    scope: str = "all"
    user: Any = None
    job_result: Any = None

    def row(self, started: datetime, using: str = DEFAULT_DB_ALIAS, **values: Any) -> Reconciliation:
        """Return the log row of a reconcile that ends now, not saved yet.

        Args:
            started: When it began.
            using: The connection that will save the row: it points at what that one can see only.
            **values: What else the row says.
        """
        return Reconciliation(
            trigger=self.trigger,
            scope=self.scope,
            user=surviving.visible(self.user, using),
            job_result=surviving.visible(self.job_result, using),
            started=started,
            finished=timezone.now(),
            **values,
        )


@dataclass(frozen=True)
class Outcome:
    """What a reconcile planned, and the log row that it left; a dry run leaves none."""

    plan: Plan
    reconciliation: Reconciliation | None = None


def reconcile(
    source: str | None = None,
    *,
    dry_run: bool = False,
    trigger: str = ReconciliationTriggerChoices.COMMAND,
    user: Any = None,
    job_result: Any = None,
    reload: bool = True,
) -> Outcome:
    """Make the registry say what the code says.

    Args:
        source: The label of the only source to read (`system`, `local`, `app:NAME`, `git:SLUG`), or None for all.
        dry_run: Whether the plan is only returned, and nothing at all is written.
        trigger: What started it, one of `ReconciliationTriggerChoices`.
        user: Who started it, if anybody.
        job_result: The job run that it is part of, if any.
        reload: Whether Nautobot's job code is loaded anew first. Not wanted where core has just done so.

    Returns:
        The plan, and the row of the log.

    Raises:
        UnknownSourceError: If there is no such source.
        Exception: Whatever goes wrong. It has been stored as a failed reconciliation (rule 11).
    """
    occasion = Occasion(trigger, source or "all", user, job_result)
    is_latest = trigger == ReconciliationTriggerChoices.GIT_SYNC
    return _reconcile(
        lambda: replace(discovery.discover(source, reload=reload), is_latest=is_latest), occasion, dry_run=dry_run
    )


def reconcile_source_gone(slug: str, *, user: Any = None, job_result: Any = None) -> Outcome:
    """Mark the jobs of a Git repository that provides none any more, or is being deleted, as removed.

    Args:
        slug: The slug of the repository.
        user: Who started it, if anybody.
        job_result: The job run that it is part of, if any.
    """
    occasion = Occasion(ReconciliationTriggerChoices.GIT_SYNC, f"git:{slug}", user, job_result)
    return _reconcile(lambda: discovery.discover_nothing(slug), occasion)


def _reconcile(discover: Callable[[], Discovery], occasion: Occasion, *, dry_run: bool = False) -> Outcome:
    started = timezone.now()
    try:
        with savepoint(), _collector_paused():
            found = discover()
            if not dry_run and store.is_empty():
                return _carry_out(found, occasion, started)
            plan = _plan(found)
            if dry_run:
                return Outcome(plan)
            return _logged(plan, occasion, started) if plan.is_empty else _carry_out(found, occasion, started)
    except UnknownSourceError:
        raise
    except Exception:
        if not dry_run:
            record_failure(occasion, started)
        raise


def _plan(found: Discovery, *, for_update: bool = False) -> Plan:
    state = store.read_state(for_update=for_update)
    return blame.with_authors(make_plan(discovery.locate(found, state.unregistered), state))


def savepoint() -> AbstractContextManager[Any]:
    """Keep a transaction that somebody else has begun usable, whatever goes wrong in here (rule 11)."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _logged(plan: Plan, occasion: Occasion, started: datetime) -> Outcome:
    """Leave the log row of a plan that has been carried out, or that had nothing to do."""
    changes = report.plan_as_json(plan)
    row = occasion.row(started, status=ReconciliationStatusChoices.SUCCEEDED, changes=changes, **plan.counts())
    row.save()
    if not plan.is_first:
        # The first registration is told by its row alone (rule 9).
        events.announce(row)
    return Outcome(plan, row)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's garbage collector from searching the whole process again and again, as many objects are made.

    Nothing that is made here refers to itself, and all of it goes when the reconcile ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _carry_out(found: Discovery, occasion: Occasion, started: datetime) -> Outcome:
    """Make the plan again once nobody else can write, and apply it (rule 10)."""
    attempts_left = 1 if connection.in_atomic_block else ATTEMPTS
    while True:
        attempts_left -= 1
        try:
            with transaction.atomic():
                return _logged(_apply_alone(found, occasion, started), occasion, started)
        except OperationalError:
            if not attempts_left:
                raise
            logger.warning("The database ended the reconcile in favour of another transaction; trying again.")


def _apply_alone(found: Discovery, occasion: Occasion, started: datetime) -> Plan:
    store.lock()
    plan = _plan(found, for_update=True)
    repositories = {
        scan.source.name: scan.git_repository_id
        for scan in found.scans
        if scan.source.type is SourceType.GIT and scan.git_repository_id
    }
    detail = f"Job Registry: reconcile ({occasion.trigger}, {occasion.scope})"
    store.apply_plan(plan, now=started, repositories=repositories, user=occasion.user, detail=detail)
    return plan


def record_failure(occasion: Occasion, started: datetime) -> None:
    """Store what went wrong; where even that fails, the log has it (rule 11).

    What failed inside the transaction of a run is kept also where that one is rolled back (rule 12).
    """
    logger.exception("The reconcile of the job registry failed; the next one mends it.")
    values = {"status": ReconciliationStatusChoices.FAILED, "error": storable_text(traceback.format_exc())}
    using = surviving.connection_for(occasion.job_result)
    try:
        with surviving.writing(using):
            occasion.row(started, using, **values).save(using=using)
    except Exception:
        logger.exception("The failed reconcile could not be stored.")
