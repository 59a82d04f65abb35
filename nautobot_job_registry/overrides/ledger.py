"""The ledger of overrides: a row for each flag that is set, kept in bulk by a reconcile."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import Q

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS
from nautobot_job_registry.engine.overrides import column_values, overrides_to_note
from nautobot_job_registry.engine.plan import JobAction
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.models import FieldOverride, JobRevision, RegisteredJob
from nautobot_job_registry.models.choices import OverrideOriginChoices
from nautobot_job_registry.models.constants import BATCH_SIZE


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


def note_overrides(actions: Iterable[JobAction], jobs: Mapping[JobKey, RegisteredJob]) -> None:
    """Note the overrides that a reconcile took over from core, as `RegisteredJob.save()` notes an operator's.

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
    made, updated, gone = [], [], []
    for pk, action in changed.items():
        known = rows[pk]
        overrides = {name: _plain(action.columns[name]) for name in _overridden(action)}
        noted = {field: row.value for field, row in known.items()}
        metadata = said.get(jobs[action.key].current_revision_id)
        for override in overrides_to_note(overrides, noted, metadata):
            row = known.get(override.field) or FieldOverride(job_id=pk)
            (updated if override.field in known else made).append(row)
            is_collision = override.field in action.collisions
            if override.field in known and override.field in action.core_columns and not is_collision:
                # What core is yet to be told did not come from it: a chosen name that got a number, or queues that the
                # source's default one joined, stay their author's, and set against what the source said then.
                row.value = override.value
                continue
            for name, value in asdict(override).items():
                setattr(row, name, value)
            row.origin = OverrideOriginChoices.COLLISION if is_collision else OverrideOriginChoices.CORE
            row.set_by = None
        gone += [row.pk for field, row in known.items() if field not in overrides]
    fields = ("value", "source_value", "source_is_known", "origin", "set_by")
    FieldOverride.objects.bulk_create(made, batch_size=BATCH_SIZE)
    FieldOverride.objects.bulk_update(updated, fields, batch_size=BATCH_SIZE)
    if gone:
        FieldOverride.objects.filter(pk__in=gone).delete()


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
