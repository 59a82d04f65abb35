"""What core's own row is to say, so that what is decided in the registry is what core runs (rule 16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nautobot_job_registry.engine.drafts import Draft
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, override_flag
from nautobot_job_registry.engine.records import CoreState, decisions_json

SHARED_COLUMNS: Final = (*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled")


def include_default_queue(columns: dict[str, Any]) -> None:
    """Have the default queue among the queues of a job, as core has."""
    default = columns["default_job_queue"]
    if default and default not in columns["job_queues"]:
        columns["job_queues"] = tuple(sorted({*columns["job_queues"], default}))


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
    changed = {name: draft.columns[name] for name in SHARED_COLUMNS if draft.columns[name] != present[name]}
    if changed.get("default_job_queue", "") is None:
        # A queue that was deleted here is still core's, where it cannot be without one.
        del changed["default_job_queue"]
    return changed


def core_values(core: CoreState) -> Mapping[str, Any]:
    """Return the columns of core's row that the registry shares with it."""
    flags = {override_flag(name): name in core.overridden for name in OVERRIDABLE_FIELDS}
    return {**core.values, **flags, "enabled": core.enabled}


def remember_core(draft: Draft) -> None:
    """Have the record remember what core's row says once the plan is carried out: the same as the record."""
    if not draft.has_core_row:
        return
    core, columns = draft.core, draft.columns
    decisions = decisions_json(columns)
    if core is None and not draft.makes_core_row:
        if draft.record is not None and decisions_json(draft.record.columns) != decisions:
            columns["core_decisions"] = decisions
        return
    if core is not None and core.known is None:
        columns["core_job"] = core.id
    if core is None or core.known != decisions:
        columns["core_decisions"] = decisions
