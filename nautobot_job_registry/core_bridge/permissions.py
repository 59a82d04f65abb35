"""Who may change or delete what Nautobot executes (rule 17)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from nautobot.extras.models import Job

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS
from nautobot_job_registry.models import RegisteredJob


def permitted_jobs(user: Any, action: str, job_ids: Collection[UUID]) -> set[UUID]:
    """Return those of core's rows on which a user may do something, in one statement.

    Args:
        user: Who asks.
        action: `change`, `delete` or `run`.
        job_ids: The primary keys of core's rows.
    """
    return set(Job.objects.restrict(user, action).filter(pk__in=job_ids).values_list("pk", flat=True))


# What a record says that decides what Nautobot executes, and how; the end of an override decides it for later.
DECISIONS = frozenset((*OVERRIDABLE_FIELDS, *OVERRIDE_FLAGS, "enabled", "override_expires_at", "override_never_ends"))


class NotPermittedError(Exception):
    """A right is missing; the text says which, and on what. Nothing was changed."""


class WithheldError(NotPermittedError):
    """A right on core's own row of a job is missing; the text says which, and for what."""


def withheld(user: Any, action: str, jobs: Iterable[RegisteredJob]) -> frozenset[UUID]:
    """Return the primary keys of those records whose core job a user may not change or delete, in one statement.

    Args:
        user: Who asks.
        action: `change` or `delete`.
        jobs: The records; those without a core job are free.
    """
    core_jobs = {job.core_job_id: job.pk for job in jobs if job.core_job_id}
    if not core_jobs or user.is_superuser:
        return frozenset()
    permitted = permitted_jobs(user, action, core_jobs.keys())
    return frozenset(core_jobs[pk] for pk in core_jobs.keys() - permitted)


def require_still_permitted(user: Any, jobs: Iterable[RegisteredJob]) -> None:
    """Refuse decisions that took core's rows out of what the user may change, as core refuses them (rule 17).

    Core asks twice: a row has to be one's own before it is changed, and after. So it takes the same right here as there
    to turn `enabled` on, or `has_sensitive_variables` off, where permissions are constrained to either.

    Args:
        user: Who decided.
        jobs: The records as they have been saved, in the transaction that is to be rolled back.

    Raises:
        WithheldError: If one of core's rows is not the user's to change any more; the text names the job.
    """
    jobs = list(jobs)
    missing = withheld(user, "change", jobs)
    if missing:
        raise WithheldError(withheld_message("change", [job.class_path for job in jobs if job.pk in missing]))


def withheld_message(action: str, names: Collection[str]) -> str:
    """Say which right is missing, and for what."""
    return (
        f"The permission extras.{action}_job on Nautobot's own job is needed too, to {action} what it executes: "
        f"{', '.join(sorted(names))}."
    )
