"""Which job has which name in core, where a name belongs to one row only and is at most 100 characters long (rule 4).

Where the source's name or grouping cannot be stored, the field is overridden on both sides with what can be, so that
core's next refresh leaves it alone; that is no decision of a person, and ends with its cause.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from nautobot_job_registry.engine.decisions import Draft
from nautobot_job_registry.engine.fields import NAME_MAX_LENGTH, override_flag, shorten
from nautobot_job_registry.engine.records import CoreState, JobKey, JobRecord, RegistryState

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


LIMITED_FIELDS: Final = ("name", "grouping")


def resolve_collisions(drafts: list[Draft], state: RegistryState) -> list[Draft]:
    """Give each job a name and a grouping that core can store.

    Args:
        drafts: The records that may change; their columns are changed where it takes.
        state: What the database holds.

    Returns:
        The drafts, and one for each other record whose name changes because of them.
    """
    if not drafts and not state.collisions:
        return drafts
    for draft in drafts:
        _release(draft, state)
    others = _others(drafts, state)
    claims = [_claim(draft, state) for draft in drafts if draft.has_core_row]
    names = assigned_names((*claims, *_other_claims(others, drafts, state)))
    for draft in drafts:
        _settle(draft, names.get(draft.key))
    return [*drafts, *_renamed(others, names, state)]


def _release(draft: Draft, state: RegistryState) -> None:
    """Let a field follow the source again that no person has overridden; whether it can is decided after that."""
    if draft.descriptor is None:
        if draft.record is not None:
            draft.collisions |= _still_ours(draft, state.collisions.get(draft.key, {}))
        return
    noted = _still_ours(draft, state.collisions.get(draft.key, {}))
    for name in LIMITED_FIELDS:
        source = draft.descriptor.metadata[name]
        if name in noted or (draft.columns[override_flag(name)] and _is_cores_doing(draft, name, source)):
            draft.follow(name, shorten(name, source))


def _still_ours(draft: Draft, noted: Iterable[str]) -> set[str]:
    """Return the collisions in whose fields nobody has decided anything since."""
    record = draft.record
    return {
        name
        for name in noted
        if record and draft.columns[override_flag(name)] and draft.columns[name] == record.columns[name]
    }


def _is_cores_doing(draft: Draft, name: str, source: str) -> bool:
    """Say whether core overrides a name by itself, and nobody has decided about it."""
    core, record = draft.core, draft.record
    if name != "name" or core is None or name not in core.overridden:
        return False
    if record is not None and record.columns[override_flag(name)]:
        return False
    return is_cores_doing(core.values[name], source, record.columns[name] if record else None)


def is_cores_doing(name: str, source_name: str, before: str | None) -> bool:
    """Say whether a name is one that core gives by itself: with a number, or the old one where the new one is taken.

    Args:
        name: The name that is overridden in core.
        source_name: What the source says, whole.
        before: The name that the job had; None where it had none.
    """
    return is_numbered(name, source_name) or (name == before and name != shorten("name", source_name))


def _claim(draft: Draft, state: RegistryState) -> NameClaim:
    columns, record = draft.columns, draft.record
    is_chosen = columns["name_override"] and "name" not in draft.collisions
    said = columns["name"]
    if draft.descriptor is not None:
        said = draft.descriptor.metadata["name"]
    elif "name" in draft.collisions:
        said = state.collisions[draft.key].get("name", said)
    current = draft.core.values["name"] if draft.core else record.columns["name"] if record else None
    return NameClaim(
        key=draft.key,
        wanted=columns["name"] if is_chosen else said,
        current=current,
        is_chosen=is_chosen,
        is_removed=columns["absence"] == "removed",
    )


def _others(drafts: Iterable[Draft], state: RegistryState) -> dict[JobKey, JobRecord]:
    drafted = {draft.key for draft in drafts}
    return {key: record for key, record in state.jobs.items() if key not in drafted and record.core_job_text}


def _other_claims(
    others: dict[JobKey, JobRecord], drafts: Iterable[Draft], state: RegistryState
) -> Iterator[NameClaim]:
    """Yield what is claimed by the jobs that are out of scope, or stay as they are."""
    for key, record in others.items():
        columns, noted = record.columns, state.collisions.get(key, {})
        name = columns["name"]
        yield NameClaim(
            key=key,
            wanted=noted.get("name", name),
            current=name,
            is_chosen=columns["name_override"] and "name" not in noted,
            is_removed=columns["absence"] == "removed",
        )
    known = others.keys() | {draft.key for draft in drafts}
    for key, core in state.core.items():
        if key not in known:
            yield _claim_of_core(core)


def _claim_of_core(core: CoreState) -> NameClaim:
    """Return the claim of a row that the registry does not know, and leaves as it is."""
    return NameClaim(key=core.key, wanted=core.values["name"], current=core.values["name"], is_chosen=True)


def _settle(draft: Draft, name: str | None) -> None:
    """Write down the name that the job got, and what had to be shortened for core."""
    columns = draft.columns
    if name is not None and columns["name_override"] and "name" not in draft.collisions:
        # A number leaves it the name that a person chose.
        columns["name"] = name
    if draft.descriptor is None:
        if name is not None and name != columns["name"]:
            draft.collide("name", name)
        return
    metadata = draft.descriptor.metadata
    for field in LIMITED_FIELDS:
        value = name if field == "name" and name is not None else columns[field]
        is_chosen = columns[override_flag(field)] and field not in draft.collisions
        if not is_chosen and draft.has_core_row and value != metadata[field]:
            draft.collide(field, value)


def _renamed(others: dict[JobKey, JobRecord], names: dict[JobKey, str], state: RegistryState) -> Iterator[Draft]:
    """Yield a draft of each record that gets another name only because another job came or went."""
    for key, record in others.items():
        noted = state.collisions.get(key, {})
        name = names[key]
        if name == record.columns["name"]:
            continue
        draft = Draft(key, record, dict(record.columns), None, state.core.get(key), set(noted))
        if name == noted.get("name"):
            draft.follow("name", name)
        elif draft.columns["name_override"] and "name" not in noted:
            draft.columns["name"] = name
        else:
            draft.collide("name", name)
        yield draft
