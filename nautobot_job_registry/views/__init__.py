"""Pages of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.views.field_override import FieldOverrideUIViewSet
from nautobot_job_registry.views.job_load_error import JobLoadErrorUIViewSet
from nautobot_job_registry.views.job_revision import JobRevisionUIViewSet
from nautobot_job_registry.views.job_run import JobRunUIViewSet
from nautobot_job_registry.views.job_schedule import JobScheduleUIViewSet
from nautobot_job_registry.views.reconciliation import ReconciliationUIViewSet
from nautobot_job_registry.views.registered_job import RegisteredJobUIViewSet
from nautobot_job_registry.views.suspension import SuspensionUIViewSet

__all__ = (
    "FieldOverrideUIViewSet",
    "JobLoadErrorUIViewSet",
    "JobRevisionUIViewSet",
    "JobRunUIViewSet",
    "JobScheduleUIViewSet",
    "ReconciliationUIViewSet",
    "RegisteredJobUIViewSet",
    "SuspensionUIViewSet",
)
