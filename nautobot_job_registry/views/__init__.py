"""Pages of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.views.logs import JobLoadErrorUIViewSet, JobRevisionUIViewSet, ReconciliationUIViewSet
from nautobot_job_registry.views.registered_job import RegisteredJobUIViewSet

__all__ = ("JobLoadErrorUIViewSet", "JobRevisionUIViewSet", "ReconciliationUIViewSet", "RegisteredJobUIViewSet")
