"""REST view sets of the job registry."""

from nautobot_job_registry.api.views.field_override import FieldOverrideViewSet
from nautobot_job_registry.api.views.job_load_error import JobLoadErrorViewSet
from nautobot_job_registry.api.views.job_revision import JobRevisionViewSet
from nautobot_job_registry.api.views.job_run import JobRunViewSet
from nautobot_job_registry.api.views.job_schedule import JobScheduleViewSet
from nautobot_job_registry.api.views.reconciliation import ReconciliationViewSet
from nautobot_job_registry.api.views.registered_job import RegisteredJobViewSet
from nautobot_job_registry.api.views.suspension import SuspensionViewSet

__all__ = (
    "FieldOverrideViewSet",
    "JobLoadErrorViewSet",
    "JobRevisionViewSet",
    "JobRunViewSet",
    "JobScheduleViewSet",
    "ReconciliationViewSet",
    "RegisteredJobViewSet",
    "SuspensionViewSet",
)
