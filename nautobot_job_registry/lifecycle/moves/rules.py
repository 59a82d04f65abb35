"""What a job takes over from the record of the job that it once was, and what speaks against it (rule 21)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nautobot_job_registry.engine.descriptor import Absence

SELF: Final = "A job cannot adopt its own past: {predecessor} is the job itself."
NOT_INSTALLED: Final = (
    "{successor} is not installed: only an installed job can adopt the past of another. Bring its class back first."
)
STILL_INSTALLED: Final = (
    "{predecessor} is installed, so that its past is its own: remove the class from its source, and reconcile, first."
)
TEMPORARY: Final = (
    "{predecessor} is absent for a time only ({absence}), and may come back: only the past of a job that was removed "
    "can be adopted."
)
OTHER_KIND: Final = (
    "{predecessor} is {old_kind} and {successor} is {new_kind}: what hangs on the one cannot run the other."
)
NO_CORE_JOB: Final = (
    "Nautobot has no job of its own for {successor} yet, on which schedules, hooks and buttons could hang: run "
    "`nautobot-server post_upgrade`, or sync the Git repository, first."
)
ADOPTED: Final = "{predecessor} was adopted by {adopter} already."


@dataclass(frozen=True)
class Party:
    """One of the two jobs of an adoption.

    Attributes:
        class_path: The dotted path of its class.
        installed: Whether its class is there.
        absence: Why it is not.
        is_job_hook_receiver: Whether job hooks can run it.
        is_job_button_receiver: Whether job buttons can run it.
        has_core_job: Whether Nautobot has a row of its own for it.
    """

    class_path: str
    installed: bool
    absence: str = ""
    is_job_hook_receiver: bool = False
    is_job_button_receiver: bool = False
    has_core_job: bool = True

    @property
    def kind(self) -> str:
        """What kind of job it is, in words."""
        if self.is_job_hook_receiver:
            return "a job hook receiver"
        return "a job button receiver" if self.is_job_button_receiver else "a plain job"


def adoption_refusal(successor: Party, predecessor: Party) -> str:
    """Say why a job cannot adopt the past of another one; nothing where it can.

    As the one has to be installed and the other removed, no two jobs can adopt each other.

    Args:
        successor: The job that is to take over.
        predecessor: The job whose past is to be taken over.
    """
    reason = _reason(successor, predecessor)
    return reason.format(
        successor=successor.class_path,
        predecessor=predecessor.class_path,
        absence=predecessor.absence.replace("_", " "),
        new_kind=successor.kind,
        old_kind=predecessor.kind,
    )


def _reason(successor: Party, predecessor: Party) -> str:
    if successor.class_path == predecessor.class_path:
        return SELF
    if not successor.installed:
        return NOT_INSTALLED
    if predecessor.installed:
        return STILL_INSTALLED
    if predecessor.absence != Absence.REMOVED.value:
        return TEMPORARY
    if successor.kind != predecessor.kind:
        return OTHER_KIND
    return "" if successor.has_core_job else NO_CORE_JOB


@dataclass(frozen=True)
class Inheritance:
    """What a job takes over of what was decided about its predecessor.

    Attributes:
        taken: The overrides that it takes over, with their values.
        not_taken: The fields that it overrides otherwise itself, so that its own value stays.
        enabled: Whether it is enabled afterwards.
        drops_number: Whether its name is a numbered one that nobody chose, and has a chance to be the source's again.
    """

    taken: Mapping[str, Any]
    not_taken: tuple[str, ...]
    enabled: bool
    drops_number: bool


@dataclass(frozen=True)
class Decided:
    """What was decided about one of the two jobs.

    Attributes:
        enabled: Whether it may be run.
        overrides: The value of each overridden field.
        has_numbered_name: Whether its name is overridden only because another job had it.
    """

    enabled: bool
    overrides: Mapping[str, Any]
    has_numbered_name: bool = False

    @property
    def chosen(self) -> dict[str, Any]:
        """The overrides that somebody chose."""
        return {
            field: value for field, value in self.overrides.items() if field != "name" or not self.has_numbered_name
        }


def inherit(own: Decided, past: Decided) -> Inheritance:
    """Return what a job takes over: what it overrides itself stays, and it is enabled if either was.

    Args:
        own: What was decided about the job.
        past: What was decided about its predecessor.
    """
    mine, theirs = own.chosen, past.chosen
    return Inheritance(
        taken={field: value for field, value in theirs.items() if field not in mine},
        not_taken=tuple(field for field, value in theirs.items() if field in mine and mine[field] != value),
        enabled=own.enabled or past.enabled,
        drops_number=own.has_numbered_name and "name" not in theirs,
    )
