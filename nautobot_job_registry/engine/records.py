"""What the database holds, as frozen data that planning can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.engine.fields import (
    OVERRIDABLE_FIELDS,
    OVERRIDE_FLAGS,
    RECORD_COLUMNS,
    SOURCE_COLUMNS,
    override_flag,
)

JobKey = tuple[str, str]


def undecided(enabled: bool) -> dict[str, Any]:
    """Return what a record remembers of a row of core's in which nothing is overridden."""
    return {"enabled": enabled, "overrides": {}}


@dataclass(frozen=True)
class CoreState:
    """What core's own row says about one job: what an operator decided there, and what it inherits.

    Attributes:
        id: The primary key of core's row.
        key: Module and class name.
        enabled: Whether core may run the job.
        values: The value of each overridable field, queues by name.
        overridden: The fields that core has flagged as overridden.
        flags: Receiver kinds, read-only and dry-run support.
        known: What the record that points at the row remembers of its decisions; None where no record points at it.
    """

    id: UUID
    key: JobKey
    enabled: bool
    values: Mapping[str, Any]
    overridden: frozenset[str]
    flags: Mapping[str, bool]
    known: Mapping[str, Any] | None = None

    @cached_property
    def decisions(self) -> dict[str, Any]:
        """What a person decided in core, in the form that a record remembers it."""
        overrides = {name: self.values[name] for name in sorted(self.overridden)}
        if "job_queues" in overrides:
            overrides["job_queues"] = list(overrides["job_queues"])
        return {**undecided(self.enabled), "overrides": overrides}


@dataclass(frozen=True)
class JobRecord:
    """What the registry holds about one job.

    Attributes:
        id: The primary key of the record.
        key: Module and class name.
        values: The value of each of `RECORD_COLUMNS`; queues by name.
        revision_number: The number of the current revision, or 0.
        metadata_hash: The hash of the current revision's metadata, or empty.
        source_hash: The hash of the current revision's source text, or empty.
    """

    id: UUID
    key: JobKey
    values: tuple[Any, ...]
    revision_number: int = 0
    metadata_hash: str = ""
    source_hash: str = ""

    @cached_property
    def columns(self) -> dict[str, Any]:
        """Every column that a reconcile may write, by its name."""
        return dict(zip(RECORD_COLUMNS, self.values, strict=True))

    @property
    def source_values(self) -> tuple[Any, ...]:
        """The value of each of `SOURCE_COLUMNS`."""
        return self.values[: len(SOURCE_COLUMNS)]

    @property
    def has_overrides(self) -> bool:
        """Whether any field is overridden."""
        return any(self.values[len(SOURCE_COLUMNS) : len(SOURCE_COLUMNS) + len(OVERRIDE_FLAGS)])

    @property
    def overridden(self) -> tuple[str, ...]:
        """The fields whose override flag is set."""
        return tuple(field for field in OVERRIDABLE_FIELDS if self.columns[override_flag(field)])

    @property
    def source(self) -> Source:
        """Where the job comes from."""
        return Source(SourceType(self.columns["source_type"]), self.columns["source_name"])


@dataclass(frozen=True)
class ErrorRecord:
    """A load error that is not resolved yet; its attributes are those of a `LoadFailure`."""

    id: UUID
    key: tuple[str, str, str, str]
    source_version: str
    file_path: str
    line: int | None
    exception_type: str
    message: str
    effective_version: str = ""


@dataclass(frozen=True)
class RegistryState:
    """All that planning needs to know about the database.

    Attributes:
        jobs: The records, by their key.
        core: Those of core's rows that tell anything new: no record points at them, or they say something else about
            what a person decided than the record that does. By the same key.
        errors: The load errors that are open, by their key.
    """

    jobs: Mapping[JobKey, JobRecord] = field(default_factory=dict)
    core: Mapping[JobKey, CoreState] = field(default_factory=dict)
    errors: Mapping[tuple[str, str, str, str], ErrorRecord] = field(default_factory=dict)

    @property
    def unregistered(self) -> list[JobKey]:
        """The jobs that core knows and the registry does not."""
        return [key for key in self.core if key not in self.jobs]
