"""Who wins where the two sides of a job say different things: the record of the registry, or core's own row (rule 16).

What counts is what is stored: the record and core's row as they are locked, what the two last agreed on, and what
core's row said before that. A row that says what it said before was written by somebody who had read it earlier, such
as core's own refresh; it is no decision. A row that says something new is one, whoever wrote it. Each field is judged
by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

# How many of the values that core's row had before are remembered of each field: more than one edit may come while
# somebody holds on to a row that was read before them.
REMEMBERED: Final = 5
ENABLED: Final = "enabled"
QUEUES: Final = "job_queues"

# What is decided about one field: nothing, or one value.
Decision = tuple[Any, ...]
NOT_OVERRIDDEN: Final[Decision] = ()
NOTHING: Final[Mapping[str, Any]] = {}


class Ours(str, Enum):
    """What the record says of a field."""

    AGREED = "as agreed"
    DECIDED = "something else"


class Cores(str, Enum):
    """What core's row says of a field."""

    AGREED = "as agreed"
    OLD = "what it said before"
    NEW = "something new"


class SideEvent(str, Enum):
    """On what occasion the two sides are compared."""

    RECORD_SAVED = "the record is saved"
    CORE_SAVED = "core's row is saved"
    RECONCILED = "a reconcile comes by"


class Winner(str, Enum):
    """Whose word both sides are to say afterwards."""

    NOBODY = "nobody"
    REGISTRY = "the registry"
    CORE = "core"


# Where both have decided, the one who does it now comes last; a reconcile finds two decisions that nobody told it of,
# and takes the one that is in force.
WINNERS: Final[Mapping[tuple[Ours, Cores, SideEvent], Winner]] = {
    (Ours.AGREED, Cores.AGREED, SideEvent.RECORD_SAVED): Winner.NOBODY,
    (Ours.AGREED, Cores.AGREED, SideEvent.CORE_SAVED): Winner.NOBODY,
    (Ours.AGREED, Cores.AGREED, SideEvent.RECONCILED): Winner.NOBODY,
    (Ours.AGREED, Cores.OLD, SideEvent.RECORD_SAVED): Winner.REGISTRY,
    (Ours.AGREED, Cores.OLD, SideEvent.CORE_SAVED): Winner.REGISTRY,
    (Ours.AGREED, Cores.OLD, SideEvent.RECONCILED): Winner.REGISTRY,
    (Ours.AGREED, Cores.NEW, SideEvent.RECORD_SAVED): Winner.CORE,
    (Ours.AGREED, Cores.NEW, SideEvent.CORE_SAVED): Winner.CORE,
    (Ours.AGREED, Cores.NEW, SideEvent.RECONCILED): Winner.CORE,
    (Ours.DECIDED, Cores.AGREED, SideEvent.RECORD_SAVED): Winner.REGISTRY,
    (Ours.DECIDED, Cores.AGREED, SideEvent.CORE_SAVED): Winner.REGISTRY,
    (Ours.DECIDED, Cores.AGREED, SideEvent.RECONCILED): Winner.REGISTRY,
    (Ours.DECIDED, Cores.OLD, SideEvent.RECORD_SAVED): Winner.REGISTRY,
    (Ours.DECIDED, Cores.OLD, SideEvent.CORE_SAVED): Winner.REGISTRY,
    (Ours.DECIDED, Cores.OLD, SideEvent.RECONCILED): Winner.REGISTRY,
    (Ours.DECIDED, Cores.NEW, SideEvent.RECORD_SAVED): Winner.REGISTRY,
    (Ours.DECIDED, Cores.NEW, SideEvent.CORE_SAVED): Winner.CORE,
    (Ours.DECIDED, Cores.NEW, SideEvent.RECONCILED): Winner.CORE,
}


@dataclass(frozen=True, eq=False)
class Decisions:
    """What is decided about one job, on one side or on both; the same where each field is.

    Attributes:
        enabled: Whether the job may be run.
        values: The value of each field that is overridden.
    """

    enabled: bool
    values: Mapping[str, Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Decisions) and self.by_field == other.by_field

    @property
    def by_field(self) -> dict[str, Decision]:
        """What is decided about each field, and about `enabled`; a list of queues is in the form that JSON has."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in self.values.items()}
        return {ENABLED: (self.enabled,), **{name: (value,) for name, value in values.items()}}

    def as_json(self) -> dict[str, Any]:
        """Return the same in the form in which a record remembers it."""
        overrides = {name: value for name, (value,) in sorted(self.by_field.items()) if name != ENABLED}
        return {ENABLED: self.enabled, "overrides": overrides}


@dataclass(frozen=True)
class Agreement:
    """What a record remembers of core's row, as its column `core_decisions` holds it.

    Attributes:
        agreed: What the two sides said when they last agreed.
        before: What core's row said of each field before, the latest first, whoever has decided since: a refresh of
            core's that read the row then may still write that back.
    """

    agreed: Decisions
    before: Mapping[str, tuple[Decision, ...]]

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Agreement:
        """Read what is stored; where nothing is, nothing is decided."""
        stored = stored or {}
        before = {name: tuple(map(tuple, past)) for name, past in stored.get("before", {}).items()}
        return cls(Decisions(stored.get(ENABLED, False), stored.get("overrides", {})), before)

    def as_json(self) -> dict[str, Any]:
        """Return what is stored."""
        before = {name: [list(decision) for decision in past] for name, past in sorted(self.before.items())}
        return {**self.agreed.as_json(), **({"before": before} if before else {})}

    def renewed(
        self, decisions: Decisions, core: Decisions | None = None, *, unchosen: Mapping[str, Any] = NOTHING
    ) -> Agreement:
        """Return what is to be remembered once both sides say what is decided now.

        Args:
            decisions: What both sides say then.
            core: What core's row says until then; None where it is what was agreed.
            unchosen: What fields say in core's row where they are not overridden, as far as it may be written to a row
                in which they are, or the flag be written back to it by somebody who had read that before.
        """
        now, agreed = decisions.by_field, self.agreed.by_field
        until_now = agreed if core is None else core.by_field
        before = {}
        for name in {*now, *agreed, *until_now, *self.before}:
            decided, said, was = (side.get(name, NOT_OVERRIDDEN) for side in (now, until_now, agreed))
            past = [said, was, *self.before.get(name, ())]
            if name in unchosen and (NOT_OVERRIDDEN in past if decided else any(past)):
                past.insert(past.index(NOT_OVERRIDDEN) if NOT_OVERRIDDEN in past else 0, (unchosen[name],))
            told = [one for number, one in enumerate(past) if one not in (decided, *past[:number])]
            if told:
                before[name] = tuple(told[:REMEMBERED])
        return Agreement(decisions, before)


@dataclass(frozen=True)
class Settlement:
    """What both sides are to say.

    Attributes:
        decisions: All that is decided.
        of_core: The fields in which core wins, `enabled` among them.
    """

    decisions: Decisions
    of_core: frozenset[str]


def settle(
    ours: Decisions, known: Agreement, core: Decisions, event: SideEvent, *, decided: Collection[str] = ()
) -> Settlement:
    """Find out field by field what both sides are to say.

    Args:
        ours: What the record says.
        known: What it remembers of core's row.
        core: What core's row says.
        event: On what occasion they are compared.
        decided: The fields of which it is known that somebody decides them in core just now, even if that is what the
            row said before.
    """
    mine, theirs, agreed = ours.by_field, core.by_field, known.agreed.by_field
    settled, of_core = dict(mine), set()
    for name in {*mine, *theirs, *agreed}:
        said, there = mine.get(name, NOT_OVERRIDDEN), theirs.get(name, NOT_OVERRIDDEN)
        was = agreed.get(name, NOT_OVERRIDDEN)
        is_old = name not in decided and _said_before(name, there, was, known.before.get(name, ()))
        cores = Cores.AGREED if there == was else Cores.OLD if is_old else Cores.NEW
        if WINNERS[Ours.AGREED if said == was else Ours.DECIDED, cores, event] is Winner.CORE:
            settled[name] = there
            of_core.add(name)
    values = {name: decision[0] for name, decision in settled.items() if decision and name != ENABLED}
    return Settlement(Decisions(settled[ENABLED][0], values), frozenset(of_core))


def _said_before(name: str, there: Decision, was: Decision, past: Collection[Decision]) -> bool:
    """Say whether core's row says of a field what it said before.

    Queues are rows of their own: who writes an old flag back gives it to those that are there by now, and whoever
    chooses queues is heard.
    """
    return there in past or (name == QUEUES and bool(there) and not was and any(past))


def changed_fields(before: Decisions, after: Decisions) -> frozenset[str]:
    """Return the fields about which something else is decided, `enabled` among them."""
    old, new = before.by_field, after.by_field
    return frozenset(name for name in {*old, *new} if old.get(name) != new.get(name))
