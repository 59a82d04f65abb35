"""What the registry keeps of a Git sync that Nautobot rejects and rolls back (rule 12).

A sync whose log has an error is rolled back at its end, and the previous commit is checked out again. The records of
the jobs therefore stay as they are: they tell of the commit that stays in effect. Why the new one was rejected is
written through a connection of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone
from nautobot.extras.choices import LogLevelChoices
from nautobot.extras.models import GitRepository

from nautobot_job_registry.core_bridge import host, locks
from nautobot_job_registry.engine.descriptor import (
    Discovery,
    LoadFailure,
    ScanStatus,
    Source,
    SourceScan,
    SourceType,
)
from nautobot_job_registry.history import events
from nautobot_job_registry.history.summaries import summary_with_names
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.choices import ReconciliationStatusChoices, ReconciliationTriggerChoices
from nautobot_job_registry.reconcile import load_error_rows, report
from nautobot_job_registry.reconcile.plan import Outcome, Plan
from nautobot_job_registry.reconcile.run import Occasion, record_failure, savepoint
from nautobot_job_registry.sources import blame, discovery
from nautobot_job_registry.sources.load_errors import Commit, ErrorKey, rejected_error_actions, with_authors

REJECTED = (
    "Runs from {effective}; the sync to {attempted} was rejected. Nautobot rolled it back, and the jobs stay as they "
    "were. Fix what could not be loaded, and sync again."
)
NO_COMMIT = "no commit at all: the repository was never synced well"


def is_rejected(job_result: Any) -> bool:
    """Say whether Nautobot is going to roll back a sync: its log has an error already."""
    entries = job_result.job_log_entries.using(host.surviving_connection_of(job_result))
    return entries.filter(log_level=LogLevelChoices.LOG_ERROR).exists()


def keep_load_errors(slug: str, *, user: Any = None, job_result: Any = None) -> Outcome:
    """Store what cannot be loaded of the commit of a sync that is going to be rolled back, and nothing else.

    Args:
        slug: The slug of the repository.
        user: Who started the sync, if anybody.
        job_result: The run of the sync.

    Returns:
        What was found, as a plan without jobs, and the row of the log; none where there was nothing to tell.

    Raises:
        Exception: Whatever goes wrong. It has been stored as a failed reconciliation (rule 11).
    """
    occasion = Occasion(ReconciliationTriggerChoices.GIT_SYNC, f"git:{slug}", user, job_result)
    started = timezone.now()
    try:
        with savepoint():
            found = discovery.discover(occasion.scope, reload=False)
        authors = blame.authors_of(found.failures)
        return _keep(found, slug, occasion, started, authors)
    except Exception as error:
        record_failure(occasion, started, error)
        raise


def keep_failures(failures: Sequence[LoadFailure], slug: str, *, user: Any = None, job_result: Any = None) -> Outcome:
    """Store what a sync could not load that Nautobot ended before it asked us, and has rolled back by now.

    Args:
        failures: What modules raised as they were loaded; there may be more, which nobody came to.
        slug: The slug of the repository.
        user: Who started the sync, if anybody.
        job_result: The run of the sync.

    Returns:
        As of `keep_load_errors`.
    """
    occasion = Occasion(ReconciliationTriggerChoices.GIT_SYNC, f"git:{slug}", user, job_result)
    source, version = Source(SourceType.GIT, slug), failures[0].source_version
    scan = SourceScan(source, ScanStatus.FAILED, version, failures=tuple(failures))
    found = Discovery(scans=(scan,), scope=source)
    return _keep(found, slug, occasion, timezone.now(), blame.authors_of(failures), is_whole=False)


def _keep(
    found: Discovery,
    slug: str,
    occasion: Occasion,
    started: datetime,
    authors: Mapping[ErrorKey, Commit],
    *,
    is_whole: bool = True,
) -> Outcome:
    using = host.surviving_connection_of(occasion.job_result)
    with host.surviving_transaction(using):
        locks.lock_registry(using)
        plan = _plan(found, slug, using, authors, is_whole)
        if plan.is_empty:
            return Outcome(plan)
        changes = report.plan_as_json(plan)
        key = host.visible_key(GitRepository, using, slug=slug)
        load_error_rows.write_load_errors(plan.errors, {slug: key} if key else {}, started, using)
        row = occasion.row(
            started,
            using=using,
            status=ReconciliationStatusChoices.REJECTED,
            error=REJECTED.format(attempted=_version(found), effective=_effective_version(slug, using) or NO_COMMIT),
            changes=changes,
            summary=f"Sync rejected: {summary_with_names(changes)}",
            **plan.counts(),
        )
        row.save(using=using)
        events.announce(row, using)
    return Outcome(plan, row)


def _plan(found: Discovery, slug: str, using: str, authors: Mapping[ErrorKey, Commit], is_whole: bool) -> Plan:
    source = Source(SourceType.GIT, slug)
    known, effective = load_error_rows.open_load_errors(using), _effective_version(slug, using)
    of_repository = {"source_type": source.type.value, "source_name": slug}
    still_runs = RegisteredJob.objects.using(using).filter(**of_repository, installed=True).exists()
    failures = [replace(failure, still_runs=still_runs) for failure in found.failures]
    actions = list(rejected_error_actions(failures, known, source, effective, is_whole=is_whole))
    return Plan(errors=with_authors(actions, authors))


def _effective_version(slug: str, using: str) -> str:
    """Return the commit that stays in effect: the connection does not see what the sync has written."""
    return GitRepository.objects.using(using).filter(slug=slug).values_list("current_head", flat=True).first() or ""


def _version(found: Discovery) -> str:
    return next((scan.version for scan in found.scans), "")
