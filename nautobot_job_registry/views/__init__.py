"""Pages of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.views.field_override import FieldOverrideUIViewSet
from nautobot_job_registry.views.logs import JobLoadErrorUIViewSet, JobRevisionUIViewSet, ReconciliationUIViewSet
from nautobot_job_registry.views.registered_job import RegisteredJobUIViewSet

__all__ = (
    "FieldOverrideUIViewSet",
    "JobLoadErrorUIViewSet",
    "JobRevisionUIViewSet",
    "ReconciliationUIViewSet",
    "RegisteredJobUIViewSet",
)
