"""What a record is going to say, while it is still being decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nautobot_job_registry.engine.descriptor import JobDescriptor
from nautobot_job_registry.engine.fields import CORE_NAME_MAX_LENGTH, override_flag
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
    """

    key: JobKey
    record: JobRecord | None
    columns: dict[str, Any]
    descriptor: JobDescriptor | None = None
    core: CoreState | None = None
    collisions: set[str] = field(default_factory=set)

    @property
    def core_id(self) -> UUID | None:
        """The primary key of core's row, if there is one."""
        if self.core is not None:
            return self.core.id
        return self.record.core_job if self.record is not None else None

    @property
    def makes_core_row(self) -> bool:
        """Whether core has no row of an installed job and could have one."""
        return self.core_id is None and self.descriptor is not None and is_storable(self.descriptor)

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
