"""Filters of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.filters.records import FieldOverrideFilterSet as FieldOverrideFilterSet
from nautobot_job_registry.filters.records import JobLoadErrorFilterSet as JobLoadErrorFilterSet
from nautobot_job_registry.filters.records import JobRevisionFilterSet as JobRevisionFilterSet
from nautobot_job_registry.filters.records import JobRunFilterSet as JobRunFilterSet
from nautobot_job_registry.filters.records import JobScheduleFilterSet as JobScheduleFilterSet
from nautobot_job_registry.filters.records import ReconciliationFilterSet as ReconciliationFilterSet
from nautobot_job_registry.filters.records import SuspensionFilterSet as SuspensionFilterSet
from nautobot_job_registry.filters.registered_job import RegisteredJobFilterSet as RegisteredJobFilterSet
