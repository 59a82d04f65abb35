"""What is switched off with a job that went away, and what comes back with it (rule 18)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.dependents import (
    ACTIVE,
    COMPLETED,
    Dependent,
    DependentAction,
    DependentActionKind,
    DependentKind,
    Ending,
)
from nautobot_job_registry.engine.descriptor import Absence
from nautobot_job_registry.engine.records import JobKey


class Obstacle(str, Enum):
    """Why a suspended dependent does not come back by itself."""

    GONE = "gone"
    JOB_UNKNOWN = "job_unknown"
    JOB_ABSENT = "job_absent"
    NOT_IN_CORE = "not_in_core"
    UNLINKED = "unlinked"
    OTHER_JOB = "other_job"
    OTHER_KIND = "other_kind"
    OVERDUE = "overdue"
    RECORD_DELETED = "record_deleted"
    SWITCHED_OFF = "switched_off"


# What a person can do by hand nevertheless.
ONLY_AUTOMATIC: Final = frozenset({Obstacle.OVERDUE, Obstacle.RECORD_DELETED, Obstacle.SWITCHED_OFF})
# The scheduler gives a schedule that is off these states by itself: they are nobody's decision.
STATES_OF_BEAT: Final = frozenset({COMPLETED, "errored"})


@dataclass(frozen=True)
class SuspensionRecord:
    """A suspension that is open, as the registry holds it.

    Attributes:
        id: Its primary key.
        kind: What was switched off.
        object_id: The primary key of what was switched off.
        name: Its name.
        reason: Why the job was absent, or empty where that is not known yet.
        suspended_state: The state of the dependent once it had been switched off.
        suspended_at: When it was switched off.
    """

    id: UUID
    kind: DependentKind
    object_id: UUID
    name: str
    reason: str
    suspended_state: Mapping[str, Any]
    suspended_at: datetime


@dataclass(frozen=True)
class JobSituation:
    """What is going to be true of a job once the rest of the plan is carried out.

    Attributes:
        key: Module and class name.
        record_id: The primary key of its record, or None where that is made by the plan.
        core_job: The primary key of Nautobot's own row.
        installed: Whether the class is there.
        core_installed: Whether Nautobot's own row says so, too: nothing runs where it does not.
        absence: Why it is not there.
        is_job_hook_receiver: Whether job hooks can run it.
        is_job_button_receiver: Whether job buttons can run it.
        is_just_removed: Whether this plan is the first to know that it is gone for good.
    """

    key: JobKey
    record_id: UUID | None
    core_job: UUID | None
    installed: bool
    core_installed: bool = True
    absence: str = ""
    is_job_hook_receiver: bool = False
    is_job_button_receiver: bool = False
    is_just_removed: bool = False

    @property
    def is_removed(self) -> bool:
        """Whether it is gone for good, as far as is known (rule 3)."""
        return not self.installed and self.absence == Absence.REMOVED.value

    def can_be_run_by(self, kind: DependentKind) -> bool:
        """Return whether dependents of a kind can run a job of its kind."""
        if kind is DependentKind.HOOK:
            return self.is_job_hook_receiver
        return self.is_job_button_receiver if kind is DependentKind.BUTTON else True


def switched_off(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that a dependent has once it is switched off, as Nautobot's own code leaves it."""
    changes: dict[str, Any] = {"enabled": False}
    if state.get("state") == ACTIVE:
        changes["state"] = COMPLETED
    return {**state, **changes}


def is_changed(suspended: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a person has changed a dependent since it was switched off.

    Args:
        suspended: Its state once it had been switched off.
        now: Its state now. What only one of them knows is of another version of Nautobot, and tells nothing.
    """
    return any(not _is_same(name, suspended[name], now[name]) for name in suspended.keys() & now.keys())


def _is_same(name: str, before: Any, now: Any) -> bool:
    return before == now or (name == "state" and {before, now} <= STATES_OF_BEAT)


def obstacle(job: JobSituation, dependent: Dependent, *, restores: bool = True) -> Obstacle | None:
    """Say what keeps a suspended dependent from coming back, if anything does.

    Args:
        job: The job that it hung on.
        dependent: The dependent as it is now.
        restores: Whether dependents come back by themselves, as the setting says.
    """
    if not job.installed:
        return Obstacle.JOB_ABSENT
    if not job.core_installed:
        return Obstacle.NOT_IN_CORE
    if dependent.core_job is None:
        return Obstacle.UNLINKED
    if dependent.core_job != job.core_job:
        return Obstacle.OTHER_JOB
    if not job.can_be_run_by(dependent.kind):
        return Obstacle.OTHER_KIND
    if dependent.is_overdue:
        return Obstacle.OVERDUE
    return None if restores else Obstacle.SWITCHED_OFF


def decide_dependents(
    job: JobSituation,
    dependents: Iterable[Dependent],
    suspensions: Iterable[SuspensionRecord],
    *,
    left_alone: Collection[UUID] = (),
    restores: bool = True,
) -> Iterator[DependentAction]:
    """Yield what is to be done about the dependents of one job.

    Args:
        job: The job.
        dependents: All its dependents that are enabled, and all that its suspensions are about.
        suspensions: Its open suspensions.
        left_alone: The primary keys of the dependents that a person switched on again during this absence. Where it is
            news that the job is gone for good, the person has not known it: they go off with the others.
        restores: Whether dependents come back by themselves.
    """
    found = {dependent.id: dependent for dependent in dependents}
    known = set() if job.is_just_removed else set(left_alone)
    for suspension in suspensions:
        known.add(suspension.object_id)
        action = _about_suspended(job, found.get(suspension.object_id), suspension, restores)
        if action is not None:
            yield action
    for dependent in found.values():
        if dependent.id not in known and dependent.enabled and job.is_removed and job.can_be_run_by(dependent.kind):
            yield _action(DependentActionKind.SUSPEND, job, dependent)


def _about_suspended(
    job: JobSituation, dependent: Dependent | None, suspension: SuspensionRecord, restores: bool
) -> DependentAction | None:
    if dependent is None:
        return _ended(job, suspension, Ending.GONE)
    if not job.installed:
        return _while_absent(job, dependent, suspension)
    if not job.core_installed:
        return None
    hindrance = obstacle(job, dependent, restores=restores)
    if hindrance is Obstacle.OTHER_JOB or is_changed(suspension.suspended_state, dependent.state):
        return _ended(job, suspension, Ending.CHANGED, dependent)
    if hindrance is not None:
        return None
    return _action(DependentActionKind.RESTORE, job, dependent, suspension)


def _while_absent(job: JobSituation, dependent: Dependent, suspension: SuspensionRecord) -> DependentAction | None:
    """Return what is to be done while the job is away.

    A dependent that is on although it was switched off was switched on by a person, whose decision stays; unless its
    row is older than the suspension: then it is the row of a backup. A person who has switched it on while the job was
    expected back has not decided that it fires at a job that is gone for good.
    """
    if not dependent.enabled:
        return None if suspension.reason else _action(DependentActionKind.NOTE, job, dependent, suspension)
    is_decided = dependent.changed_at is None or dependent.changed_at >= suspension.suspended_at
    if is_decided and not job.is_just_removed:
        return _ended(job, suspension, Ending.CHANGED, dependent)
    return _action(DependentActionKind.SUSPEND, job, dependent, suspension) if job.is_removed else None


def _action(
    kind: DependentActionKind, job: JobSituation, dependent: Dependent, suspension: SuspensionRecord | None = None
) -> DependentAction:
    return DependentAction(
        kind,
        job.key,
        job.record_id,
        dependent.kind,
        dependent.id,
        dependent.name,
        dependent,
        suspension.id if suspension else None,
        job.absence,
    )


def _ended(
    job: JobSituation, suspension: SuspensionRecord, ending: Ending, dependent: Dependent | None = None
) -> DependentAction:
    return DependentAction(
        DependentActionKind.CLOSE,
        job.key,
        job.record_id,
        suspension.kind,
        suspension.object_id,
        dependent.name if dependent else suspension.name,
        dependent,
        suspension.id,
        ending=ending,
    )
