"""What is asked while nobody does anything: is all that was acknowledged in effect, and is there nothing left to do?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from nautobot.extras.models import Job

from development.chaos import checks
from development.chaos.figures import Figures
from development.chaos.world import said
from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile import reconcile


def look(figures: Figures, expected: Mapping[str, Mapping[str, Any]], lost: Path) -> None:
    """Reconcile once, and see whether all holds.

    Args:
        figures: Counts what does not.
        expected: Of each field of each job the value that has to be in effect, None for one that follows the source,
            and when that was acknowledged.
        lost: Where the jobs and fields are told of which that is not so.
    """
    try:
        reconcile()
        figures.add("reconciles")
    except Exception as error:
        figures.find("stay_failed", f"A reconcile while nobody did anything failed: {error!r}"[:1500])
        return
    for text in checks.always():
        figures.find("broken", text)
    plan = reconcile(dry_run=True, reload=False).plan
    if not plan.is_empty:
        figures.find("not_empty", f"The plan is not empty after it was applied: {plan!r}"[:3000])
    found = [(job, name) for job, values in expected.items() for name in _compare(figures, job, values)]
    lost.write_text(json.dumps(found))


def _compare(figures: Figures, path: str, values: Mapping[str, Any]) -> set[str]:
    module_name, _, class_name = path.rpartition(".")
    of_job = {"module_name": module_name, "job_class_name": class_name}
    record, core = RegisteredJob.objects.get(**of_job), Job.objects.get(**of_job)
    lost = set()
    for side, row in (("the record", record), ("core's row", core)):
        for name, (value, moment) in values.items():
            found = _decided(row, name)
            if name not in lost and not _is_so(name, value, found):
                text = f"{path}: {side} says {name}={found!r}, acknowledged at {moment} was {value!r}"
                told = checks.what_happened(path, name, datetime.fromisoformat(moment))
                figures.find("lost", "\n    ".join([text, *told]))
                lost.add(name)
    for text in checks.in_step((name, _decided(record, name), _decided(core, name)) for name in values):
        figures.find("broken", f"{path}, {text}")
    return lost


def _decided(row: Any, name: str) -> Any:
    """Return what is decided in a row about a field; None where it follows the source."""
    if name == "enabled":
        return row.enabled
    return said(row, name) if getattr(row, override_flag(name)) else None


def _is_so(name: str, value: Any, found: Any) -> bool:
    if name == "job_queues" and value is not None and found is not None:
        return set(value) <= set(found)
    return bool(value == found)
