"""Descriptors and records in, an ordered plan of frozen actions out (rules 3 and 5 to 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.absence import absence, is_left_alone
from nautobot_job_registry.engine.decisions import (
    Draft,
    core_columns,
    core_values,
    ended_fields,
    include_default_queue,
    merged_decisions,
    remember_core,
    reverted_values,
    without_ended,
)
from nautobot_job_registry.engine.descriptor import Absence, Discovery, JobDescriptor, Source, SourceScan, SourceType
from nautobot_job_registry.engine.fields import (
    FLAG_FIELDS,
    OVERRIDABLE_FIELDS,
    OVERRIDE_FLAGS,
    VALUE_FIELDS,
    override_flag,
    shorten,
)
from nautobot_job_registry.engine.names import resolve_collisions
from nautobot_job_registry.engine.overrides import (
    Overridden,
    SourceChange,
    changes_beneath,
    column_values,
    restored_values,
)
from nautobot_job_registry.engine.records import CoreState, JobKey, JobRecord, RegistryState

# Columns that say where the registry stands, not what the job is: no change log entry is made for them alone.
BOOKKEEPING: Final = frozenset({"source_version", "git_repository", "registered_in", "core_job", "core_decisions"})
# Before the name of a field of core's own row, in what a plan tells.
CORE_PREFIX: Final = "core_job."
# The values of `SOURCE_COLUMNS` that metadata hold as they are, in their order.
_said_values: Final = itemgetter(*FLAG_FIELDS, *VALUE_FIELDS, "default_job_queue")


class ActionKind(str, Enum):
    """What a reconcile does to the record of one job."""

    REGISTER = "register"
    RETURN = "return"
    CHANGE = "change"
    UNINSTALL = "uninstall"
    REFRESH = "refresh"


@dataclass(frozen=True)
class FieldChange:
    """One field of one record, before and after."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class JobAction:
    """What is to be done to one record.

    Attributes:
        kind: What it amounts to.
        key: Module and class name.
        record_id: The record's primary key, or None where it is to be made.
        changes: The fields that change, in a fixed order; none where the record is to be made.
        columns: The new value of every column that is to be written.
        descriptor: What the source says now, or None where it says nothing.
        revision: The number of the revision to be made, or None where none is.
        core_id: The primary key of core's own row, or None where there is none.
        core_columns: What is to be written to that row, or what it is to be made of.
        makes_core_row: Whether core has no row of the job and gets one.
        collisions: The fields that are overridden only because core cannot store what the source says.
        ended: The fields whose override ends.
        lets_go_of_core: Whether the record points at a row of core's that is another job's now.
        beneath: What changes in the source beneath overrides that stay.
    """

    kind: ActionKind
    key: JobKey
    record_id: UUID | None
    changes: tuple[FieldChange, ...]
    columns: Mapping[str, Any] = field(repr=False)
    descriptor: JobDescriptor | None = field(default=None, repr=False)
    revision: int | None = None
    core_id: UUID | None = None
    core_columns: Mapping[str, Any] = field(default_factory=dict, repr=False)
    makes_core_row: bool = False
    collisions: frozenset[str] = frozenset()
    ended: tuple[str, ...] = ()
    lets_go_of_core: bool = False
    beneath: tuple[SourceChange, ...] = ()

    @property
    def class_path(self) -> str:
        """The dotted path of the class, as the record holds it."""
        return ".".join(self.key)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return self.record_id is not None and not self.changes

    @property
    def staying_overrides(self) -> tuple[str, ...]:
        """The fields whose override was there and stays as it is, though the source says something new of the job."""
        if self.record_id is None or self.revision is None:
            return ()
        changed = {change.field for change in self.changes} | self.collisions
        flags = zip(OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, strict=True)
        return tuple(name for name, flag in flags if self.columns[flag] and changed.isdisjoint({name, flag}))

    def over(self, known: Mapping[str, Overridden]) -> JobAction:
        """Return the same with what changes in the source beneath its overrides.

        Args:
            known: What is known of the source of its overridden fields.
        """
        values = {name: self.columns[name] for name in self.staying_overrides}
        beneath = tuple(changes_beneath(values, known, self.descriptor.metadata if self.descriptor else {}))
        return replace(self, beneath=beneath)

    def numbered(self, number: int) -> JobAction:
        """Return the same with another number for the revision that is to be made."""
        changes = tuple(
            replace(change, new=number) if change.field == "current_revision" else change for change in self.changes
        )
        return replace(self, revision=number, changes=changes)

    @property
    def is_pointed_at_core_again(self) -> bool:
        """Whether a record that was there gets another row of core's."""
        return self.kind is not ActionKind.REGISTER and any(change.field == "core_job" for change in self.changes)

    @property
    def is_logged(self) -> bool:
        """Whether the change belongs in the change log (rule 9)."""
        return self.kind is not ActionKind.REFRESH


def job_actions(discovery: Discovery, state: RegistryState) -> tuple[tuple[JobAction, ...], int]:
    """Compare what the sources say of jobs with what the database holds.

    Args:
        discovery: What the sources in scope said.
        state: What the database holds.

    Returns:
        What is done to records, ordered by class path, and how many records in scope stay as they are.
    """
    drafts = list(_drafts(discovery, state))
    changing = [draft for draft in drafts if draft is not None]
    found = [_action(draft) for draft in resolve_collisions(changing, state)]
    actions = _in_order(found)
    return actions, len(drafts) - len(changing) + len(found) - len(actions)


def actions_of_records(records: Iterable[JobRecord], state: RegistryState) -> tuple[JobAction, ...]:
    """Return what was decided about jobs whose sources are not asked, ordered by class path.

    Args:
        records: The records of the jobs.
        state: What the database holds.
    """
    drafts = [
        Draft(
            record.key, record, _kept_columns(record, state), core=state.core.get(record.key), settles_installed=False
        )
        for record in records
    ]
    return _in_order(map(_action, resolve_collisions(drafts, state)))


def _in_order(actions: Iterable[JobAction]) -> tuple[JobAction, ...]:
    return tuple(sorted((action for action in actions if not action.is_idle), key=lambda action: action.key))


def _drafts(discovery: Discovery, state: RegistryState) -> Iterator[Draft | None]:
    """Yield what is to be said by each record in scope, and None for each that certainly stays as it is."""
    seen: set[JobKey] = set()
    for scan in discovery.scans:
        provenance = _provenance(scan)
        found_at = tuple(provenance.values())
        for descriptor in scan.descriptors:
            key = descriptor.key
            seen.add(key)
            record, core = state.jobs.get(key), state.core.get(key)
            if record and core is None and _is_known(record, descriptor, found_at):
                yield None
            else:
                columns = {**_source_columns(descriptor, provenance), **_decided_columns(record, core)}
                yield Draft(key, record, columns, descriptor, core)
    for key, record in state.jobs.items():
        if key in seen:
            continue
        if discovery.scope in (None, record.source):
            yield _draft_of_absent(discovery, record, state)
        elif concerns(discovery.scope, record):
            yield Draft(key, record, _kept_columns(record, state), core=state.core.get(key))
    for key, origin in discovery.origins.items():
        if key not in seen and not is_left_alone(discovery, origin, key):
            core = state.core[key]
            yield Draft(key, None, _orphan_columns(discovery, origin, core), None, core)


def concerns(scope: Source | None, record: JobRecord) -> bool:
    """Say whether a reconcile has to look at a record: it is of the source, or core takes it for one by its name.

    In the sync of a repository core says of all jobs whose modules have its name that they are not installed, unless it
    has just loaded them, though another source may register them.

    Args:
        scope: The source that was read; None for all of them.
        record: The record.
    """
    if scope is None or record.source == scope:
        return True
    return scope.type is SourceType.GIT and record.key[0].startswith(f"{scope.name}.")


def _draft_of_absent(discovery: Discovery, record: JobRecord, state: RegistryState) -> Draft:
    """Return what is to be said by a record in scope whose class is not there, as far as this process may tell."""
    key, columns = record.key, _kept_columns(record, state)
    core = state.core.get(key)
    if is_left_alone(discovery, record.source, key):
        return Draft(key, record, columns, core=core, settles_installed=False)
    columns |= {"installed": False, "absence": absence(discovery, record.source, key, record.columns["absence"])}
    # What we could not read Nautobot may have read.
    return Draft(key, record, columns, core=core, settles_installed=key not in discovery.failed_classes)


def _provenance(scan: SourceScan) -> dict[str, Any]:
    """Return those of `PROVENANCE_FIELDS`, in their order, that all jobs have in common which the scan has found."""
    return {
        "source_type": scan.source.type.value,
        "source_name": shorten("source_name", scan.source.name),
        "source_version": shorten("source_version", scan.version),
        "git_repository": scan.git_repository_id,
        "installed": True,
        "absence": "",
    }


def _source_columns(descriptor: JobDescriptor, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each of `SOURCE_COLUMNS`, by name, as the source would have it."""
    metadata = descriptor.metadata
    found = {**provenance, "registered_in": descriptor.registered_in}
    if not descriptor.is_runnable:
        found |= {"installed": False, "absence": Absence.LOAD_ERROR.value}
    return {**found, **{name: metadata[name] for name in FLAG_FIELDS}, **column_values(metadata)}


def _is_known(record: JobRecord, descriptor: JobDescriptor, provenance: tuple[Any, ...]) -> bool:
    """Say whether a record about which core tells nothing new certainly says all of this already.

    It is the short way for nearly all records of nearly all reconciles. One with an override, or with a text that was
    shortened, goes the long way, and is found to have nothing to do there.
    """
    metadata = descriptor.metadata
    queues = tuple(sorted(metadata["job_queues"]))
    return (
        record.metadata_hash == descriptor.metadata_hash
        and record.source_hash == descriptor.source_hash
        and record.core_job_text is not None
        and descriptor.is_runnable
        and not record.has_overrides
        and record.source_values == (queues, *provenance, descriptor.registered_in, *_said_values(metadata))
    )


def _decided_columns(record: JobRecord | None, core: CoreState | None) -> dict[str, Any]:
    """Return the value of each overridden field, all flags, and what else a person decides."""
    decisions = without_ended(merged_decisions(record, core), record)
    return {
        **decisions.values,
        **{override_flag(name): name in decisions.values for name in OVERRIDABLE_FIELDS},
        "enabled": decisions.enabled,
    }


def _restored_columns(record: JobRecord, state: RegistryState) -> dict[str, Any]:
    """Return what a record says, and what its last revision says where that has been read for it."""
    said = state.said.get(record.key)
    return {**record.columns, **restored_values(said, ())} if said is not None else dict(record.columns)


def _kept_columns(record: JobRecord, state: RegistryState) -> dict[str, Any]:
    """Return the columns of a record whose class is not asked: all as it was, with what was decided over it."""
    decided = _decided_columns(record, state.core.get(record.key))
    return {**_restored_columns(record, state), **reverted_values(record), **decided}


def _orphan_columns(discovery: Discovery, origin: Source, core: CoreState) -> dict[str, Any]:
    """Return the columns of a job that core knows, that the registry does not, and whose class is not there."""
    scan = discovery.by_source.get(origin)
    return {
        "source_type": origin.type.value,
        "source_name": shorten("source_name", origin.name),
        "source_version": "",
        "git_repository": scan.git_repository_id if scan else None,
        "installed": False,
        "absence": absence(discovery, origin, core.key),
        "registered_in": "",
        **core.flags,
        **core.values,
        **_decided_columns(None, core),
    }


def _action(draft: Draft) -> JobAction:
    include_default_queue(draft.columns)
    if draft.record is not None and draft.record.has_lost_core_job and draft.core is None:
        draft.columns["core_job"] = None
    remember_core(draft)
    record, columns = draft.record, draft.columns
    revision = _next_revision(record, draft.descriptor)
    kind = ActionKind.REGISTER
    changes: list[FieldChange] = []
    if record is not None:
        changes = list(_changes(draft, record))
        if revision is not None:
            changes.append(FieldChange("current_revision", record.revision_number or None, revision))
        kind = _kind(columns, {change.field for change in changes})
    return JobAction(
        kind=kind,
        key=draft.key,
        record_id=record.id if record else None,
        changes=tuple(changes),
        columns=columns,
        descriptor=draft.descriptor,
        revision=revision,
        core_id=draft.core_id,
        core_columns=core_columns(draft),
        makes_core_row=draft.makes_core_row,
        collisions=frozenset(draft.collisions),
        ended=ended_fields(record, columns) if record else (),
        lets_go_of_core=record is not None and record.has_lost_core_job,
    )


def _changes(draft: Draft, record: JobRecord) -> Iterator[FieldChange]:
    """Yield what changes in a record, and in core's row where that says something else than the record."""
    old = record.columns
    for name, value in draft.columns.items():
        if _differs(old, name, value):
            yield FieldChange(name, old.get(name), value)
    if draft.makes_core_row:
        yield FieldChange("core_job", None, "made anew")
    elif draft.core is not None:
        present = core_values(draft.core)
        for name, value in core_columns(draft).items():
            yield FieldChange(f"{CORE_PREFIX}{name}", present[name], value)


def _differs(old: Mapping[str, Any], name: str, value: Any) -> bool:
    return name not in old or bool(old[name] != value)


def _kind(columns: Mapping[str, Any], changed: set[str]) -> ActionKind:
    if "installed" in changed:
        return ActionKind.RETURN if columns["installed"] else ActionKind.UNINSTALL
    is_ours = {name for name in changed if not name.startswith(CORE_PREFIX)}
    return ActionKind.REFRESH if is_ours <= BOOKKEEPING else ActionKind.CHANGE


def _next_revision(record: JobRecord | None, descriptor: JobDescriptor | None) -> int | None:
    """Return the number of the revision to be made: only where metadata or source text changed (rule 7)."""
    if descriptor is None:
        return None
    if record is None:
        return 1
    known = (record.metadata_hash, record.source_hash)
    if known == (descriptor.metadata_hash, descriptor.source_hash):
        return None
    return record.revision_number + 1
