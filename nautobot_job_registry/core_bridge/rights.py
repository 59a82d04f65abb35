"""Who may do what with core's own rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from nautobot.extras.models import Job


def permitted_jobs(user: Any, action: str, job_ids: Collection[UUID]) -> set[UUID]:
    """Return those of core's rows on which a user may do something, in one statement.

    Args:
        user: Who asks.
        action: `change`, `delete` or `run`.
        job_ids: The primary keys of core's rows.
    """
    return set(Job.objects.restrict(user, action).filter(pk__in=job_ids).values_list("pk", flat=True))
