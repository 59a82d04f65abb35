"""What two revisions of a job say differently about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS
from nautobot_job_registry.engine.plan import FieldChange

VARIABLES: Final = "variables"


class VariableChangeKind(str, Enum):
    """What happened to an input variable."""

    ADDED = "added"
    REMOVED = "removed"
    NEWLY_REQUIRED = "newly_required"
    NO_LONGER_REQUIRED = "no_longer_required"
    TYPE = "type"
    DEFAULT = "default"
    LABEL = "label"


@dataclass(frozen=True)
class VariableChange:
    """One input variable that two revisions do not describe alike.

    Attributes:
        name: Its name.
        kinds: What happened to it, in the order of `VariableChangeKind`.
        old: How the old revision describes it; None where it has no such input.
        new: How the new revision describes it; None where it has no such input.
    """

    name: str
    kinds: tuple[VariableChangeKind, ...]
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None


def field_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return what the metadata of two revisions say differently, without the input variables.

    A name that one of them does not know, as another version of this app wrote it, counts as None.
    """
    names = in_order({*old, *new})
    return tuple(FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def in_order(names: Iterable[str]) -> list[str]:
    """Return the names of metadata in the order in which they are shown, without the input variables.

    The fields that can be overridden come first, in the order of the design: a database keeps no order of its own.
    """
    place = {name: number for number, name in enumerate(OVERRIDABLE_FIELDS)}
    return sorted((name for name in names if name != VARIABLES), key=lambda name: (place.get(name, len(place)), name))


def variable_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[VariableChange, ...]:
    """Return the input variables that the metadata of two revisions do not describe alike, by name."""
    olds, news = _by_name(old.get(VARIABLES)), _by_name(new.get(VARIABLES))
    found = []
    for name in sorted({*olds, *news}):
        one, other = olds.get(name), news.get(name)
        kinds = tuple(_kinds(one, other))
        if kinds:
            found.append(VariableChange(name, kinds, one, other))
    return tuple(found)


def _by_name(variables: Iterable[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    return {str(variable.get("name")): variable for variable in variables or ()}


def _kinds(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[VariableChangeKind]:
    """Yield what happened to a variable; one that is new and required is both."""
    was_required = bool(old and old.get("required"))
    is_required = bool(new and new.get("required"))
    if old is None:
        yield VariableChangeKind.ADDED
    if new is None:
        yield VariableChangeKind.REMOVED
        return
    if is_required and not was_required:
        yield VariableChangeKind.NEWLY_REQUIRED
    if old is None:
        return
    if was_required and not is_required:
        yield VariableChangeKind.NO_LONGER_REQUIRED
    for kind in (VariableChangeKind.TYPE, VariableChangeKind.DEFAULT, VariableChangeKind.LABEL):
        if old.get(kind.value) != new.get(kind.value):
            yield kind
