"""What is done about an override: keep it against what the source says now, or follow the source."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from nautobot.extras.choices import ObjectChangeActionChoices

from nautobot_job_registry.core_bridge import change_log, locks
from nautobot_job_registry.core_bridge.permissions import (
    WithheldError,
    require_still_permitted,
    withheld,
    withheld_message,
)
from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.models import FieldOverride, RegisteredJob
from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.models.sql import locked

KEPT_DETAIL = "Job Registry: keep override"
# Each record is saved by its own way: more of them are for the bulk edit of registered jobs, which a worker does.
MAX_FOLLOWED = 500
UNREAD = ("job__current_revision__source_code", "reason")


class NotChangeableError(WithheldError):
    """The user may not change the registered job of an override; the text names it."""


class TooManyError(Exception):
    """More overrides than can be cleared at once; the text says how many, and the way out."""


def keep_overrides(overrides: Iterable[FieldOverride], user: Any) -> int:
    """Keep overrides against what the source says now: they are drifted no more until it changes again.

    Done as a whole or not at all, in a number of statements that grows with batches and not with overrides. The change
    log of each job tells it; the values, and core's rows, stay as they are.

    Args:
        overrides: The overrides, each with its primary key. One that is not drifted stays as it is.
        user: Who decides; needs the right to change the registered jobs.

    Returns:
        How many were drifted.

    Raises:
        NotChangeableError: If a registered job may not be changed by the user.
    """
    overrides = list(overrides)
    with transaction.atomic():
        jobs = _locked_jobs(overrides)
        _require_change(user, jobs)
        kept = []
        for override in _rows(overrides).select_related("job__current_revision").defer(*UNREAD):
            if override.is_drifted:
                override.source_value = override.job.current_revision.metadata[override.field]
                kept.append(override)
        FieldOverride.objects.bulk_update(kept, ["source_value"], batch_size=BATCH_SIZE)
        _log_kept(kept, user)
    return len(kept)


def follow_source(overrides: Iterable[FieldOverride], user: Any) -> int:
    """Clear overrides, so that the fields say what the source says, in core too (rules 13 and 16).

    Done as a whole or not at all. Each record is saved by its own way, as a person's edit is.

    Args:
        overrides: The overrides.
        user: Who decides; needs the right to change the registered jobs, and core's rows of them (rule 17).

    Returns:
        How many were cleared.

    Raises:
        WithheldError: If one of the rights is missing.
        TooManyError: If they are more than can be cleared at once.
        ValidationError: If a record cannot be saved.
    """
    overrides = list(overrides)
    if len(overrides) > MAX_FOLLOWED:
        raise TooManyError(
            f"{len(overrides)} overrides are too many to clear at once: {MAX_FOLLOWED} are the most. Narrow the "
            "filter, or choose Follow the code in the bulk edit of registered jobs, which a worker does."
        )
    with transaction.atomic():
        jobs = _locked_jobs(overrides)
        _require_change(user, jobs)
        missing = withheld(user, "change", jobs)
        if missing:
            raise WithheldError(withheld_message("change", [job.class_path for job in jobs if job.pk in missing]))
        fields = defaultdict(list)
        for job_id, field in _rows(overrides).values_list("job_id", "field"):
            fields[job_id].append(field)
        for job in jobs:
            for field in fields[job.pk]:
                setattr(job, override_flag(field), False)
            job.validated_save()
        _require_change(user, jobs)
        require_still_permitted(user, jobs)
    return sum(map(len, fields.values()))


def _rows(overrides: Iterable[FieldOverride]) -> Any:
    return FieldOverride.objects.filter(pk__in=[override.pk for override in overrides])


def _locked_jobs(overrides: Iterable[FieldOverride]) -> list[RegisteredJob]:
    """Return the records of overrides, locked so that no reconcile and no edit comes in between (rule 10)."""
    keys = {override.job_id for override in overrides}
    locks.lock_core_rows_of(keys)
    rows = locked(RegisteredJob.objects.filter(pk__in=keys).order_by("pk"))
    rows = rows.select_related("current_revision", "core_job", "default_job_queue")
    return list(rows.defer("current_revision__source_code").prefetch_related("job_queues", "tags"))


def _require_change(user: Any, jobs: Collection[RegisteredJob]) -> None:
    permitted = RegisteredJob.objects.restrict(user, "change").filter(pk__in=[job.pk for job in jobs])
    missing = {job.pk for job in jobs} - set(permitted.order_by().values_list("pk", flat=True))
    if missing:
        names = sorted(job.class_path for job in jobs if job.pk in missing)
        raise NotChangeableError(
            f"The permission nautobot_job_registry.change_registeredjob is needed for: {', '.join(names)}."
        )


def _log_kept(kept: list[FieldOverride], user: Any) -> None:
    """Make one entry in the change log of each job, which says which overrides were kept, and against what."""
    against: dict[uuid.UUID, dict[str, Any]] = defaultdict(dict)
    for override in kept:
        against[override.job_id][override.field] = override.source_value
    said = {key: {"overrides_kept_against": values} for key, values in against.items()}
    actions = dict.fromkeys(against, ObjectChangeActionChoices.ACTION_UPDATE)
    change_log.log_changes(actions, user, KEPT_DETAIL, said=said, in_context=True)
