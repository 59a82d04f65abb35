"""Overrides that come to their end: what a record says from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nautobot_job_registry.engine.adoption import Decisions
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.engine.records import JobRecord


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
