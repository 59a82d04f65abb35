"""Tables of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.tables.anchors import JobRunTable as JobRunTable
from nautobot_job_registry.tables.anchors import JobScheduleTable as JobScheduleTable
from nautobot_job_registry.tables.job_load_error import JobLoadErrorTable as JobLoadErrorTable
from nautobot_job_registry.tables.records import FieldOverrideTable as FieldOverrideTable
from nautobot_job_registry.tables.records import JobRevisionTable as JobRevisionTable
from nautobot_job_registry.tables.records import ReconciliationTable as ReconciliationTable
from nautobot_job_registry.tables.records import SuspensionTable as SuspensionTable
from nautobot_job_registry.tables.registered_job import RegisteredJobTable as RegisteredJobTable
