"""Core's own rows of jobs, and what hangs on them; nothing outside of this package writes them."""

from nautobot_job_registry.core_bridge.agreement import (
    decides,
    look_before,
    note,
    prepare,
    pull,
    push,
    whole,
)
from nautobot_job_registry.core_bridge.deletion import delete_job, dependents
from nautobot_job_registry.core_bridge.queues import queues_by_name
from nautobot_job_registry.core_bridge.reading import news_of_core
from nautobot_job_registry.core_bridge.rights import permitted_jobs
from nautobot_job_registry.core_bridge.scheduling import SchedulingError, schedule_hourly
from nautobot_job_registry.core_bridge.settling import lock, make_rows, settle

__all__ = (
    "SchedulingError",
    "decides",
    "delete_job",
    "dependents",
    "lock",
    "look_before",
    "make_rows",
    "news_of_core",
    "note",
    "permitted_jobs",
    "prepare",
    "pull",
    "push",
    "queues_by_name",
    "schedule_hourly",
    "settle",
    "whole",
)
