"""The use case of the registry: discover, plan, apply, report (rules 5 to 11)."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, transaction
from django.utils import timezone
from nautobot.core.utils.logging import sanitize

from nautobot_job_registry import (
    adopting,
    backfill,
    blame,
    core_bridge,
    discovery,
    events,
    pasts,
    relinking,
    report,
    store,
    surviving,
    suspensions,
)
from nautobot_job_registry.choices import ReconciliationStatusChoices, ReconciliationTriggerChoices
from nautobot_job_registry.engine.descriptor import Discovery, SourceType
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.plan import Plan, make_plan, make_plan_of_core, make_plan_of_ends
from nautobot_job_registry.engine.predecessors import declaring
from nautobot_job_registry.engine.records import JobKey, JobRecord
from nautobot_job_registry.engine.text import storable_text
from nautobot_job_registry.harmless import harmless
from nautobot_job_registry.models import Reconciliation

logger = logging.getLogger(__name__)

# PostgreSQL ends one of two transactions that wait for each other; the one that was ended is tried again.
ATTEMPTS = 3
# What is read where only the ends of overrides are looked at: no source.
ENDS_SCOPE = "overrides"


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


def take_over_core(*, user: Any = None) -> Plan:
    """Take over what was decided in core's own rows, whatever the sources say; nothing is discovered (rule 16).

    Args:
        user: Who decided it, if anybody.
    """
    with transaction.atomic():
        core_bridge.lock(make_plan_of_core(store.read_state(store.read_records())).jobs)
        store.lock()
        plan = make_plan_of_core(store.read_state(store.read_records(for_update=True)))
        detail = "Job Registry: edited in Nautobot's own jobs"
        store.apply_plan(plan, now=timezone.now(), repositories={}, user=user, detail=detail)
    return plan


def end_overrides(
    *,
    dry_run: bool = False,
    trigger: str = ReconciliationTriggerChoices.JOB,
    user: Any = None,
    job_result: Any = None,
) -> Outcome:
    """Clear the overrides whose end has come, and nothing else: no source is read, and no job code is loaded.

    Every reconcile does the same for the jobs that it is about. Where no end has come, nothing at all is written.

    Args:
        dry_run: Whether the plan is only returned, and nothing at all is written.
        trigger: What started it, one of `ReconciliationTriggerChoices`.
        user: Who started it, if anybody.
        job_result: The job run that it is part of, if any.

    Raises:
        Exception: Whatever goes wrong. It has been stored as a failed reconciliation (rule 11).
    """
    return _reconcile(lambda: None, Occasion(trigger, ENDS_SCOPE, user, job_result), dry_run=dry_run)


def _reconcile(discover: Callable[[], Discovery | None], occasion: Occasion, *, dry_run: bool = False) -> Outcome:
    started = timezone.now()
    try:
        with savepoint(), _collector_paused():
            # What is made on the way has gone when this returns, before the collector would look at all of it.
            return _discover_and_carry_out(discover, occasion, started, dry_run)
    except UnknownSourceError:
        raise
    except Exception:
        if not dry_run:
            record_failure(occasion, started)
        raise


def _discover_and_carry_out(
    discover: Callable[[], Discovery | None], occasion: Occasion, started: datetime, dry_run: bool
) -> Outcome:
    found = discover()
    records = store.read_records()
    if found is not None and not dry_run and not records:
        outcome = _carry_out(found, occasion, started)
        _tell_what_is_not_anchored()
        return outcome
    plan = _plan(found, records)
    if dry_run or (found is None and plan.is_empty and not Reconciliation.objects.is_unmended(occasion.scope)):
        return Outcome(plan)
    if plan.is_empty:
        return _logged(plan, _begun(occasion, started))
    return _carry_out(found, occasion, started, plan)


def _tell_what_is_not_anchored() -> None:
    """Say, once, that there are runs and schedules from before the app was installed, and what anchors them."""
    with harmless("count what is not anchored"):
        counts = [(kind.count(), kind.name) for kind in (backfill.RUNS, backfill.SCHEDULES)]
        found = " and ".join(f"{count} {name}" for count, name in counts if count)
        if found:
            logger.warning("%s have no anchor yet: `nautobot-server anchor_job_runs` anchors them.", found)


def _plan(found: Discovery | None, records: dict[JobKey, JobRecord]) -> Plan:
    """Plan what the sources said, or the ends of overrides alone where none was asked."""
    if found is None:
        return make_plan_of_ends(store.read_state(records))
    state = store.read_state(records, declaring=declaring(found))
    plan = store.with_free_numbers(make_plan(discovery.locate(found, state.unregistered), state))
    plan = blame.with_authors(plan)
    return suspensions.with_dependents(plan, state, found.scope)


def savepoint() -> AbstractContextManager[Any]:
    """Keep a transaction that somebody else has begun usable, whatever goes wrong in here (rule 11)."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _logged(plan: Plan, row: Reconciliation, told: Iterable[dict[str, Any]] = ()) -> Outcome:
    """Leave the log row of a plan that has been carried out, or that had nothing to do, with what it brought about."""
    row.finished = timezone.now()
    row.changes = store.with_sources([*report.plan_as_json(plan), *told])
    for name, count in plan.counts().items():
        setattr(row, name, count)
    row.save()
    if not plan.is_first:
        # The first registration is told by its row alone (rule 9).
        events.announce(row)
    return Outcome(plan, row)


def _begun(occasion: Occasion, started: datetime) -> Reconciliation:
    """Return the log row of a reconcile that is going on, not saved yet."""
    return occasion.row(started, status=ReconciliationStatusChoices.SUCCEEDED)


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


def _carry_out(found: Discovery | None, occasion: Occasion, started: datetime, plan: Plan | None = None) -> Outcome:
    """Make the plan again once nobody else can write, and apply it (rule 10)."""
    attempts_left = 1 if connection.in_atomic_block else ATTEMPTS
    while True:
        attempts_left -= 1
        try:
            with transaction.atomic():
                core_bridge.lock(plan.jobs if plan else ())
                row = _begun(occasion, started)
                plan, told = _apply_alone(found, occasion, row)
                return _logged(plan, row, told)
        except OperationalError:
            if not attempts_left:
                raise
            logger.warning("The database ended the reconcile in favour of another transaction; trying again.")


def _apply_alone(found: Discovery | None, occasion: Occasion, row: Reconciliation) -> tuple[Plan, list[dict[str, Any]]]:
    store.lock()
    plan = _plan(found, store.read_records(for_update=True))
    if plan.has_revisions:
        # The revisions point at it, and not every database waits until the end of the transaction to look for it.
        row.save()
    repositories = {
        scan.source.name: scan.git_repository_id
        for scan in (found.scans if found else ())
        if scan.source.type is SourceType.GIT and scan.git_repository_id
    }
    detail = f"Job Registry: reconcile ({occasion.trigger}, {occasion.scope})"
    jobs = store.apply_plan(
        plan, now=row.started, repositories=repositories, user=occasion.user, detail=detail, reconciliation=row
    )
    told = relinking.relink(plan.jobs, jobs)
    suspensions.carry_out(plan.dependents, now=row.started, user=occasion.user, detail=detail)
    pasts.write(plan.moves.proposals)
    back = adopting.adopt_declared(plan.moves.adoptions, now=row.started, user=occasion.user, detail=detail)
    if told:
        # What hung on nothing, as core's row had been deleted on its own, can come back now that it is linked again.
        linked = [action.key for action in plan.jobs if action.is_pointed_at_core_again]
        back = (*back, *adopting.bring_back(linked, row.started, occasion.user, detail))
    return replace(plan, dependents=(*plan.dependents, *back)), told


def record_failure(occasion: Occasion, started: datetime) -> None:
    """Store what went wrong; where even that fails, the log has it (rule 11).

    What failed inside the transaction of a run is kept also where that one is rolled back (rule 12).
    """
    logger.exception("The reconcile of the job registry failed; the next one mends it.")
    values = {"status": ReconciliationStatusChoices.FAILED, "error": storable_text(sanitize(traceback.format_exc()))}
    using = surviving.connection_for(occasion.job_result)
    try:
        with surviving.writing(using):
            occasion.row(started, using, **values).save(using=using)
    except Exception:
        logger.exception("The failed reconcile could not be stored.")
