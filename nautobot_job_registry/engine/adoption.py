"""What an operator decided, merged from the registry and from core (rule 16)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nautobot_job_registry.engine.records import CoreState, JobRecord


@dataclass(frozen=True)
class Decisions:
    """What an operator decided about one job.

    Attributes:
        enabled: Whether the job may be run.
        values: The value of each field that is overridden.
    """

    enabled: bool
    values: Mapping[str, Any]


def decisions_of_record(record: JobRecord) -> Decisions:
    """Return what the registry's own record holds."""
    values = {name: record.columns[name] for name in record.overridden}
    return Decisions(enabled=record.columns["enabled"], values=values)


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
        return Decisions(enabled=core.enabled, values={name: core.values[name] for name in core.overridden})
    if core is None or not core.known:
        return decisions_of_record(record)
    return merge(decisions_of_record(record), core.known, core)


def changed_overrides(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields whose override was made, changed or cleared, in alphabetical order.

    Args:
        before: The value of each overridden field as it was.
        after: The same as it is now.
    """
    fields = sorted(before.keys() | after.keys())
    return tuple(
        field for field in fields if (field in before, before.get(field)) != (field in after, after.get(field))
    )


def merge(ours: Decisions, known: Mapping[str, Any], core: CoreState, *, ours_first: Collection[str] = ()) -> Decisions:
    """Return our decisions, with those of core's that have changed since they were last known.

    Args:
        ours: What the registry holds.
        known: What the registry remembers of core's row.
        core: What core's row says now.
        ours_first: The fields, and `enabled`, in which our decision stays whatever core says.
    """
    now = core.decisions
    values = dict(ours.values)
    for name in changed_overrides(known["overrides"], now["overrides"]):
        if name in ours_first:
            continue
        values.pop(name, None)
        if name in now["overrides"]:
            values[name] = core.values[name]
    core_decides = now["enabled"] != known["enabled"] and "enabled" not in ours_first
    return Decisions(enabled=now["enabled"] if core_decides else ours.enabled, values=values)
