"""The use case of the registry: discover, plan, apply, report (rules 5 to 11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.utils import timezone

from nautobot_job_registry.models.choices import ReconciliationTriggerChoices
from nautobot_job_registry.reconcile import store
from nautobot_job_registry.reconcile.carrying_out import Records, carry_out, rows_of
from nautobot_job_registry.reconcile.plan import Outcome, Plan, make_plan_of_core
from nautobot_job_registry.reconcile.run import ENDS_SCOPE, Occasion, run_reconcile
from nautobot_job_registry.sources import discovery


def reconcile(
    source: str | None = None,
    *,
    dry_run: bool = False,
    trigger: str = ReconciliationTriggerChoices.COMMAND,
    user: Any = None,
    job_result: Any = None,
    reload: bool = True,
    confirm_empty: bool = False,
    plan_digest: str = "",
) -> Outcome:
    """Make the registry say what the code says.

    Args:
        source: The label of the only source to read (`system`, `local`, `app:NAME`, `git:SLUG`), or None for all.
        dry_run: Whether the plan is only returned, and nothing at all is written.
        trigger: What started it, one of `ReconciliationTriggerChoices`.
        user: Who started it, if anybody.
        job_result: The job run that it is part of, if any.
        reload: Whether Nautobot's job code is loaded anew first. Not wanted where core has just done so.
        confirm_empty: Whether a person says that a `JOBS_ROOT` that held jobs is meant to be empty (rule 3).
        plan_digest: The digest of a plan that was shown, as `reconcile.digest.digest_of` returns it: none but that one
            is carried out. Empty for whatever there is to do.

    Returns:
        The plan, and the row of the log.

    Raises:
        UnknownSourceError: If there is no such source.
        PlanMovedError: If the plan is not the one that was shown; nothing was written, and no log row is left.
        Exception: Whatever goes wrong. It has been stored as a failed reconciliation (rule 11).
    """
    occasion = Occasion(trigger, source or "all", user, job_result, plan_digest)
    is_latest = trigger == ReconciliationTriggerChoices.GIT_SYNC
    return run_reconcile(
        lambda: replace(discovery.discover(source, reload=reload, confirm_empty=confirm_empty), is_latest=is_latest),
        occasion,
        dry_run=dry_run,
    )


def reconcile_source_gone(slug: str, *, user: Any = None, job_result: Any = None) -> Outcome:
    """Mark the jobs of a Git repository that provides none any more, or is being deleted, as removed.

    Args:
        slug: The slug of the repository.
        user: Who started it, if anybody.
        job_result: The job run that it is part of, if any.
    """
    occasion = Occasion(ReconciliationTriggerChoices.GIT_SYNC, f"git:{slug}", user, job_result)
    return run_reconcile(lambda: discovery.discover_nothing(slug), occasion)


def take_over_core(decided: Mapping[UUID, Collection[str]], *, user: Any = None) -> Plan:
    """Take over what was decided in core's own rows, whatever the sources say; nothing is discovered (rule 16).

    Args:
        decided: The fields of which it is known that somebody decided them, by the primary key of core's row.
        user: Who decided it, if anybody.
    """

    def make(records: Records) -> Plan:
        return make_plan_of_core(store.read_state(records, of_sources=False), decided)

    def apply(plan: Plan) -> Plan:
        detail = "Job Registry: edited in Nautobot's own jobs"
        store.apply_plan(plan, now=timezone.now(), repositories={}, user=user, detail=detail)
        return plan

    known = store.read_records()
    return carry_out(make, apply, rows_of(make(known), known))


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
    return run_reconcile(lambda: None, Occasion(trigger, ENDS_SCOPE, user, job_result), dry_run=dry_run)
