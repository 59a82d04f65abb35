"""Filters of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.filters.changes import WantedChanges
from nautobot_job_registry.filters.class_path import ClassPathSearchFilter, class_path_query
from nautobot_job_registry.filters.field_override import FieldOverrideFilterSet
from nautobot_job_registry.filters.job_load_error import JobLoadErrorFilterSet
from nautobot_job_registry.filters.job_revision import JobRevisionFilterSet
from nautobot_job_registry.filters.job_run import JobRunFilterSet
from nautobot_job_registry.filters.job_schedule import JobScheduleFilterSet
from nautobot_job_registry.filters.reconciliation import ReconciliationFilterSet
from nautobot_job_registry.filters.registered_job import RegisteredJobFilterSet
from nautobot_job_registry.filters.suspension import SuspensionFilterSet

__all__ = (
    "ClassPathSearchFilter",
    "FieldOverrideFilterSet",
    "JobLoadErrorFilterSet",
    "JobRevisionFilterSet",
    "JobRunFilterSet",
    "JobScheduleFilterSet",
    "ReconciliationFilterSet",
    "RegisteredJobFilterSet",
    "SuspensionFilterSet",
    "WantedChanges",
    "class_path_query",
)
