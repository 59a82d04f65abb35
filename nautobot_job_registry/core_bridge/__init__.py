"""Core's own rows of jobs, and what hangs on them; nothing outside of this package writes them."""

from nautobot_job_registry.core_bridge.agreement import pull, pull_anyway, push, remember
from nautobot_job_registry.core_bridge.deletion import delete_job, dependents
from nautobot_job_registry.core_bridge.queues import queues_by_name
from nautobot_job_registry.core_bridge.reading import news_of_core
from nautobot_job_registry.core_bridge.rights import permitted_jobs
from nautobot_job_registry.core_bridge.suspending import (
    about_to_be_switched_off,
    jobs_with_dependents_to_look_at,
    kind_of,
    permitted_dependents,
    read_dependents,
    switch_off,
    switch_on,
)

__all__ = (
    "about_to_be_switched_off",
    "delete_job",
    "dependents",
    "jobs_with_dependents_to_look_at",
    "kind_of",
    "news_of_core",
    "permitted_dependents",
    "permitted_jobs",
    "pull",
    "pull_anyway",
    "push",
    "queues_by_name",
    "read_dependents",
    "remember",
    "switch_off",
    "switch_on",
)
