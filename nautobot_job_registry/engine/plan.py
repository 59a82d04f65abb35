"""Descriptors and records in, an ordered plan of frozen actions out (rules 3 and 5 to 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.adoption import merged_decisions
from nautobot_job_registry.engine.descriptor import (
    Absence,
    Discovery,
    JobDescriptor,
    ScanStatus,
    Source,
    SourceScan,
)
from nautobot_job_registry.engine.fields import FLAG_FIELDS, OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag, shorten
from nautobot_job_registry.engine.load_errors import ErrorAction, ErrorActionKind, error_actions
from nautobot_job_registry.engine.overrides import column_values
from nautobot_job_registry.engine.records import CoreState, JobKey, JobRecord, RegistryState

# Columns that say where the registry stands, not what the job is: no change log entry is made for them alone.
BOOKKEEPING: Final = frozenset({"source_version", "git_repository", "core_job", "core_decisions"})
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
    """

    kind: ActionKind
    key: JobKey
    record_id: UUID | None
    changes: tuple[FieldChange, ...]
    columns: Mapping[str, Any] = field(repr=False)
    descriptor: JobDescriptor | None = field(default=None, repr=False)
    revision: int | None = None

    @property
    def class_path(self) -> str:
        """The dotted path of the class, as the record holds it."""
        return ".".join(self.key)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return self.record_id is not None and not self.changes

    @property
    def is_logged(self) -> bool:
        """Whether the change belongs in the change log (rule 9)."""
        return self.kind is not ActionKind.REFRESH


@dataclass(frozen=True)
class Plan:
    """All that a reconcile is going to do, and how much it leaves alone.

    Attributes:
        jobs: What is done to records, ordered by class path.
        errors: What is done to load errors, in a fixed order.
        unchanged: How many records in scope stay as they are.
        is_first: Whether the registry is empty, so that nothing has changed yet (rule 9).
    """

    jobs: tuple[JobAction, ...] = ()
    errors: tuple[ErrorAction, ...] = ()
    unchanged: int = 0
    is_first: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.jobs and not self.errors

    def counts(self) -> dict[str, int]:
        """Return how many records and load errors each kind of action concerns."""
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
        }


def make_plan(discovery: Discovery, state: RegistryState) -> Plan:
    """Compare what the sources say with what the database holds.

    Args:
        discovery: What the sources in scope said.
        state: What the database holds.

    Returns:
        The plan. It is the same for the same arguments, and empty once it has been applied (rule 5).
    """
    actions = list(_job_actions(discovery, state))
    jobs = sorted((action for action in actions if action and not action.is_idle), key=lambda action: action.key)
    return Plan(
        jobs=tuple(jobs),
        errors=tuple(error_actions(discovery, state.errors)),
        unchanged=len(actions) - len(jobs),
        is_first=not state.jobs,
    )


def _job_actions(discovery: Discovery, state: RegistryState) -> Iterator[JobAction | None]:
    """Yield what is to be done to each record in scope, and None for each that stays as it is."""
    seen: set[JobKey] = set()
    for scan in discovery.scans:
        provenance = _provenance(scan)
        for descriptor in scan.descriptors:
            key = descriptor.key
            seen.add(key)
            record, core = state.jobs.get(key), state.core.get(key)
            if record and core is None and _is_known(record, descriptor, tuple(provenance.values())):
                yield None
            else:
                columns = _installed_columns(_source_columns(descriptor, provenance), record, core)
                yield _action(key, record, columns, descriptor)
    for key, record in state.jobs.items():
        if key not in seen and discovery.scope in (None, record.source):
            yield _action(key, record, _absent_columns(discovery, record, state.core.get(key)), None)
    for key, origin in discovery.origins.items():
        if key not in seen:
            yield _action(key, None, _orphan_columns(discovery, origin, state.core[key]), None)


def _provenance(scan: SourceScan) -> dict[str, Any]:
    """Return the value of each of `PROVENANCE_FIELDS`, in their order, of a job that the scan has found."""
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
    return {**provenance, **{name: metadata[name] for name in FLAG_FIELDS}, **column_values(metadata)}


def _is_known(record: JobRecord, descriptor: JobDescriptor, provenance: tuple[Any, ...]) -> bool:
    """Say whether a record about which core tells nothing new certainly says all of this already.

    It is the short way for nearly all records of nearly all reconciles. One with an override, or with a text that was
    shortened, goes the long way, and is found to have nothing to do there.
    """
    metadata = descriptor.metadata
    said = (tuple(sorted(metadata["job_queues"])), *provenance, *_said_values(metadata))
    hashes = (record.metadata_hash, record.source_hash)
    known = record.source_values == said and not record.has_overrides
    return known and hashes == (descriptor.metadata_hash, descriptor.source_hash)


def _installed_columns(values: Mapping[str, Any], record: JobRecord | None, core: CoreState | None) -> dict[str, Any]:
    """Return the columns of a job whose class is there: what the source says, and over it what was decided."""
    return {**values, **_decided_columns(record, core)}


def _decided_columns(record: JobRecord | None, core: CoreState | None) -> dict[str, Any]:
    """Return the value of each overridden field, all flags, and what else a person decides."""
    decisions = merged_decisions(record, core)
    return {
        **decisions.values,
        **{override_flag(name): name in decisions.values for name in OVERRIDABLE_FIELDS},
        "enabled": decisions.enabled,
        **_remembered(core),
    }


def _remembered(core: CoreState | None) -> dict[str, Any]:
    """Return what a record is to remember of core's row, as far as it does not know it yet."""
    if core is None or core.known == core.decisions:
        return {}
    return (
        {"core_decisions": core.decisions}
        if core.known is not None
        else {
            "core_job": core.id,
            "core_decisions": core.decisions,
        }
    )


def _absent_columns(discovery: Discovery, record: JobRecord, core: CoreState | None) -> dict[str, Any]:
    """Return the columns of a record whose class is not there: all as it was, but for the absence."""
    absence = _absence(discovery, record.source, record.key, record.columns["absence"])
    return {**record.columns, **_decided_columns(record, core), "installed": False, "absence": absence}


def _orphan_columns(discovery: Discovery, origin: Source, core: CoreState) -> dict[str, Any]:
    """Return the columns of a job that core knows, that the registry does not, and whose class is not there."""
    scan = discovery.by_source.get(origin)
    return {
        "source_type": origin.type.value,
        "source_name": shorten("source_name", origin.name),
        "source_version": "",
        "git_repository": scan.git_repository_id if scan else None,
        "installed": False,
        "absence": _absence(discovery, origin, core.key, ""),
        **core.flags,
        **core.values,
        **_decided_columns(None, core),
    }


def _absence(discovery: Discovery, source: Source, key: JobKey, known: str) -> str:
    """Say why a class is not there; a removal that was confirmed once stays one (rule 3)."""
    if key in discovery.failed_classes:
        return Absence.LOAD_ERROR.value
    scan = discovery.by_source.get(source)
    if scan is None or scan.status is ScanStatus.COMPLETE or known == Absence.REMOVED.value:
        return Absence.REMOVED.value
    if scan.status is ScanStatus.UNAVAILABLE:
        return Absence.SOURCE_UNAVAILABLE.value
    return Absence.LOAD_ERROR.value


def _action(
    key: JobKey, record: JobRecord | None, columns: Mapping[str, Any], descriptor: JobDescriptor | None
) -> JobAction:
    revision = _next_revision(record, descriptor)
    if record is None:
        return JobAction(ActionKind.REGISTER, key, None, (), columns, descriptor, revision)
    old = record.columns
    changes = [FieldChange(name, old.get(name), value) for name, value in columns.items() if _differs(old, name, value)]
    if revision is not None:
        changes.append(FieldChange("current_revision", record.revision_number or None, revision))
    kind = _kind(columns, {change.field for change in changes})
    return JobAction(kind, key, record.id, tuple(changes), columns, descriptor, revision)


def _differs(old: Mapping[str, Any], name: str, value: Any) -> bool:
    return name not in old or bool(old[name] != value)


def _kind(columns: Mapping[str, Any], changed: set[str]) -> ActionKind:
    if "installed" in changed:
        return ActionKind.RETURN if columns["installed"] else ActionKind.UNINSTALL
    return ActionKind.REFRESH if changed <= BOOKKEEPING else ActionKind.CHANGE


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
