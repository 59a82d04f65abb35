"""What uses a job: the schedules, job hooks and job buttons that would run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import JobButton, JobHook, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.core_bridge import dependents
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.models import choices
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.panels import RowsPanel

# Of each kind; the lists of Nautobot's own have all of them.
MAX_SHOWN = 20


class UsedByPanel(RowsPanel):
    """The schedules, hooks and buttons of the job of the page that a user may view; without any it is not shown."""

    columns = ["kind", "name", "enabled", "when"]
    column_headers = ["Kind", "Name", "Enabled", "When it runs"]

    def should_render(self, context: Context) -> bool:
        """Render where something uses the job."""
        return super().should_render(context) and bool(self.used_by(context))

    def subject(self, context: Context) -> Any:
        """Return what the rows are of: the users of the job."""
        return self.used_by(context)

    def used_by(self, context: Context) -> list[dict[str, Any]]:
        """Return the rows; they are read once for a page."""
        job = get_obj_from_context(context)
        if not hasattr(job, "used_by"):
            job.used_by = list(_rows(job, context["request"].user)) if job.core_job_id else []
        return job.used_by

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        yield from obj


def _rows(job: models.RegisteredJob, user: Any) -> Iterator[dict[str, Any]]:
    kinds = choices.SuspendedObjectChoices
    for row in _visible(ScheduledJob, user).filter(job_model=job.core_job_id).order_by("name")[:MAX_SHOWN]:
        yield _row(kinds.SCHEDULE, row, _timing(row))
    if job.is_job_hook_receiver:
        hooks = _visible(JobHook, user).filter(job=job.core_job_id).prefetch_related("content_types").order_by("name")
        for row in hooks[:MAX_SHOWN]:
            types = ", ".join(sorted(kind.name for kind in row.content_types.all()))
            yield _row(kinds.HOOK, row, f"When these change: {types}")
    if job.is_job_button_receiver:
        for row in _visible(JobButton, user).filter(job=job.core_job_id).order_by("name")[:MAX_SHOWN]:
            yield _row(kinds.BUTTON, row, "When somebody presses it")


def _visible(model: Any, user: Any) -> QuerySet:
    """Return the rows of a model that a user may view; without the right no statement is made."""
    may_view = user.has_perm(get_permission_for_model(model, "view"))
    return model.objects.restrict(user, "view") if may_view else model.objects.none()


def _row(kind: str, row: Any, when: Any) -> dict[str, Any]:
    name = format_html('<a href="{}">{}</a>', row.get_absolute_url(), row.name)
    return {"kind": display.KINDS[kind], "name": name, "enabled": value_text(row.enabled), "when": when}


def _timing(row: ScheduledJob) -> Any:
    """Return how often a schedule runs, and when next, as far as that can be said."""
    often = row.get_interval_display()
    if row.crontab:
        often = f"{often} ({row.crontab})"
    following = dependents.next_run(row, timezone.now()) if row.enabled else None
    return often if following is None else format_html("{}, next {}", often, display.relative_time(following))
