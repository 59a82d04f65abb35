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
from nautobot_job_registry.core_bridge.arguments import job_arguments
from nautobot_job_registry.core_bridge.deletion import (
    delete_job,
    delete_jobs,
    dependents,
    dependents_by_job,
)
from nautobot_job_registry.core_bridge.links import link_runs_and_schedules, tell_scheduler
from nautobot_job_registry.core_bridge.queues import queues_by_name
from nautobot_job_registry.core_bridge.quiet import is_writing
from nautobot_job_registry.core_bridge.reading import news_of_core
from nautobot_job_registry.core_bridge.rights import permitted_jobs
from nautobot_job_registry.core_bridge.scheduling import SchedulingError, schedule_hourly
from nautobot_job_registry.core_bridge.settling import lock, lock_rows_of, make_rows, settle
from nautobot_job_registry.core_bridge.succession import (
    let_schedules_follow,
    merge_custom_fields,
    move_dependents,
    taken_names,
    write_decisions,
)
from nautobot_job_registry.core_bridge.suspending import (
    about_to_be_switched_off,
    enabled_schedules,
    jobs_with_dependents_to_look_at,
    kind_of,
    permitted_dependents,
    read_dependents,
    switch_off,
    switch_on,
)

__all__ = (
    "SchedulingError",
    "about_to_be_switched_off",
    "decides",
    "delete_job",
    "delete_jobs",
    "dependents",
    "dependents_by_job",
    "enabled_schedules",
    "is_writing",
    "job_arguments",
    "jobs_with_dependents_to_look_at",
    "kind_of",
    "let_schedules_follow",
    "link_runs_and_schedules",
    "lock",
    "lock_rows_of",
    "look_before",
    "make_rows",
    "merge_custom_fields",
    "move_dependents",
    "news_of_core",
    "note",
    "permitted_dependents",
    "permitted_jobs",
    "prepare",
    "pull",
    "push",
    "queues_by_name",
    "read_dependents",
    "schedule_hourly",
    "settle",
    "switch_off",
    "switch_on",
    "taken_names",
    "tell_scheduler",
    "whole",
    "write_decisions",
)
