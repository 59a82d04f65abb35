"""The fields that an operator can override, and how long the columns are."""

from __future__ import annotations

from typing import Any, Final

TEXT_FIELDS: Final = ("grouping", "name", "description")
LIMIT_FIELDS: Final = ("soft_time_limit", "time_limit")
VALUE_FIELDS: Final = (
    *TEXT_FIELDS,
    "hidden",
    "console_log_default",
    "dryrun_default",
    *LIMIT_FIELDS,
    "has_sensitive_variables",
    "is_singleton",
)
QUEUE_FIELDS: Final = ("job_queues", "default_job_queue")
OVERRIDABLE_FIELDS: Final = VALUE_FIELDS + QUEUE_FIELDS
FLAG_FIELDS: Final = ("is_job_hook_receiver", "is_job_button_receiver", "read_only", "supports_dryrun")

# The columns that a reconcile compares and writes, in the one order in which rows are read. The queues, which are rows
# of their own, come first.
PROVENANCE_FIELDS: Final = (
    "source_type",
    "source_name",
    "source_version",
    "git_repository",
    "installed",
    "absence",
    "registered_in",
)
NAME_MAX_LENGTH: Final = 100
# The length of module and class names in core's own table.
CORE_NAME_MAX_LENGTH: Final = 100
TEXT_MAX_LENGTH: Final = 255
COLUMN_LENGTHS: Final = {
    "grouping": TEXT_MAX_LENGTH,
    "name": NAME_MAX_LENGTH,
    "module_name": TEXT_MAX_LENGTH,
    "job_class_name": TEXT_MAX_LENGTH,
    "source_name": TEXT_MAX_LENGTH,
    "source_version": TEXT_MAX_LENGTH,
}


def override_flag(field: str) -> str:
    """Return the name of the flag that says whether `field` is overridden."""
    return f"{field}_override"


OVERRIDE_FLAGS: Final = tuple(override_flag(field) for field in OVERRIDABLE_FIELDS)
SOURCE_COLUMNS: Final = ("job_queues", *PROVENANCE_FIELDS, *FLAG_FIELDS, *VALUE_FIELDS, "default_job_queue")
DECISION_COLUMNS: Final = (*OVERRIDE_FLAGS, "enabled")
RECORD_COLUMNS: Final = (*SOURCE_COLUMNS, *DECISION_COLUMNS)


def shorten(field: str, value: Any) -> Any:
    """Cut a text to the length of its column, and leave anything else as it is (rule 4)."""
    length = COLUMN_LENGTHS.get(field)
    if length is None or not isinstance(value, str):
        return value
    return value[:length]
