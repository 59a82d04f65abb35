"""Forms of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.forms.anchors import JobRunFilterForm, JobScheduleFilterForm
from nautobot_job_registry.forms.bulk import RegisteredJobBulkDeleteForm, RegisteredJobBulkEditForm, given
from nautobot_job_registry.forms.filters import (
    FieldOverrideFilterForm,
    JobLoadErrorFilterForm,
    JobRevisionFilterForm,
    ReconciliationFilterForm,
    RegisteredJobFilterForm,
)
from nautobot_job_registry.forms.registered_job import RegisteredJobForm
from nautobot_job_registry.forms.suspension import SuspensionFilterForm

__all__ = (
    "FieldOverrideFilterForm",
    "JobLoadErrorFilterForm",
    "JobRevisionFilterForm",
    "JobRunFilterForm",
    "JobScheduleFilterForm",
    "ReconciliationFilterForm",
    "RegisteredJobBulkDeleteForm",
    "RegisteredJobBulkEditForm",
    "RegisteredJobFilterForm",
    "RegisteredJobForm",
    "SuspensionFilterForm",
    "given",
)
