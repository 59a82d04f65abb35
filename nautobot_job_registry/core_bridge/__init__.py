"""Core's own rows of jobs, and what hangs on them; nothing outside of this package writes them."""

from nautobot_job_registry.core_bridge.agreement import pull, pull_anyway, push, remember
from nautobot_job_registry.core_bridge.deletion import (
    delete_job,
    delete_jobs,
    dependents,
    dependents_by_job,
    schedule_state,
    switch_off_schedules,
)
from nautobot_job_registry.core_bridge.links import link_runs_and_schedules, tell_scheduler
from nautobot_job_registry.core_bridge.queues import queues_by_name
from nautobot_job_registry.core_bridge.reading import news_of_core
from nautobot_job_registry.core_bridge.rights import permitted_jobs
from nautobot_job_registry.core_bridge.succession import (
    let_schedules_follow,
    move_dependents,
    taken_names,
    write_decisions,
)

__all__ = (
    "delete_job",
    "delete_jobs",
    "dependents",
    "dependents_by_job",
    "let_schedules_follow",
    "link_runs_and_schedules",
    "move_dependents",
    "news_of_core",
    "permitted_jobs",
    "pull",
    "pull_anyway",
    "push",
    "queues_by_name",
    "remember",
    "schedule_state",
    "switch_off_schedules",
    "taken_names",
    "tell_scheduler",
    "write_decisions",
)
