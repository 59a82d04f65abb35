"""What a page tells, above all else, of code that cannot be loaded."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Window

from nautobot_job_registry import models
from nautobot_job_registry.metrics.needs import LOAD_ERRORS, may_view
from nautobot_job_registry.tables.display import load_error_place, load_error_text

MOST_NAMED, TEXT_LENGTH = 3, 70
NOT_NAMED = ("traceback", "commit_author", "commit_subject")


def open_errors(user: Any) -> dict[str, Any]:
    """Return what the banner of a page tells of the open load errors that a user may view, read in one statement.

    Returns:
        `named`: the latest few of them, each with `url`, `place`, `source`, `text` and `is_rejected`; `more`: how many
        others there are; `count`: how many there are in all; `url`: the list of them. Empty where there are none.
    """
    if not may_view(user, models.JobLoadError):
        return {}
    errors = models.JobLoadError.objects.restrict(user, "view").filter(resolved_at=None)
    errors = errors.select_related("git_repository").defer(*NOT_NAMED).annotate(count=Window(Count("pk")))
    latest = list(errors.order_by(F("last_seen").desc(), "pk")[:MOST_NAMED])
    if not latest:
        return {}
    named = [
        {
            "url": error.get_absolute_url(),
            "place": load_error_place(error),
            "source": error.source_name,
            "text": load_error_text(error, TEXT_LENGTH),
            "is_rejected": error.is_rejected,
        }
        for error in latest
    ]
    count = latest[0].count
    return {"named": named, "more": count - len(named), "count": count, "url": LOAD_ERRORS.url}
