"""Tables of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.tables.display import (
    INSTALLED,
    SHORT_COMMIT_LENGTH,
    STATE_CLASSES,
    job_state,
    label,
    load_error_state,
    source_display,
    state_label,
    status_label,
    value_text,
    version_display,
)
from nautobot_job_registry.tables.field_override import FieldOverrideTable
from nautobot_job_registry.tables.job_load_error import JobLoadErrorTable
from nautobot_job_registry.tables.job_revision import JobRevisionTable
from nautobot_job_registry.tables.reconciliation import ReconciliationTable
from nautobot_job_registry.tables.registered_job import RegisteredJobTable, row_class

__all__ = (
    "FieldOverrideTable",
    "INSTALLED",
    "JobLoadErrorTable",
    "JobRevisionTable",
    "ReconciliationTable",
    "RegisteredJobTable",
    "SHORT_COMMIT_LENGTH",
    "STATE_CLASSES",
    "job_state",
    "label",
    "load_error_state",
    "row_class",
    "source_display",
    "state_label",
    "status_label",
    "value_text",
    "version_display",
)
