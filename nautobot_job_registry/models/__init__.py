"""Models of the job registry, one noun per file."""

from nautobot_job_registry.models.field_override import FieldOverride
from nautobot_job_registry.models.job_load_error import JobLoadError
from nautobot_job_registry.models.job_revision import JobRevision
from nautobot_job_registry.models.job_run import JobRun
from nautobot_job_registry.models.job_schedule import JobSchedule
from nautobot_job_registry.models.reconciliation import Reconciliation
from nautobot_job_registry.models.registered_job import RegisteredJob
from nautobot_job_registry.models.suspension import Suspension

__all__ = (
    "FieldOverride",
    "JobLoadError",
    "JobRevision",
    "JobRun",
    "JobSchedule",
    "Reconciliation",
    "RegisteredJob",
    "Suspension",
)
