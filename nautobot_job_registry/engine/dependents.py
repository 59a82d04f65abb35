"""What hangs on a job, as data: schedules, job hooks and job buttons, and what is done about them (rule 18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.records import JobKey


class DependentKind(str, Enum):
    """What can hang on a job, by the name of its model in Nautobot."""

    SCHEDULE = "scheduledjob"
    HOOK = "jobhook"
    BUTTON = "jobbutton"


class DependentActionKind(str, Enum):
    """What a reconcile does about one dependent of a job.

    `SUSPEND` switches it off and records that, `NOTE` records why Nautobot switched it off, `RESTORE` switches it on
    again, and `CLOSE` leaves it as it is, since somebody has changed or deleted it.
    """

    SUSPEND = "suspend"
    NOTE = "note"
    RESTORE = "restore"
    CLOSE = "close"


class Ending(str, Enum):
    """How a suspension ends that is not restored."""

    CHANGED = "changed"
    GONE = "gone"


ACTIVE: Final = "active"
COMPLETED: Final = "completed"


@dataclass(frozen=True)
class Dependent:
    """A schedule, job hook or job button, as Nautobot's own row says.

    Attributes:
        kind: Which of the three it is.
        id: The primary key of its row.
        name: Its name.
        core_job: The primary key of the job that it hangs on, or None where it lost it.
        state: What decides whether, when and on what it runs the job, in a form that JSON can hold.
        changed_at: When its row was last saved.
        next_run: When a schedule would run next, if it can be told.
        is_overdue: Whether it is a schedule of one run whose time has come and gone.
    """

    kind: DependentKind
    id: UUID
    name: str
    core_job: UUID | None
    state: Mapping[str, Any]
    changed_at: datetime | None = None
    next_run: datetime | None = None
    is_overdue: bool = False

    @property
    def enabled(self) -> bool:
        """Whether it is switched on."""
        return bool(self.state["enabled"])


@dataclass(frozen=True)
class DependentAction:
    """What is to be done about one dependent of a job.

    Attributes:
        kind: What it amounts to.
        key: Module and class name of the job.
        record_id: The primary key of the job's record, or None where the plan makes it.
        dependent_kind: Which kind of dependent it is about.
        object_id: The primary key of the dependent.
        name: The name of the dependent.
        dependent: Its state as it is now; None where it is gone.
        suspension_id: The primary key of the suspension that it is about, or None where one is to be made.
        reason: Why the job is absent.
        ending: How the suspension ends.
    """

    kind: DependentActionKind
    key: JobKey
    record_id: UUID | None
    dependent_kind: DependentKind
    object_id: UUID
    name: str
    dependent: Dependent | None = field(default=None, repr=False)
    suspension_id: UUID | None = None
    reason: str = ""
    ending: Ending | None = None

    @property
    def class_path(self) -> str:
        """The dotted path of the class of the job."""
        return ".".join(self.key)

    @property
    def switches_off(self) -> bool:
        """Whether it tells of something that the absence of the job switches off, whoever does it."""
        return self.kind in (DependentActionKind.SUSPEND, DependentActionKind.NOTE)

    @property
    def switches_on(self) -> bool:
        """Whether it switches something on again."""
        return self.kind is DependentActionKind.RESTORE


@dataclass(frozen=True)
class Tally:
    """How many dependents of one job are switched off, or on again.

    Attributes:
        schedules: The number of schedules.
        job_hooks: The number of job hooks.
        job_buttons: The number of job buttons.
        next_run: When the first of the schedules would run next, if it can be told.
    """

    schedules: int = 0
    job_hooks: int = 0
    job_buttons: int = 0
    next_run: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return not (self.schedules or self.job_hooks or self.job_buttons)


def tally(actions: Iterable[DependentAction]) -> Tally:
    """Count the dependents that actions are about, kind by kind."""
    found = list(actions)
    kinds = [action.dependent_kind for action in found]
    runs = [action.dependent.next_run for action in found if action.dependent and action.dependent.next_run]
    return Tally(
        schedules=kinds.count(DependentKind.SCHEDULE),
        job_hooks=kinds.count(DependentKind.HOOK),
        job_buttons=kinds.count(DependentKind.BUTTON),
        next_run=min(runs, default=None),
    )
