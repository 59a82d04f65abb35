"""Names that more than one module of the app needs."""

APP_NAME = "nautobot_job_registry"

# The actions beside view, add, change and delete that a permission can grant.
VIEW_SOURCE = "view_source"

# How many rows one statement of a reconcile writes at most. Statements of some hundred kilobytes are the quickest:
# larger ones cost PostgreSQL more to read than the round trips that they save.
BATCH_SIZE = 200

STILL_INSTALLED = (
    "The record of an installed job cannot be deleted: remove the class from its source, and reconcile, first."
)

# The dotted path of the app's own job that has overrides end.
END_OVERRIDES_JOB = "nautobot_job_registry.jobs.EndOverrides"

# How many characters of a reason for an override are taken.
REASON_MAX_LENGTH = 10_000

# Module and class name with the dot between them.
CLASS_PATH_MAX_LENGTH = 511

# What the address of a page takes for a primary key; anything else is not found.
UUID_PATTERN = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
