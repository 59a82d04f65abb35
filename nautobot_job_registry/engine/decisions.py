"""What an operator decided, on both sides, and what a record is going to say by it (rules 13 and 16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.agreement import Agreement, Decisions, SideEvent, settle
from nautobot_job_registry.engine.descriptor import JobDescriptor
from nautobot_job_registry.engine.fields import CORE_NAME_MAX_LENGTH, OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, override_flag
from nautobot_job_registry.engine.overrides import with_default_queue
from nautobot_job_registry.engine.records import CoreState, JobKey, JobRecord


@dataclass
class Draft:
    """One record in the making.

    Attributes:
        key: Module and class name.
        record: What the registry holds, or None where the job is new to it.
        columns: What every column is going to be.
        descriptor: What the source says, or None where it says nothing.
        core: What core's row says, where it tells anything new.
        collisions: The fields that are overridden because core cannot store what the source says.
        settles_installed: Whether core's row is to say, as the record does, whether the class is there.
    """

    key: JobKey
    record: JobRecord | None
    columns: dict[str, Any]
    descriptor: JobDescriptor | None = None
    core: CoreState | None = None
    collisions: set[str] = field(default_factory=set)
    settles_installed: bool = True

    @property
    def core_id(self) -> UUID | None:
        """The primary key of core's row, if there is one."""
        if self.core is not None:
            return self.core.id
        return self.record.core_job if self.record is not None else None

    @property
    def makes_core_row(self) -> bool:
        """Whether core has no row of a job that it can run, and could have one (rule 3)."""
        descriptor = self.descriptor
        return self.core_id is None and descriptor is not None and descriptor.is_runnable and is_storable(descriptor)

    @property
    def has_core_row(self) -> bool:
        """Whether core has a row of the job when the plan has been carried out."""
        return self.core_id is not None or self.makes_core_row

    def follow(self, name: str, value: Any) -> None:
        """Let a field say what the source says."""
        self.columns[name], self.columns[override_flag(name)] = value, False
        self.collisions.discard(name)

    def collide(self, name: str, value: Any) -> None:
        """Override a field, as core cannot store what the source says."""
        self.columns[name], self.columns[override_flag(name)] = value, True
        self.collisions.add(name)


def is_storable(descriptor: JobDescriptor) -> bool:
    """Say whether core can have a row of a class: its names are short enough, and it is not of two kinds at once."""
    metadata: Mapping[str, Any] = descriptor.metadata
    names = (descriptor.module_name, descriptor.job_class_name)
    both = metadata["is_job_hook_receiver"] and metadata["is_job_button_receiver"]
    return not both and all(len(name) <= CORE_NAME_MAX_LENGTH for name in names)


def decisions_of(columns: Mapping[str, Any]) -> Decisions:
    """Return what is decided in the columns of a record, queues by name."""
    values = {name: columns[name] for name in OVERRIDABLE_FIELDS if columns[override_flag(name)]}
    if values.get("default_job_queue", "") is None:
        # The queue was deleted, and the decision with it.
        del values["default_job_queue"]
    return Decisions(columns["enabled"], values)


def decisions_of_record(record: JobRecord) -> Decisions:
    """Return what the registry's own record holds."""
    return decisions_of(record.columns)


def merged_decisions(record: JobRecord | None, core: CoreState | None) -> Decisions:
    """Return the record's decisions, with those added that changed in core since the record last saw it.

    A job that the registry does not know yet takes over all that core says. Core's row made anew tells
    nothing about what a person wants, so that the record's decisions stay.

    Args:
        record: What the registry holds, or None where the job is new to it.
        core: What core holds, or None where it has no row, or one that says what the record knows already.
    """
    if record is None:
        if core is None:
            return Decisions(enabled=False, values={})
        return core.decisions
    if core is None or not core.known:
        return decisions_of_record(record)
    known = Agreement.of(core.known)
    ours = decisions_of_record(record)
    return settle(ours, known, core.decisions, SideEvent.RECONCILED, decided=core.decided).decisions


def without_ended(decisions: Decisions, record: JobRecord | None) -> Decisions:
    """Return what was decided about a job, without the overrides whose end has come.

    Args:
        decisions: What was decided in the registry and in core.
        record: What the registry holds; None where the job is new to it.
    """
    if record is None or not record.ended:
        return decisions
    values = {name: value for name, value in decisions.values.items() if name not in record.ended}
    return Decisions(enabled=decisions.enabled, values=values)


def reverted_values(record: JobRecord) -> dict[str, Any]:
    """Return what the fields say from then on whose override has ended, where the class is not asked.

    It is what the current revision says; where none is known, the value stays (rule 13).
    """
    return {name: value for name, value in record.ended.items() if value is not None}


def ended_fields(record: JobRecord, columns: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a record whose override ends with the new value of its columns."""
    return tuple(
        name
        for name in OVERRIDABLE_FIELDS
        if name in record.ended and record.columns[override_flag(name)] and not columns[override_flag(name)]
    )


SHARED_COLUMNS: Final = (*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled")
# What core has too, and nobody decides: core's row says what the record says, where that is known.
INSTALLED: Final = "installed"


def include_default_queue(columns: dict[str, Any]) -> None:
    """Have the default queue among the queues of a job, as core has."""
    columns["job_queues"] = with_default_queue(columns["job_queues"], columns["default_job_queue"])


def core_columns(draft: Draft) -> dict[str, Any]:
    """Return what is to be written to core's row: the columns that it has otherwise, with their new values.

    Where core tells nothing new its row says what the record says. A row that is to be made gets all of them.

    Args:
        draft: The record as it is going to be.
    """
    if draft.makes_core_row:
        return {name: draft.columns[name] for name in SHARED_COLUMNS}
    if draft.core_id is None:
        return {}
    present = core_values(draft.core) if draft.core else draft.record.columns if draft.record else {}
    names = (*SHARED_COLUMNS, INSTALLED) if draft.settles_installed else SHARED_COLUMNS
    changed = {name: draft.columns[name] for name in names if draft.columns[name] != present[name]}
    if changed.get("default_job_queue", "") is None:
        # A queue that was deleted here is still core's, where it cannot be without one.
        del changed["default_job_queue"]
    return changed


def core_values(core: CoreState) -> Mapping[str, Any]:
    """Return the columns of core's row that the registry shares with it."""
    flags = {override_flag(name): name in core.overridden for name in OVERRIDABLE_FIELDS}
    return {**core.values, **flags, "enabled": core.enabled, INSTALLED: core.installed}


def remember_core(draft: Draft) -> None:
    """Have the record remember what core's row says once the plan is carried out: the same as the record."""
    if not draft.has_core_row:
        return
    core, columns = draft.core, draft.columns
    decisions = decisions_of(columns)
    if core is None and not draft.makes_core_row:
        # What core's row said before is what the record says until now.
        if draft.record is not None and decisions_of_record(draft.record) != decisions:
            columns["core_decisions"] = Agreement(decisions_of_record(draft.record), {}).renewed(decisions).as_json()
        return
    if core is None or core.known is None:
        columns["core_decisions"] = decisions.as_json()
        if core is not None:
            columns["core_job"] = core.id
        return
    memory = Agreement.of(core.known).renewed(decisions, core.decisions).as_json()
    if core.known != memory:
        columns["core_decisions"] = memory
