"""Who may change or delete what Nautobot executes (rule 17)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from nautobot_job_registry import core_bridge
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS
from nautobot_job_registry.models import RegisteredJob

# What a record says that decides what Nautobot executes, and how.
DECISIONS = frozenset((*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled"))


def withheld(user: Any, action: str, jobs: Iterable[RegisteredJob]) -> frozenset[UUID]:
    """Return the primary keys of those records whose core job a user may not change or delete, in one statement.

    Args:
        user: Who asks.
        action: `change` or `delete`.
        jobs: The records; those without a core job are free.
    """
    core_jobs = {job.core_job_id: job.pk for job in jobs if job.core_job_id}
    if not core_jobs or user.is_superuser:
        return frozenset()
    permitted = core_bridge.permitted_jobs(user, action, core_jobs.keys())
    return frozenset(core_jobs[pk] for pk in core_jobs.keys() - permitted)


def withheld_message(action: str, names: Collection[str]) -> str:
    """Say which right is missing, and for what."""
    return (
        f"The permission extras.{action}_job on Nautobot's own job is needed too, to {action} what it executes: "
        f"{', '.join(sorted(names))}."
    )
