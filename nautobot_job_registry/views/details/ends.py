"""Whether anything ends overrides whose time has come, told wherever an end is chosen."""

from __future__ import annotations

from typing import Any

from nautobot_job_registry.core_bridge import own_jobs
from nautobot_job_registry.models.constants import END_OVERRIDES_JOB

SCHEDULED = "Overrides are ended by the schedule {name}, and by each reconcile."
NOT_SCHEDULED = "No schedule ends overrides: one whose time has come ends with the next reconcile."


def ends_note(user: Any) -> dict[str, str]:
    """Return what ends overrides, and where that can be scheduled by those who may."""
    schedule = own_jobs.schedule_of(END_OVERRIDES_JOB)
    if schedule is not None:
        return {"text": SCHEDULED.format(name=schedule.name), "url": ""}
    return {"text": NOT_SCHEDULED, "url": own_jobs.run_form(END_OVERRIDES_JOB, user)}
