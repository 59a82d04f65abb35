"""The whole plan of a reconcile, put together once (rules 5 and 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from nautobot_job_registry.engine.absence import with_emptied_sources
from nautobot_job_registry.engine.dependents import DependentAction
from nautobot_job_registry.engine.descriptor import Discovery, LoadFailure
from nautobot_job_registry.engine.overrides import Overridden
from nautobot_job_registry.engine.plan import ActionKind, JobAction, actions_of_records, job_actions
from nautobot_job_registry.engine.records import JobRecord, RegistryState
from nautobot_job_registry.history.arguments import PlannedMisfit
from nautobot_job_registry.lifecycle.moves.proposals import Moves, find_moves
from nautobot_job_registry.models import Reconciliation
from nautobot_job_registry.sources.load_errors import (
    Commit,
    ErrorAction,
    ErrorActionKind,
    ErrorKey,
    error_actions,
    with_authors,
)


@dataclass(frozen=True)
class Plan:
    """All that a reconcile is going to do, and how much it leaves alone.

    Attributes:
        jobs: What is done to records, ordered by class path.
        errors: What is done to load errors, in a fixed order.
        moves: What is proposed, declared and doubted about what jobs have been before.
        dependents: What is done to schedules, hooks and buttons, ordered by class path, and in a fixed order.
        misfits: The schedules that will fail with the new code of their job, ordered by class path.
        unchanged: How many records in scope stay as they are.
        is_first: Whether the registry is empty, so that nothing has changed yet (rule 9).
    """

    jobs: tuple[JobAction, ...] = ()
    errors: tuple[ErrorAction, ...] = ()
    moves: Moves = field(default_factory=Moves)
    dependents: tuple[DependentAction, ...] = ()
    misfits: tuple[PlannedMisfit, ...] = ()
    unchanged: int = 0
    is_first: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        nothing_of_jobs = not self.jobs and not self.errors and not self.dependents
        return nothing_of_jobs and not self.moves.proposals and not self.moves.adoptions

    @property
    def authors(self) -> dict[ErrorKey, Commit]:
        """Author and subject of the last commit that touched the file of each load error, where they are known."""
        failures = [action.failure for action in self.errors if action.failure]
        return {failure.key: (failure.commit_author, failure.commit_subject) for failure in failures}

    @property
    def has_revisions(self) -> bool:
        """Whether any revision is to be made."""
        return any(action.revision is not None for action in self.jobs)

    def counts(self) -> dict[str, int]:
        """Return how many records, load errors and dependents each kind of action concerns."""
        kinds = Counter(action.kind for action in self.jobs)
        errors = Counter(action.kind for action in self.errors)
        return {
            "registered": kinds[ActionKind.REGISTER],
            "returned": kinds[ActionKind.RETURN],
            "changed": kinds[ActionKind.CHANGE],
            "uninstalled": kinds[ActionKind.UNINSTALL],
            "refreshed": kinds[ActionKind.REFRESH],
            "unchanged": self.unchanged,
            "errors_opened": errors[ErrorActionKind.OPEN],
            "errors_updated": errors[ErrorActionKind.UPDATE],
            "errors_resolved": errors[ErrorActionKind.RESOLVE],
            "overrides_ended": sum(len(action.ended) for action in self.jobs),
            "drifted": sum(change.drifts for action in self.jobs for change in action.beneath),
            "misfits": len(self.misfits),
            "adopted": len(self.moves.adoptions),
            "suspended": sum(action.switches_off for action in self.dependents),
            "restored": sum(action.switches_on for action in self.dependents),
        }


@dataclass(frozen=True)
class Outcome:
    """What a reconcile planned, the log row that it left, and what came of it beside the plan; a dry run leaves none.

    Attributes:
        plan: What was to be done, as it was applied.
        reconciliation: The row of the log, or None.
        came_back: What of schedules, hooks and buttons came back on after the past of a job, or its link, had moved.
    """

    plan: Plan
    reconciliation: Reconciliation | None = None
    came_back: tuple[DependentAction, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many records, load errors and dependents each kind of action concerned."""
        counts = self.plan.counts()
        counts["restored"] += sum(action.switches_on for action in self.came_back)
        return counts


@dataclass(frozen=True)
class Contributors:
    """Who has a part in a plan beside the sources and the records: each is asked once, and returns its part.

    Attributes:
        last_numbers: Returns the number of the last revision of each of some records, by their primary keys.
        dependents: Returns what is done to the schedules, hooks and buttons of the jobs that some actions are about.
        overridden: Returns what is known of the sources of the overridden fields of some records, by their primary
            keys and by field.
        authors: Returns author and subject of the last commit that touched the files of some failures, by their key.
        misfits: Returns the schedules that will fail with the new code of some jobs, those that are switched on with
            the plan among them.
    """

    last_numbers: Callable[[Sequence[UUID]], Mapping[UUID, int]] = lambda records: {}
    dependents: Callable[[Sequence[JobAction]], Sequence[DependentAction]] = lambda jobs: ()
    authors: Callable[[Sequence[LoadFailure]], Mapping[ErrorKey, Commit]] = lambda failures: {}
    overridden: Callable[[Sequence[UUID]], Mapping[UUID, Mapping[str, Overridden]]] = lambda records: {}
    misfits: Callable[[Sequence[JobAction], Collection[UUID]], Sequence[PlannedMisfit]] = lambda jobs, comes_on: ()


def make_plan(discovery: Discovery, state: RegistryState, contributors: Contributors | None = None) -> Plan:
    """Compare what the sources say with what the database holds, and put the whole plan together.

    Args:
        discovery: What the sources in scope said.
        state: What the database holds.
        contributors: Who else has a part in it; nobody where it is left out.

    Returns:
        The plan. It is the same for the same arguments, and empty once it has been applied (rule 5).
    """
    asked = contributors or Contributors()
    discovery = with_emptied_sources(discovery, state)
    actions, unchanged = job_actions(discovery, state)
    jobs = _with_what_is_beneath(_after_the_last(actions, asked), asked)
    errors = tuple(error_actions(discovery, state.errors))
    dependents = tuple(asked.dependents(jobs))
    return Plan(
        jobs=jobs,
        errors=with_authors(errors, asked.authors([action.failure for action in errors if action.failure])),
        moves=find_moves(discovery, state, {action.key: action.columns for action in jobs}),
        dependents=dependents,
        misfits=tuple(asked.misfits(jobs, [action.object_id for action in dependents if action.switches_on])),
        unchanged=unchanged,
        is_first=not state.jobs,
    )


def _after_the_last(actions: tuple[JobAction, ...], asked: Contributors) -> tuple[JobAction, ...]:
    """Return actions in which each revision comes after all those of its job, whichever the current one is (rule 7)."""
    known = [action.record_id for action in actions if action.revision and action.record_id]
    last = asked.last_numbers(known) if known else {}
    return tuple(
        action.numbered(last[action.record_id] + 1)
        if action.revision and action.record_id and action.revision <= last.get(action.record_id, 0)
        else action
        for action in actions
    )


def _with_what_is_beneath(actions: tuple[JobAction, ...], asked: Contributors) -> tuple[JobAction, ...]:
    """Return actions that tell what changes in the source beneath an override, which no column says."""
    concerned = [action.record_id for action in actions if action.record_id and action.staying_overrides]
    known = asked.overridden(concerned) if concerned else {}
    return tuple(action.over(known.get(action.record_id, {})) if action.record_id else action for action in actions)


def make_plan_of_core(state: RegistryState, decided: Mapping[UUID, Collection[str]]) -> Plan:
    """Return what is to be done about what was decided in core's rows, whatever the sources say (rule 16).

    Args:
        state: What the database holds.
        decided: The fields of which it is known that somebody decided them, by the primary key of core's row.
    """
    core = {key: replace(row, decided=frozenset(decided.get(row.id, ()))) for key, row in state.core.items()}
    state = replace(state, core=core)
    return _plan_of_records((record for record in state.jobs.values() if record.key in core), state)


def make_plan_of_ends(state: RegistryState) -> Plan:
    """Plan no more than the end of the overrides whose time has come; no source is asked.

    Args:
        state: What the database holds.
    """
    return _plan_of_records((record for record in state.jobs.values() if record.ended), state)


def _plan_of_records(records: Iterable[JobRecord], state: RegistryState) -> Plan:
    jobs = actions_of_records(records, state)
    return Plan(jobs=jobs, unchanged=len(state.jobs) - len(jobs))
