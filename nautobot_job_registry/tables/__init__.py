"""Tables of the job registry; Nautobot looks for them here, by their names."""

from nautobot_job_registry.tables.display import (
    INSTALLED,
    SHORT_COMMIT_LENGTH,
    STATE_CLASSES,
    field_label,
    job_state,
    label,
    load_error_state,
    short_text,
    shortened,
    source_display,
    state_label,
    status_label,
    value_text,
    version_display,
)
from nautobot_job_registry.tables.field_override import FieldOverrideTable
from nautobot_job_registry.tables.job_load_error import JobLoadErrorTable
from nautobot_job_registry.tables.job_revision import JobRevisionTable
from nautobot_job_registry.tables.job_run import JobRunTable, code_label, code_state
from nautobot_job_registry.tables.job_schedule import JobScheduleTable
from nautobot_job_registry.tables.reconciliation import ReconciliationTable
from nautobot_job_registry.tables.registered_job import RegisteredJobTable, row_class
from nautobot_job_registry.tables.revision_changes import (
    VARIABLE_CHANGES,
    change_summary,
    in_words,
    run_count_display,
    variable_summary,
    version_change,
)
from nautobot_job_registry.tables.suspension import SuspensionTable, kind_display, outcome_label, reason_label

__all__ = (
    "INSTALLED",
    "SHORT_COMMIT_LENGTH",
    "STATE_CLASSES",
    "VARIABLE_CHANGES",
    "FieldOverrideTable",
    "JobLoadErrorTable",
    "JobRevisionTable",
    "JobRunTable",
    "JobScheduleTable",
    "ReconciliationTable",
    "RegisteredJobTable",
    "SuspensionTable",
    "change_summary",
    "code_label",
    "code_state",
    "field_label",
    "in_words",
    "job_state",
    "kind_display",
    "label",
    "load_error_state",
    "outcome_label",
    "reason_label",
    "row_class",
    "run_count_display",
    "short_text",
    "shortened",
    "source_display",
    "state_label",
    "status_label",
    "value_text",
    "variable_summary",
    "version_change",
    "version_display",
)
