"""Models of the job registry, one noun per file."""

from nautobot_job_registry.models.field_override import FieldOverride
from nautobot_job_registry.models.job_load_error import JobLoadError
from nautobot_job_registry.models.job_revision import JobRevision
from nautobot_job_registry.models.reconciliation import Reconciliation
from nautobot_job_registry.models.registered_job import RegisteredJob

__all__ = ("FieldOverride", "JobLoadError", "JobRevision", "Reconciliation", "RegisteredJob")
