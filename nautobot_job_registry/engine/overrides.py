"""Which value wins, field by field: the source's, or the operator's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from nautobot_job_registry.engine.fields import COLUMN_LENGTHS, OVERRIDABLE_FIELDS, VALUE_FIELDS, shorten

SHORTENED_FIELDS: Final = COLUMN_LENGTHS.keys() & set(VALUE_FIELDS)


def column_values(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the source says about each overridable field, as the columns of a record can hold it.

    Args:
        metadata: The `metadata` of a revision. A field that it does not know is left out.
    """
    values = {field: metadata[field] for field in VALUE_FIELDS if field in metadata}
    for field in SHORTENED_FIELDS & values.keys():
        values[field] = shorten(field, values[field])
    if "job_queues" in metadata:
        values["job_queues"] = tuple(sorted(metadata["job_queues"]))
    if "default_job_queue" in metadata:
        values["default_job_queue"] = metadata["default_job_queue"]
    return values


def restored_values(metadata: Mapping[str, Any] | None, overridden: Collection[str]) -> dict[str, Any]:
    """Return the values that a save puts back: the source's, for every field that is not overridden (rule 13).

    Args:
        metadata: The `metadata` of the current revision, or None where no revision is known yet.
        overridden: The names of the fields whose flag is set.
    """
    if metadata is None:
        return {}
    return {field: value for field, value in column_values(metadata).items() if field not in overridden}


def overridden_fields(flags: Mapping[str, bool]) -> tuple[str, ...]:
    """Return the overridable fields whose flag is set, in the order of the design.

    Args:
        flags: The flag of each overridable field, by the name of the field.
    """
    return tuple(field for field in OVERRIDABLE_FIELDS if flags.get(field))
