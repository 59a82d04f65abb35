"""Pages of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.views.field_override import FieldOverrideUIViewSet as FieldOverrideUIViewSet
from nautobot_job_registry.views.records import JobLoadErrorUIViewSet as JobLoadErrorUIViewSet
from nautobot_job_registry.views.records import JobRevisionUIViewSet as JobRevisionUIViewSet
from nautobot_job_registry.views.records import JobRunUIViewSet as JobRunUIViewSet
from nautobot_job_registry.views.records import JobScheduleUIViewSet as JobScheduleUIViewSet
from nautobot_job_registry.views.records import ReconciliationUIViewSet as ReconciliationUIViewSet
from nautobot_job_registry.views.registered_job import RegisteredJobUIViewSet as RegisteredJobUIViewSet
from nautobot_job_registry.views.suspension import SuspensionUIViewSet as SuspensionUIViewSet
