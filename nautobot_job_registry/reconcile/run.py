"""One run of a reconcile: discover, plan, apply, log (rules 5 to 11)."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.utils import timezone
from nautobot.core.utils.logging import sanitize

from nautobot_job_registry.core_bridge import change_log, host
from nautobot_job_registry.core_bridge.host import harmless
from nautobot_job_registry.core_bridge.locks import Rows
from nautobot_job_registry.engine.descriptor import Discovery, LoadFailure, SourceType
from nautobot_job_registry.engine.errors import PlanMovedError, UnknownSourceError
from nautobot_job_registry.engine.records import JobKey, JobRecord
from nautobot_job_registry.engine.text import bounded_text, storable_text, visible_text
from nautobot_job_registry.history import arguments, events
from nautobot_job_registry.history.summaries import summary_with_names
from nautobot_job_registry.lifecycle.moves import adopting, handover
from nautobot_job_registry.lifecycle.moves.proposals import declaring
from nautobot_job_registry.lifecycle.suspensions import planning, suspending
from nautobot_job_registry.models import Reconciliation
from nautobot_job_registry.models.attempts import try_again
from nautobot_job_registry.models.choices import ReconciliationStatusChoices, ReconciliationTriggerChoices
from nautobot_job_registry.overrides import ledger
from nautobot_job_registry.reconcile import carrying_out, digest, report, store
from nautobot_job_registry.reconcile.applying import apply_all_that_can_be
from nautobot_job_registry.reconcile.plan import Contributors, Outcome, Plan, make_plan, make_plan_of_ends
from nautobot_job_registry.runs import backfill, relinking
from nautobot_job_registry.sources import blame, origins
from nautobot_job_registry.sources.load_errors import Commit, ErrorKey

logger = logging.getLogger(__name__)

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
        plan_digest: The digest of the plan that was shown, if none but that one is to be carried out.
    """

    trigger: str = ReconciliationTriggerChoices.COMMAND
    scope: str = "all"
    user: Any = None
    job_result: Any = None
    plan_digest: str = ""

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
            user=host.visible_row(self.user, using),
            job_result=host.visible_row(self.job_result, using),
            started=started,
            finished=timezone.now(),
            **values,
        )


def run_reconcile(discover: Callable[[], Discovery | None], occasion: Occasion, *, dry_run: bool = False) -> Outcome:
    """Discover, plan, and carry the plan out; a failure is stored before it is raised (rule 11).

    Args:
        discover: Returns what the sources say, or None where only the ends of overrides are looked at.
        occasion: Why it runs.
        dry_run: Whether the plan is only returned, and nothing at all is written.

    Raises:
        UnknownSourceError: If a source is named that is not there.
        PlanMovedError: If another plan than the one that was shown would be carried out; it is no failure.
        Exception: Whatever else goes wrong.
    """
    started = timezone.now()
    try:
        with savepoint(), _collector_paused():
            # What is made on the way has gone when this returns, before the collector would look at all of it.
            return _discover_and_carry_out(discover, occasion, started, dry_run)
    except (UnknownSourceError, PlanMovedError):
        raise
    except Exception as error:
        if not dry_run:
            record_failure(occasion, started, error)
        raise


def _discover_and_carry_out(
    discover: Callable[[], Discovery | None], occasion: Occasion, started: datetime, dry_run: bool
) -> Outcome:
    found = discover()
    records = try_again(store.read_records, what="the reading of the registry")
    if found is not None and not dry_run and not records:
        outcome = _carry_out(found, occasion, started, blame.authors_of(found.failures), Rows())
        _tell_what_is_not_anchored()
        return outcome
    plan = try_again(lambda: _plan(found, records, blame.authors_of), what="the plan")
    if dry_run or (found is None and plan.is_empty and not Reconciliation.objects.is_unmended(occasion.scope)):
        return Outcome(plan)
    digest.require_unmoved(plan, occasion.plan_digest)
    if plan.is_empty:
        return try_again(lambda: _logged(Outcome(plan, _begun(occasion, started))), what="the log of the reconcile")
    return _carry_out(found, occasion, started, plan.authors, carrying_out.rows_of(plan, records))


def _tell_what_is_not_anchored() -> None:
    """Say, once, that there are runs and schedules from before the app was installed, and what anchors them."""
    with harmless("count what is not anchored"):
        counts = [(kind.count(), kind.name) for kind in (backfill.RUNS, backfill.SCHEDULES)]
        found = " and ".join(f"{count} {name}" for count, name in counts if count)
        if found:
            logger.warning("%s have no anchor yet: `nautobot-server anchor_job_runs` anchors them.", found)


def _plan(
    found: Discovery | None,
    records: dict[JobKey, JobRecord],
    authors: Callable[[Sequence[LoadFailure]], Mapping[ErrorKey, Commit]],
) -> Plan:
    """Plan what the sources said, or the ends of overrides alone where none was asked."""
    if found is None:
        return make_plan_of_ends(store.read_state(records, of_sources=False))
    state = store.read_state(records, declaring=declaring(found))
    dependents = partial(planning.plan_dependents, state=state, scope=found.scope)
    contributors = Contributors(
        store.last_numbers, dependents, authors, ledger.sources_of_overrides, arguments.planned_misfits
    )
    return make_plan(origins.locate(found, state), state, contributors)


def savepoint() -> AbstractContextManager[Any]:
    """Keep a transaction that somebody else has begun usable, whatever goes wrong in here (rule 11)."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _logged(outcome: Outcome, relinked: Iterable[dict[str, Any]] = ()) -> Outcome:
    """Leave the log row of a plan that has been carried out, or that had nothing to do, with what came of it."""
    row = outcome.reconciliation
    if row is None:
        return outcome
    row.finished = timezone.now()
    row.changes = store.with_sources([*report.outcome_as_json(outcome), *relinked])
    row.summary = summary_with_names(row.changes)
    for name, count in outcome.counts().items():
        setattr(row, name, count)
    row.save()
    if not outcome.plan.is_first:
        # The first registration is told by its row alone (rule 9).
        events.announce(row)
    return outcome


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


def _carry_out(
    found: Discovery | None,
    occasion: Occasion,
    started: datetime,
    authors: Mapping[ErrorKey, Commit],
    rows: Rows,
) -> Outcome:
    """Make the plan again once nobody else can write, and apply it (rule 10)."""
    return carrying_out.carry_out(
        lambda records: _plan(found, records, lambda failures: authors),
        lambda plan: _apply(plan, found, occasion, _begun(occasion, started)),
        rows,
    )


def _apply(plan: Plan, found: Discovery | None, occasion: Occasion, row: Reconciliation) -> Outcome:
    # It was made anew behind the locks.
    digest.require_unmoved(plan, occasion.plan_digest)
    if plan.has_revisions:
        # The revisions point at it, and not every database waits until the end of the transaction to look for it.
        row.save()
    detail = f"{change_log.OWN_OCCASION}reconcile ({occasion.trigger}, {occasion.scope})"
    told = {"now": row.started, "user": occasion.user, "detail": detail}
    plan, jobs = apply_all_that_can_be(
        plan,
        lambda part: store.apply_plan(part, repositories=_repositories(found), reconciliation=row, **told),
    )
    relinked = relinking.relink(plan.jobs, jobs)
    suspending.carry_out_dependents(plan.dependents, **told)
    handover.write_proposals(plan.moves.proposals)
    came_back = adopting.adopt_declared(plan.moves.adoptions, **told)
    if relinked:
        # What hung on nothing, as core's row had been deleted on its own, can come back now that it is linked again.
        linked = [jobs[action.key].pk for action in plan.jobs if action.is_pointed_at_core_again]
        came_back += suspending.bring_back(linked, **told)
    return _logged(Outcome(plan, row, came_back), relinked)


def _repositories(found: Discovery | None) -> dict[str, UUID]:
    """Return the primary key of each Git repository that was read, by its slug."""
    scans = found.scans if found else ()
    return {
        scan.source.name: scan.git_repository_id
        for scan in scans
        if scan.source.type is SourceType.GIT and scan.git_repository_id
    }


def record_failure(occasion: Occasion, started: datetime, error: BaseException) -> None:
    """Store what went wrong; where even that fails, the log has it (rule 11).

    What failed inside the transaction of a run is kept also where that one is rolled back (rule 12).
    """
    told = sanitize(bounded_text("".join(traceback.format_exception(error))))
    logger.error("The reconcile of the job registry failed; the next one mends it.\n%s", visible_text(told))
    values = {"status": ReconciliationStatusChoices.FAILED, "error": storable_text(told)}
    using = host.surviving_connection_for(occasion.job_result)
    try:
        with host.surviving_transaction(using):
            occasion.row(started, using, **values).save(using=using)
    except Exception:
        logger.exception("The failed reconcile could not be stored.")
