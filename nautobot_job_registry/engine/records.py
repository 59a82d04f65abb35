"""What the database holds, as frozen data that planning can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.agreement import Decisions
from nautobot_job_registry.engine.descriptor import Absence, Source, SourceType
from nautobot_job_registry.engine.fields import (
    OVERRIDABLE_FIELDS,
    OVERRIDE_FLAGS,
    RECORD_COLUMNS,
    SOURCE_COLUMNS,
    override_flag,
)

JobKey = tuple[str, str]

# When a job was registered of which that is not known.
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Where the values of a record are that are asked for again and again.
_ABSENCE: Final = RECORD_COLUMNS.index("absence")
_SOURCE: Final = slice(len(SOURCE_COLUMNS))
_FLAGS: Final = slice(len(SOURCE_COLUMNS), len(SOURCE_COLUMNS) + len(OVERRIDE_FLAGS))


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
        known: What the record that points at the row remembers of its decisions; None where no record of this job does.
        held_by: The job whose record points at the row, where that is another one: somebody moved the row.
        decided: The fields of which it is known that somebody decided them in core, whatever the row said before.
        installed: Whether core says that the class is there.
    """

    id: UUID
    key: JobKey
    enabled: bool
    values: Mapping[str, Any]
    overridden: frozenset[str]
    flags: Mapping[str, bool]
    known: Mapping[str, Any] | None = None
    held_by: JobKey | None = None
    decided: frozenset[str] = frozenset()
    installed: bool = True

    @cached_property
    def decisions(self) -> Decisions:
        """What is decided in core's row."""
        return Decisions(self.enabled, {name: self.values[name] for name in self.overridden})


@dataclass(frozen=True)
class JobRecord:
    """What the registry holds about one job.

    Attributes:
        id_text: The primary key of the record, as text: keys are made of thousands only where one is asked for.
        key: Module and class name.
        values: The value of each of `RECORD_COLUMNS`; queues by name.
        revision_number: The number of the current revision, or 0.
        metadata_hash: The hash of the current revision's metadata, or empty.
        source_hash: The hash of the current revision's source text, or empty.
        core_job_text: The primary key of core's own row, as text, or None where there is none.
        ended: What the current revision says about each field whose override has come to its end; None where it says
            nothing about it.
        created: When the job was registered.
        has_lost_core_job: Whether it points at a row of core's that is another job's now, and so at none.
    """

    id_text: str
    key: JobKey
    values: tuple[Any, ...]
    revision_number: int = 0
    metadata_hash: str = ""
    source_hash: str = ""
    core_job_text: str | None = None
    ended: Mapping[str, Any | None] = field(default_factory=dict)
    created: datetime = LONG_AGO
    has_lost_core_job: bool = False

    @cached_property
    def id(self) -> UUID:
        """The primary key of the record."""
        return UUID(self.id_text)

    @cached_property
    def core_job(self) -> UUID | None:
        """The primary key of core's own row, or None where there is none."""
        return UUID(self.core_job_text) if self.core_job_text else None

    @cached_property
    def columns(self) -> dict[str, Any]:
        """Every column that a reconcile may write, by its name."""
        return dict(zip(RECORD_COLUMNS, self.values, strict=True))

    @property
    def source_values(self) -> tuple[Any, ...]:
        """The value of each of `SOURCE_COLUMNS`."""
        return self.values[_SOURCE]

    @property
    def has_overrides(self) -> bool:
        """Whether any field is overridden."""
        return True in self.values[_FLAGS]

    @property
    def overridden(self) -> tuple[str, ...]:
        """The fields whose override flag is set."""
        return tuple(field for field in OVERRIDABLE_FIELDS if self.columns[override_flag(field)])

    @property
    def is_removed(self) -> bool:
        """Whether the class was removed from its source."""
        return bool(self.values[_ABSENCE] == Absence.REMOVED.value)

    @property
    def source(self) -> Source:
        """Where the job comes from."""
        return Source(SourceType(self.columns["source_type"]), self.columns["source_name"])


@dataclass(frozen=True)
class Past:
    """What has to be known of a record to find out which job it has been before, or which one it has become.

    Attributes:
        gone: When it was found to be gone.
        said_name: The name that its source says, where that is overridden.
        predecessor: Module and class name of the job that it is proposed to have been.
        grounds: Why that is proposed.
        dismissed: The class paths that a person said it has not been.
        adopted: When it last took over the past of another job.
    """

    gone: datetime | None = None
    said_name: str | None = None
    predecessor: JobKey | None = None
    grounds: str = ""
    dismissed: frozenset[str] = frozenset()
    adopted: datetime | None = None

    @property
    def proposal(self) -> tuple[JobKey | None, str]:
        """What is proposed, and why."""
        return self.predecessor, self.grounds

    @property
    def has_proposal(self) -> bool:
        """Whether anything is proposed, or was until its record was deleted."""
        return self.predecessor is not None or bool(self.grounds)


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
        core: Those of core's rows that tell anything new: no record points at them, or they say something else than
            the record that does. By the same key.
        errors: The load errors that are open, by their key.
        collisions: What the source says of the fields that are overridden because core could not store it, by field;
            by the key of their job.
        said: What the current revision says, of jobs in which core has cleared an override, or that of the default
            queue has come to its end.
        pasts: What those records tell about moves that have anything to tell: removed ones, those with a proposal, and
            some more.
        read_at: When all of this was read.
    """

    jobs: Mapping[JobKey, JobRecord] = field(default_factory=dict)
    core: Mapping[JobKey, CoreState] = field(default_factory=dict)
    errors: Mapping[tuple[str, str, str, str], ErrorRecord] = field(default_factory=dict)
    collisions: Mapping[JobKey, Mapping[str, Any]] = field(default_factory=dict)
    said: Mapping[JobKey, Mapping[str, Any]] = field(default_factory=dict)
    pasts: Mapping[JobKey, Past] = field(default_factory=dict)
    read_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def unregistered(self) -> list[JobKey]:
        """The jobs that core knows and the registry does not."""
        return [key for key in self.core if key not in self.jobs]
