"""A plan applied so that what is bad about one record harms that record alone (rule 2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from django.db import OperationalError, transaction

from nautobot_job_registry.engine.descriptor import LoadFailure, Source, SourceType
from nautobot_job_registry.engine.plan import JobAction
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.engine.text import bounded_text, failure_text, log_text, storable_text
from nautobot_job_registry.lifecycle.moves.proposals import Moves
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile.plan import Plan
from nautobot_job_registry.sources.load_errors import ErrorAction, ErrorActionKind

logger = logging.getLogger(__name__)

TOLD: Final = "The job could not be written to the registry, and stays as it was. {error_type}: {error}"


class NotAppliedError(Exception):
    """A record could not be written: the type of the load error that tells of it."""


Written = dict[JobKey, RegisteredJob]
Culprits = Mapping[JobKey, Exception]


def apply_all_that_can_be(plan: Plan, apply: Callable[[Plan], Written]) -> tuple[Plan, Written]:
    """Apply a plan; where that fails, find the records that it fails for, and apply the rest.

    A database that gives up a transaction is none of a record's doing. Costs a savepoint where nothing fails, and a
    number of attempts that grows with the number of bad records where something does.

    Args:
        plan: What is to be done.
        apply: Applies a plan, in the transaction that is open.

    Returns:
        The plan as it was applied, with a load error for each record that was left out, and the records written.

    Raises:
        Exception: What was raised, if it is not about single records.
    """
    try:
        with transaction.atomic():
            return plan, apply(plan)
    except OperationalError:
        raise
    except Exception as error:
        culprits = _culprits(plan, plan.jobs, apply)
        if not culprits:
            raise
        names = log_text(", ".join(map(".".join, culprits)))
        logger.error("Some jobs could not be written: %s. All others are.\n%s", names, failure_text(error))
    rest = _without(plan, culprits)
    return rest, apply(rest)


def _culprits(plan: Plan, jobs: Sequence[JobAction], apply: Callable[[Plan], Written]) -> dict[JobKey, Exception]:
    """Return the jobs that cannot be written, with what is raised for each; nothing is written."""
    error = _attempt(replace(plan, jobs=tuple(jobs)), apply)
    if error is None:
        return {}
    if len(jobs) == 1:
        return {jobs[0].key: error}
    half = len(jobs) // 2
    return {**_culprits(plan, jobs[:half], apply), **_culprits(plan, jobs[half:], apply)}


def _attempt(plan: Plan, apply: Callable[[Plan], Written]) -> Exception | None:
    """Return what is raised as a plan is applied, and leave the database as it was."""
    try:
        with transaction.atomic():
            apply(plan)
            transaction.set_rollback(True)
    except OperationalError:
        raise
    except Exception as error:
        return error
    return None


def _without(plan: Plan, culprits: Culprits) -> Plan:
    """Return a plan without some records, and with what is to be told of them in their place."""
    errors = {".".join(key): error for key, error in culprits.items()}
    known = {action.label: action for action in plan.errors if action.label in errors}
    told = [
        _told(action, culprits[action.key], known.get(action.class_path))
        for action in plan.jobs
        if action.key in culprits
    ]
    return replace(
        plan,
        jobs=tuple(action for action in plan.jobs if action.key not in culprits),
        errors=(*(action for action in plan.errors if action.label not in errors), *told),
        dependents=tuple(action for action in plan.dependents if action.key not in culprits),
        moves=_moves_without(plan.moves, culprits),
    )


def _moves_without(moves: Moves, culprits: Culprits) -> Moves:
    return replace(
        moves,
        proposals=tuple(move for move in moves.proposals if culprits.keys().isdisjoint({move.key, move.predecessor})),
        adoptions=tuple(move for move in moves.adoptions if culprits.keys().isdisjoint({move.key, move.predecessor})),
    )


def _told(action: JobAction, error: Exception, known: ErrorAction | None) -> ErrorAction:
    source = Source(SourceType(action.columns["source_type"]), action.columns["source_name"])
    failure = LoadFailure(
        source=source,
        source_version=action.columns["source_version"],
        module_name=action.key[0],
        job_class_name=action.key[1],
        file_path="",
        line=None,
        exception_type=NotAppliedError.__name__,
        message=storable_text(bounded_text(TOLD.format(error_type=type(error).__name__, error=error))),
        traceback="",
    )
    error_id = known.error_id if known is not None else None
    kind = ErrorActionKind.OPEN if error_id is None else ErrorActionKind.UPDATE
    return ErrorAction(kind, failure, error_id, action.class_path, source.label)
