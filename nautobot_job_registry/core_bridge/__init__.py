"""Core's own rows of jobs, and what hangs on them; nothing outside of this package writes them."""

from nautobot_job_registry.core_bridge.agreement import pull, pull_anyway, push, remember
from nautobot_job_registry.core_bridge.deletion import delete_job, dependents
from nautobot_job_registry.core_bridge.queues import queues_by_name
from nautobot_job_registry.core_bridge.reading import news_of_core
from nautobot_job_registry.core_bridge.rights import permitted_jobs
from nautobot_job_registry.core_bridge.scheduling import SchedulingError, schedule_hourly

__all__ = (
    "SchedulingError",
    "delete_job",
    "dependents",
    "news_of_core",
    "permitted_jobs",
    "pull",
    "pull_anyway",
    "push",
    "queues_by_name",
    "remember",
    "schedule_hourly",
)
