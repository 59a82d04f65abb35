"""Which value wins, field by field: the source's, or the operator's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nautobot_job_registry.engine.fields import COLUMN_LENGTHS, OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag, shorten

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


def with_default_queue(queues: Iterable[str], default: str | None) -> tuple[str, ...]:
    """Return the queues of a job, with the default one among them, as core has it; in alphabetical order.

    Args:
        queues: The names of the queues.
        default: The name of the default queue, or None where there is none.
    """
    return tuple(sorted({*queues, default} if default else {*queues}))


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


@dataclass(frozen=True)
class Override:
    """An override as it is to be noted.

    Attributes:
        field: The field that is overridden.
        value: The value in effect.
        source_value: What the source says about the field, whole.
        source_is_known: Whether it says anything: whether a revision is known that knows the field.
    """

    field: str
    value: Any
    source_value: Any = None
    source_is_known: bool = False


def overrides_to_note(
    overrides: Mapping[str, Any], noted: Mapping[str, Any], metadata: Mapping[str, Any] | None
) -> list[Override]:
    """Return the overrides of a job that are new or have a new value.

    Args:
        overrides: The value of each overridden field.
        noted: The value of each override that has been noted.
        metadata: The `metadata` of the current revision, or None where no revision is known yet.
    """
    said = metadata or {}
    return [
        Override(field, value, said.get(field), field in said)
        for field, value in overrides.items()
        if field not in noted or noted[field] != value
    ]


def terms_are_for(
    overridden: Collection[str], changed: Collection[str], named: Collection[str] | None
) -> tuple[str, ...]:
    """Return the overrides that a reason and an end are for.

    Args:
        overridden: The fields whose flag is set when the request is done.
        changed: The fields whose override the request sets or changes. Where there are any, it is for these alone.
        named: The fields that the request names otherwise; None where it is for all that are overridden.
    """
    chosen = [field for field in OVERRIDABLE_FIELDS if field in overridden and field in changed]
    if chosen:
        return tuple(chosen)
    return tuple(f for f in OVERRIDABLE_FIELDS if f in overridden and (named is None or f in named))


def refused_fields(changed: Collection[str], before: Collection[str], after: Collection[str]) -> tuple[str, ...]:
    """Return the fields that a request may not change, as their flag is false and stays so (rule 14).

    Args:
        changed: The overridable fields for which the request has another value than the one that is stored.
        before: The fields whose flag is set as the request comes in.
        after: The fields whose flag is to be set when the request is done.
    """
    return tuple(
        field for field in OVERRIDABLE_FIELDS if field in changed and field not in before and field not in after
    )


def cleared_fields(before: Collection[str], after: Collection[str]) -> tuple[str, ...]:
    """Return the fields that a request puts back to what the source says, whatever value comes along (rule 14).

    Args:
        before: The fields whose flag is set as the request comes in.
        after: The fields whose flag is to be set when the request is done.
    """
    return tuple(field for field in OVERRIDABLE_FIELDS if field in before and field not in after)


def field_refusal(field: str) -> str:
    """Say why a field cannot be changed, and the way out."""
    return f"'{field}' is what the source says: set '{override_flag(field)}' to true as well to change it here."


@dataclass(frozen=True)
class SourceChange:
    """What the source says otherwise of a field that is overridden, so that the record does not follow.

    Attributes:
        field: The field.
        old: What the source said before.
        new: What it says now.
        value: What the override says, and stays.
        drifts: Whether that is something else than what the source said when the override was set.
    """

    field: str
    old: Any
    new: Any
    value: Any
    drifts: bool


@dataclass(frozen=True)
class Overridden:
    """What is known of the source of an overridden field.

    Attributes:
        said: What the current revision says.
        said_when_set: What the source said when the override was set, as a tuple of one; none where that is not known.
    """

    said: Any
    said_when_set: tuple[Any, ...] = ()


def changes_beneath(
    values: Mapping[str, Any], known: Mapping[str, Overridden], said: Mapping[str, Any]
) -> Iterator[SourceChange]:
    """Yield what a new revision says otherwise of fields whose override stays.

    Args:
        values: What the overrides say, by field.
        known: What is known of the source of the fields.
        said: The metadata of the new revision.
    """
    for name, value in values.items():
        if name in known and name in said and known[name].said != said[name]:
            when_set = known[name].said_when_set
            yield SourceChange(name, known[name].said, said[name], value, bool(when_set) and when_set != (said[name],))
