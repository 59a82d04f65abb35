"""The columns that the registry shares with core's rows of jobs."""

from typing import Final

from nautobot.extras.models import Job

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag

_COLUMNS: Final = {field.name for field in Job._meta.get_fields()}
# Before Nautobot 3.1 core has no `console_log_default`: what is decided about it is the registry's alone.
OURS_ALONE: Final = tuple(name for name in OVERRIDABLE_FIELDS if name not in _COLUMNS)
SHARED_VALUES: Final = tuple(name for name in VALUE_FIELDS if name not in OURS_ALONE)
SHARED_FIELDS: Final = tuple(name for name in OVERRIDABLE_FIELDS if name not in OURS_ALONE)
SHARED_FLAGS: Final = tuple(override_flag(name) for name in SHARED_FIELDS)


def shared(names: set[str] | frozenset[str]) -> set[str]:
    """Return those of some columns that core has too."""
    return {name for name in names if name not in OURS_ALONE and name.removesuffix("_override") not in OURS_ALONE}
