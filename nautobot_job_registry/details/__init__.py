"""Contents of the detail pages of the job registry."""

from nautobot_job_registry.details.anchors import JobRunsPanel, JobSchedulesPanel
from nautobot_job_registry.details.field_override import FIELD_OVERRIDE, FieldOverridePanel
from nautobot_job_registry.details.history import HISTORY_TAB, RevisionsPanel, TimelinePanel
from nautobot_job_registry.details.job_load_error import JOB_LOAD_ERROR, LoadErrorPanel
from nautobot_job_registry.details.job_revision import JOB_REVISION
from nautobot_job_registry.details.job_run import JOB_RUN, EvidencePanel, evidence
from nautobot_job_registry.details.job_schedule import JOB_SCHEDULE
from nautobot_job_registry.details.override_buttons import OVERRIDE_BUTTONS, may_change_job, row_buttons
from nautobot_job_registry.details.panels import (
    RelatedTablePanel,
    RowsPanel,
    SourcePanel,
    VariablesPanel,
    field_label,
    list_link,
    may_view_source,
    queue_link,
)
from nautobot_job_registry.details.reconciliation import (
    COUNT_FIELDS,
    MAX_CHANGES_SHOWN,
    RECONCILIATION,
    ChangesPanel,
    ReconciliationPanel,
    change_rows,
    shown_changes,
    subject_link,
)
from nautobot_job_registry.details.registered_job import (
    NOT_ENABLED_ADVICE,
    REGISTERED_JOB,
    STATE_ADVICE,
    STATE_EXPLANATIONS,
    UNKNOWN,
    IdentityPanel,
    OpenLoadErrorsPanel,
    OverridesPanel,
    RegisteredJobPanel,
    StatePanel,
)
from nautobot_job_registry.details.suspension import SUSPENSION, SuspensionsPanel, facts

__all__ = (
    "COUNT_FIELDS",
    "ChangesPanel",
    "EvidencePanel",
    "FIELD_OVERRIDE",
    "FieldOverridePanel",
    "HISTORY_TAB",
    "IdentityPanel",
    "JOB_LOAD_ERROR",
    "JOB_REVISION",
    "JOB_RUN",
    "JOB_SCHEDULE",
    "JobRunsPanel",
    "JobSchedulesPanel",
    "LoadErrorPanel",
    "MAX_CHANGES_SHOWN",
    "NOT_ENABLED_ADVICE",
    "OVERRIDE_BUTTONS",
    "OpenLoadErrorsPanel",
    "OverridesPanel",
    "RECONCILIATION",
    "REGISTERED_JOB",
    "ReconciliationPanel",
    "RegisteredJobPanel",
    "RelatedTablePanel",
    "RevisionsPanel",
    "RowsPanel",
    "STATE_ADVICE",
    "STATE_EXPLANATIONS",
    "SUSPENSION",
    "SourcePanel",
    "SuspensionsPanel",
    "StatePanel",
    "TimelinePanel",
    "UNKNOWN",
    "VariablesPanel",
    "change_rows",
    "facts",
    "evidence",
    "field_label",
    "may_change_job",
    "list_link",
    "may_view_source",
    "queue_link",
    "row_buttons",
    "shown_changes",
    "subject_link",
)
