"""The ledger of overrides: a row for each flag that is set, with who set it, against what, why and until when.

The rules are the same whether one record is saved or a reconcile writes many. Whoever decides a field is its author,
and it is set against what the source says then. Where only the value changes because of something else, such as a
chosen name that got a number, or queues that the default one joined, it stays its author's.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from nautobot_job_registry.core_bridge import locks
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, QUEUE_FIELDS
from nautobot_job_registry.engine.overrides import Overridden, column_values, overrides_to_note
from nautobot_job_registry.engine.plan import JobAction
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.models import FieldOverride, JobRevision, RegisteredJob
from nautobot_job_registry.models.acting_user import acting_user
from nautobot_job_registry.models.choices import OverrideOriginChoices
from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.models.saving import Saving

# What is written anew of a row that is there.
CHANGING = ("value", "source_value", "source_is_known", "origin", "set_by", "expires_at")


@dataclass(frozen=True)
class Author:
    """Where an override was made, and by whom if that is known."""

    origin: str
    set_by: Any = None


# Returns who decided a field; None where nobody did, and only its value follows something else.
AuthorOf = Callable[[str], Author | None]

IN_CORE = Author(OverrideOriginChoices.CORE)
COLLISION = Author(OverrideOriginChoices.COLLISION)


def machine_made_overrides(moment: datetime) -> tuple[dict[JobKey, dict[str, Any]], dict[JobKey, dict[str, Any]]]:
    """Return the overrides that no person wants any more, or wanted ever, with what the current revision says.

    One statement, however many jobs there are.

    Args:
        moment: The time up to which an override may have ended.

    Returns:
        By the key of their job and by field: what the source says of the overrides that have come to their end (None
        where it says nothing, or no revision is known), and of those that core could not store (rule 4), whole.
    """
    rows = FieldOverride.objects.filter(Q(origin=OverrideOriginChoices.COLLISION) | Q(expires_at__lte=moment))
    columns = ("job__module_name", "job__job_class_name", "field", "value", "origin", "expires_at")
    ended: dict[JobKey, dict[str, Any]] = defaultdict(dict)
    collisions: dict[JobKey, dict[str, Any]] = defaultdict(dict)
    said = rows.order_by().values_list(*columns, "job__current_revision__metadata")
    for module_name, job_class_name, field, value, origin, expires_at, metadata in said:
        if expires_at is not None and expires_at <= moment:
            ended[module_name, job_class_name][field] = column_values(metadata or {}).get(field)
        if origin == OverrideOriginChoices.COLLISION:
            collisions[module_name, job_class_name][field] = (metadata or {}).get(field, value)
    return dict(ended), dict(collisions)


def sources_of_overrides(record_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Overridden]]:
    """Return what the sources of overridden fields said when the overrides were set, and say now, in one statement.

    Args:
        record_ids: The primary keys of the records.

    Returns:
        What is known, by the primary key of the record and by field. What core cannot store is no person's override.
    """
    rows = FieldOverride.objects.order_by().filter(job__in=record_ids).exclude(origin=OverrideOriginChoices.COLLISION)
    columns = ("job", "field", "source_value", "source_is_known", "job__current_revision__metadata")
    found: dict[uuid.UUID, dict[str, Overridden]] = defaultdict(dict)
    for job, field, source_value, is_known, metadata in rows.values_list(*columns):
        if metadata is not None and field in metadata:
            found[job][field] = Overridden(metadata[field], (source_value,) if is_known else ())
    return dict(found)


def note_saved(record: RegisteredJob, saving: Saving) -> None:
    """Note the overrides of a record that has been saved, in one statement at the most where nothing is new.

    Of a row that is there, only what is set anew is written.

    Args:
        record: The record.
        saving: What was known of its save. The terms learn which overrides were set or changed, and are for none of
            those that the save took over from core.
    """
    rows = {row.field: row for row in record.field_overrides.all()}
    overrides, terms = record.overrides, saving.terms
    metadata = record.current_revision.metadata if record.current_revision else None
    touched = _take_values(record.pk, rows, overrides, metadata, _author_in(saving))
    if terms is not None and terms.said():
        of_core = saving.of_core - terms.changed
        terms.changed |= touched.keys() - of_core
        for field in terms.are_for(overrides.keys() - of_core):
            vars(rows[field]).update(terms.said())
            touched.setdefault(field, set()).update(terms.said())
    for field, names in sorted(touched.items()):
        rows[field].save(update_fields=None if rows[field]._state.adding else names)
    for field, row in rows.items():
        if field not in overrides:
            row.delete()


def _author_in(saving: Saving) -> AuthorOf:
    """Return who decided the fields that a save sets or changes."""
    operator = None if saving.is_of_core else Author(OverrideOriginChoices.OPERATOR, acting_user())
    in_core = Author(OverrideOriginChoices.CORE, acting_user() if saving.is_of_core else None)

    def author_of(field: str) -> Author | None:
        if field in saving.colliding:
            return COLLISION
        return in_core if field in saving.of_core else operator

    return author_of


def note_overrides(actions: Iterable[JobAction], jobs: Mapping[JobKey, RegisteredJob]) -> None:
    """Note the overrides that a reconcile took over from core, or that it made as core cannot store what a source says.

    Args:
        actions: What was done.
        jobs: The records as they were written, by their key.
    """
    changed = {jobs[action.key].pk: action for action in actions if _changes_overrides(action)}
    if not changed:
        return
    rows: dict[uuid.UUID, dict[str, FieldOverride]] = defaultdict(dict)
    for row in FieldOverride.objects.filter(job__in=list(changed)).defer("reason"):
        rows[row.job_id][row.field] = row
    said = _metadata([jobs[action.key].current_revision_id for action in changed.values()])
    touched: list[FieldOverride] = []
    gone: list[uuid.UUID] = []
    for pk, action in changed.items():
        overrides = {name: _plain(action.columns[name]) for name in _overridden(action)}
        metadata = said.get(jobs[action.key].current_revision_id)
        fields = _take_values(pk, rows[pk], overrides, metadata, _author_in_action(action))
        touched += [rows[pk][field] for field in fields]
        gone += [row.pk for field, row in rows[pk].items() if field not in overrides]
    known = [row for row in touched if not row._state.adding]
    FieldOverride.objects.bulk_create([row for row in touched if row._state.adding], batch_size=BATCH_SIZE)
    FieldOverride.objects.bulk_update(known, CHANGING, batch_size=BATCH_SIZE)
    if gone:
        FieldOverride.objects.filter(pk__in=gone).delete()


def _author_in_action(action: JobAction) -> AuthorOf:
    """Return who decided the fields that a reconcile sets or changes: what core is yet to be told is not from there."""

    def author_of(field: str) -> Author | None:
        if field in action.collisions:
            return COLLISION
        return None if field in action.core_columns else IN_CORE

    return author_of


def _take_values(
    job_id: uuid.UUID,
    rows: dict[str, FieldOverride],
    overrides: Mapping[str, Any],
    metadata: Mapping[str, Any] | None,
    author_of: AuthorOf,
) -> dict[str, set[str]]:
    """Make and change the rows of what is new, without storing them, and return the columns of each, by field."""
    noted = {field: row.value for field, row in rows.items()}
    touched = {}
    for override in overrides_to_note(overrides, noted, metadata):
        author = author_of(override.field)
        row = rows.get(override.field)
        if author is None and row is not None:
            values = {"value": override.value}
        else:
            author = author or IN_CORE
            values = {**asdict(override), "origin": author.origin, "set_by": author.set_by}
            row = rows.setdefault(override.field, FieldOverride(job_id=job_id))
            if row.expires_at is not None and row.expires_at <= timezone.now():
                # The end was that of the value before.
                values["expires_at"] = None
        for name, value in values.items():
            setattr(row, name, value)
        touched[override.field] = set(values)
    return touched


def rename_queue(old: str, new: str) -> None:
    """Have the ledger, and what records remember of core's rows, call a queue by its new name.

    Args:
        old: The name that the queue had.
        new: The name that it has now.
    """
    with transaction.atomic():
        found = FieldOverride.objects.filter(field__in=QUEUE_FIELDS).filter(Q(value=old) | Q(value__contains=[old]))
        locks.lock_records(set(found.order_by().values_list("job", flat=True)))
        rows = list(found.all())
        for row in rows:
            row.value = _renamed(row.value, old, new)
        FieldOverride.objects.bulk_update(rows, ["value"], batch_size=BATCH_SIZE)
        records = list(RegisteredJob.objects.filter(pk__in={row.job_id for row in rows}).only("core_decisions"))
        for record in records:
            record.core_decisions = _with_renamed_queue(record.core_decisions, old, new)
        RegisteredJob.objects.bulk_update(records, ["core_decisions"], batch_size=BATCH_SIZE)


def _with_renamed_queue(known: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return what a record remembers of core's row, with a queue by its new name."""
    parts = {part: dict(known[part]) for part in ("overrides", "before") if part in known}
    for part in parts.values():
        part.update({name: _renamed(part[name], old, new) for name in QUEUE_FIELDS if name in part})
    return {**known, **parts}


def _renamed(value: Any, old: str, new: str) -> Any:
    """Return the name of a queue, or lists with names in them, with the new name in place of the old one."""
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    return new if value == old else value


def _changes_overrides(action: JobAction) -> bool:
    overridden = _overridden(action)
    if action.record_id is None:
        return bool(overridden)
    return any(change.field in overridden or change.field in OVERRIDE_FLAGS for change in action.changes)


def _overridden(action: JobAction) -> list[str]:
    flags = zip(OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, strict=True)
    return [field for field, flag in flags if action.columns[flag]]


def _metadata(revision_ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, dict[str, Any]]:
    wanted = [pk for pk in revision_ids if pk]
    return dict(JobRevision.objects.filter(pk__in=wanted).values_list("pk", "metadata"))


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    return list(value) if isinstance(value, tuple) else value
