"""Which job has which name in core, where a name belongs to one row only and is at most 100 characters long."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from nautobot_job_registry.engine.fields import NAME_MAX_LENGTH, shorten
from nautobot_job_registry.engine.records import JobKey

NUMBERED: Final = re.compile(r"(?P<base>.*) \(\d+\)", re.DOTALL)


@dataclass(frozen=True)
class NameClaim:
    """What one job wants to be called.

    Attributes:
        key: Module and class name.
        wanted: The name that the source gives it, whole; or the name that a person chose.
        current: The name that it has now; None where it has none yet.
        is_chosen: Whether a person chose the name, so that it comes before what the sources say.
        is_removed: Whether the class was removed, so that it gives way to one that is there.
    """

    key: JobKey
    wanted: str
    current: str | None = None
    is_chosen: bool = False
    is_removed: bool = False


def is_numbered(name: str, source_name: str) -> bool:
    """Say whether a name is the one that a source gives, with the number that keeps it apart from another job's.

    Args:
        name: The name of a job.
        source_name: What its source says, whole.
    """
    match = NUMBERED.fullmatch(name)
    if match is None:
        return False
    base, wanted = match["base"], shorten("name", source_name)
    return base == wanted or (len(name) == NAME_MAX_LENGTH and bool(wanted.startswith(base)))


def numbered(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the given one, or with the first number that is free, as core numbers names.

    Args:
        name: What is wanted, at most 100 characters.
        taken: The names of other jobs.
    """
    free, number = name, 2
    while free in taken:
        suffix = f" ({number})"
        free, number = f"{name[: NAME_MAX_LENGTH - len(suffix)]}{suffix}", number + 1
    return free


def assigned_names(claims: Iterable[NameClaim]) -> dict[JobKey, str]:
    """Give every job a name of its own: first what persons chose, then the jobs that are there, then the removed ones.

    A job that has the name already keeps it before one that only wants it, and a number that it has, as long as it
    still needs one.

    Args:
        claims: All jobs that core has, or is to have, a row of.
    """
    names: dict[JobKey, str] = {}
    taken: set[str] = set()
    ordered = sorted(claims, key=_precedence)
    # Nobody is given a number that another job has, and may keep.
    held = [claim.current for claim in ordered if claim.current is not None]
    for claim in ordered:
        if claim.current is not None:
            held.remove(claim.current)
        name = _name(claim, taken, held)
        names[claim.key] = name
        taken.add(name)
    return names


def _precedence(claim: NameClaim) -> tuple[bool, bool, bool, bool, JobKey]:
    wanted = shorten("name", claim.wanted)
    has_it = claim.current == wanted
    # One that needs a number anyway is served after those that need none, so that nobody's number is given away.
    has_number = claim.current is not None and is_numbered(claim.current, claim.wanted)
    return not claim.is_chosen, claim.is_removed, not has_it, not has_number, claim.key


def _name(claim: NameClaim, taken: Collection[str], held: Collection[str]) -> str:
    wanted = str(shorten("name", claim.wanted))
    if wanted not in taken:
        return wanted
    if claim.current is not None and claim.current not in taken and is_numbered(claim.current, claim.wanted):
        return claim.current
    return numbered(wanted, {*taken, *held})
