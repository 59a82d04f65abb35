"""Overrides that come to their end revert by themselves."""

from __future__ import annotations

from typing import Any

from nautobot_job_registry import core_bridge
from nautobot_job_registry.constants import BATCH_SIZE
from nautobot_job_registry.engine.plan import Plan
from nautobot_job_registry.models import RegisteredJob


def tell_core(plan: Plan) -> None:
    """Carry the ends of overrides to core's rows, once a plan has been applied (rule 16).

    Args:
        plan: What was done. Records whose overrides all go on cost nothing.
    """
    keys = [action.record_id for action in plan.jobs if action.ended]
    for start in range(0, len(keys), BATCH_SIZE):
        for record in _records(keys[start : start + BATCH_SIZE]):
            core_bridge.push(record)


def _records(keys: list[Any]) -> list[RegisteredJob]:
    records = RegisteredJob.objects.filter(pk__in=keys).select_related("core_job", "default_job_queue")
    return list(records.prefetch_related("job_queues"))
