"""Which removed job a job has been before: declared in its code, or proposed to a person (rule 21)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from nautobot_job_registry.engine.decisions import is_storable
from nautobot_job_registry.engine.descriptor import Absence, Discovery, JobDescriptor, digest
from nautobot_job_registry.engine.fields import shorten
from nautobot_job_registry.engine.records import JobKey, JobRecord, Past, RegistryState
from nautobot_job_registry.lifecycle.moves import rules

# A job can have been another one only if it was new when that one went: it was registered afterwards, or this long
# before at the most. So the deletion of a copy is not taken for a move, and a move in two steps is seen.
WINDOW: Final = timedelta(days=30)

SAME_TEXT: Final = "The same class name, and the same source text of the module."
SAME_CLASS: Final = "The same class name, and the same name of the job."
SAME_MODULE: Final = "The same module, and the same name of the job."
NAMES_ITSELF: Final = "`previous_class_paths` names the class itself."
NO_SOURCE: Final = digest("")


@dataclass(frozen=True)
class Proposal:
    """A predecessor that is proposed, or a proposal that is withdrawn.

    Attributes:
        key: Module and class name of the job.
        predecessor: Those of the job that it seems to have been, or None where nothing is proposed any more.
        grounds: Why, in words.
        old: What was proposed before.
    """

    key: JobKey
    predecessor: JobKey | None
    grounds: str
    old: JobKey | None = None


@dataclass(frozen=True)
class Adoption:
    """A job whose code says what it has been, and whose past is therefore handed over without asking."""

    key: JobKey
    predecessor: JobKey


@dataclass(frozen=True)
class Caution:
    """Why what the code says about the past of a job is not followed."""

    key: JobKey
    message: str


@dataclass(frozen=True)
class Moves:
    """All that a plan says about what jobs have been before.

    Attributes:
        proposals: What is proposed, and what no longer is, by class path.
        adoptions: What is handed over.
        cautions: What is not.
    """

    proposals: tuple[Proposal, ...] = ()
    adoptions: tuple[Adoption, ...] = ()
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    """A job that is removed once the plan is carried out."""

    key: JobKey
    party: rules.Party
    said_name: str | None
    source_hash: str
    gone: datetime | None


@dataclass(frozen=True)
class _Claimant:
    """A job that is there, and may have been another one before."""

    key: JobKey
    kind: str
    source_hash: str
    name: str | None


def declaring(discovery: Discovery) -> frozenset[str]:
    """Return the names of the classes that say what they have been."""
    return frozenset(item.key[1] for item in discovery.declaring)


def find_moves(discovery: Discovery, state: RegistryState, planned: Mapping[JobKey, Mapping[str, Any]]) -> Moves:
    """Find out what jobs have been before.

    Args:
        discovery: What the sources in scope said.
        state: What the database holds.
        planned: The columns of each record that the rest of the plan makes or changes.

    Returns:
        The same for the same arguments; once it has been carried out, no proposal and no adoption any more.
    """
    candidates = {candidate.key: candidate for candidate in _candidates(state, planned)}
    has_past = any(past.has_proposal for past in state.pasts.values())
    if not candidates and not has_past and not discovery.declaring:
        return Moves()
    adoptions, cautions = _declared(discovery.declaring, state, planned, candidates)
    left = {key: item for key, item in candidates.items() if key not in {found.predecessor for found in adoptions}}
    # Who takes over a past is proposed no other one: what was proposed goes with the adoption.
    adopting = {found.key for found in adoptions}
    found = _proposals(discovery, state, planned, left)
    proposals = sorted((item for item in found if item.key not in adopting), key=lambda proposal: proposal.key)
    return Moves(tuple(proposals), tuple(adoptions), tuple(cautions))


def _candidates(state: RegistryState, planned: Mapping[JobKey, Mapping[str, Any]]) -> Iterator[_Candidate]:
    for key, past in state.pasts.items():
        record = state.jobs.get(key)
        if record and record.is_removed and key not in planned:
            yield _candidate(key, record.columns, record, past)
    for key, columns in planned.items():
        if not columns["installed"] and columns["absence"] == Absence.REMOVED.value:
            yield _candidate(key, columns, state.jobs.get(key), state.pasts.get(key))


def _candidate(key: JobKey, columns: Mapping[str, Any], record: JobRecord | None, past: Past | None) -> _Candidate:
    # A record that goes may give its name to the one that comes, in the same plan: what it was called until now counts.
    known = record.columns if record else columns
    said_name = known["name"]
    if known["name_override"]:
        said_name = past.said_name if past else None
    return _Candidate(
        key=key,
        party=_party(key, columns),
        said_name=said_name,
        source_hash=record.source_hash if record else "",
        gone=past.gone if past and record and record.is_removed else None,
    )


def _party(key: JobKey, columns: Mapping[str, Any], has_core_job: bool = True) -> rules.Party:
    return rules.Party(
        class_path=".".join(key),
        installed=columns["installed"],
        absence=columns["absence"],
        is_job_hook_receiver=columns["is_job_hook_receiver"],
        is_job_button_receiver=columns["is_job_button_receiver"],
        has_core_job=has_core_job,
    )


def _party_of(descriptor: JobDescriptor, state: RegistryState) -> rules.Party:
    columns = {**descriptor.metadata, "installed": descriptor.is_runnable, "absence": ""}
    # A job that core has no row of yet gets one by the same plan, if it can have one.
    return _party(descriptor.key, columns, is_storable(descriptor))


# What the code says


def _declared(
    descriptors: Iterable[JobDescriptor],
    state: RegistryState,
    planned: Mapping[JobKey, Mapping[str, Any]],
    candidates: Mapping[JobKey, _Candidate],
) -> tuple[list[Adoption], list[Caution]]:
    adopted: dict[JobKey, JobKey] = {}
    cautions: list[Caution] = []
    for descriptor in sorted(descriptors, key=lambda item: item.key):
        for path in dict.fromkeys(descriptor.metadata["previous_class_paths"]):
            module, _, name = path.rpartition(".")
            old = (module, name)
            reason = _objection(descriptor, old, state, planned, candidates, adopted)
            if reason:
                cautions.append(Caution(descriptor.key, reason))
            elif old in candidates:
                adopted[old] = descriptor.key
    return [Adoption(key, old) for old, key in adopted.items()], cautions


def _objection(
    descriptor: JobDescriptor,
    old: JobKey,
    state: RegistryState,
    planned: Mapping[JobKey, Mapping[str, Any]],
    candidates: Mapping[JobKey, _Candidate],
    adopted: Mapping[JobKey, JobKey],
) -> str:
    """Say why a declared predecessor is not adopted, if the registry knows it at all."""
    if old == descriptor.key:
        return NAMES_ITSELF
    if old in adopted:
        return rules.ADOPTED.format(predecessor=".".join(old), adopter=".".join(adopted[old]))
    record = state.jobs.get(old)
    if old not in candidates and record is None:
        return ""
    columns = planned.get(old) or (record.columns if record else {})
    party = candidates[old].party if old in candidates else _party(old, columns)
    reason = rules.adoption_refusal(_party_of(descriptor, state), party)
    return f"`previous_class_paths` is not followed: {reason}" if reason else ""


# What is proposed


def _proposals(
    discovery: Discovery,
    state: RegistryState,
    planned: Mapping[JobKey, Mapping[str, Any]],
    candidates: Mapping[JobKey, _Candidate],
) -> Iterator[Proposal]:
    by_trait: dict[tuple[str, ...], list[_Candidate]] = {}
    for candidate in candidates.values():
        for trait in _traits(candidate.key, candidate.source_hash, candidate.said_name):
            by_trait.setdefault(trait, []).append(candidate)
    seen = set()
    for claimant in _claimants(discovery, state, planned, candidates):
        key = claimant.key
        seen.add(key)
        past = state.pasts.get(key)
        best, grounds = _best(claimant, state, by_trait)
        if (best, grounds) != (past.proposal if past else (None, "")):
            yield Proposal(key, best, grounds, past.predecessor if past else None)
    for key, past in state.pasts.items():
        if past.has_proposal and key not in seen and key in state.jobs:
            columns = planned.get(key) or state.jobs[key].columns
            if past.predecessor not in candidates or not columns["installed"]:
                yield Proposal(key, None, "", past.predecessor)


def _claimants(
    discovery: Discovery,
    state: RegistryState,
    planned: Mapping[JobKey, Mapping[str, Any]],
    candidates: Mapping[JobKey, _Candidate],
) -> Iterator[_Claimant]:
    """Yield the jobs that may have been one of the candidates, or are said to.

    Of a source that was not read the records tell, as they did when it was: the next reconcile finds the same.
    """
    classes, modules = {key[1] for key in candidates}, {key[0] for key in candidates}

    def is_asked(key: JobKey) -> bool:
        past = state.pasts.get(key)
        return key[1] in classes or key[0] in modules or bool(past and past.has_proposal)

    for descriptor in discovery.descriptors:
        if descriptor.is_runnable and is_asked(descriptor.key):
            name = shorten("name", descriptor.metadata["name"])
            party = _party_of(descriptor, state)
            yield _Claimant(descriptor.key, party.kind, descriptor.source_hash, name)
    read = {descriptor.key for descriptor in discovery.descriptors}
    for key, record in state.jobs.items() if discovery.scope else ():
        if record.source != discovery.scope and is_asked(key) and key not in read and key not in planned:
            columns = record.columns
            past = state.pasts.get(key)
            said_name = (past.said_name if past else None) if columns["name_override"] else columns["name"]
            if columns["installed"]:
                yield _Claimant(key, _party(key, columns).kind, record.source_hash, said_name)


def _traits(key: JobKey, source_hash: str, name: str | None) -> tuple[tuple[str, ...], ...]:
    """Return what two jobs that are one have in common: the first that they share is the best ground."""
    module, class_name = key
    # A name that only repeats the class says nothing of its own about a class in the same module.
    by_text = ((SAME_TEXT, class_name, source_hash),) if source_hash not in ("", NO_SOURCE) else ()
    by_name = ((SAME_CLASS, class_name, name), (SAME_MODULE, module, name)) if name else ()
    return (*by_text, *by_name)


def _best(
    claimant: _Claimant, state: RegistryState, by_trait: Mapping[tuple[str, ...], list[_Candidate]]
) -> tuple[JobKey | None, str]:
    """Return the best of the candidates: on the best ground, the last to go, the first by class path."""
    past = state.pasts.get(claimant.key)
    for trait in _traits(claimant.key, claimant.source_hash, claimant.name):
        fit = [
            candidate
            for candidate in by_trait.get(trait, ())
            if candidate.party.kind == claimant.kind
            and candidate.key != claimant.key
            and _is_new(claimant.key, state, candidate)
            and (past is None or candidate.party.class_path not in past.dismissed)
            and not _was_passed_over(candidate, past)
        ]
        if fit:
            return min(fit, key=_preference).key, trait[0]
    return None, ""


def _is_new(key: JobKey, state: RegistryState, candidate: _Candidate) -> bool:
    """Say whether a job was new when the candidate went: one that goes in this very plan goes now."""
    record = state.jobs.get(key)
    return record is None or record.created >= (candidate.gone or state.read_at) - WINDOW


def _was_passed_over(candidate: _Candidate, past: Past | None) -> bool:
    """Say whether a job took over the past of another one when the candidate was gone already: that was chosen then."""
    if past is None or past.adopted is None or candidate.gone is None:
        return False
    return candidate.gone <= past.adopted


def _preference(candidate: _Candidate) -> tuple[bool, float, JobKey]:
    gone = candidate.gone
    return gone is not None, -gone.timestamp() if gone else 0.0, candidate.key
