"""Table of load errors."""

from __future__ import annotations

from typing import Any

import django_tables2
from django.db.models import F, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable
from nautobot.apps.templatetags import placeholder

from nautobot_job_registry import models
from nautobot_job_registry.models import job_queries
from nautobot_job_registry.tables.base import SourcedTable, TimeColumn, tint
from nautobot_job_registry.tables.display import (
    breakable,
    class_path_display,
    exact_text,
    list_link,
    listed_time,
    load_error_place,
    load_error_state,
    load_error_text,
    name_display,
    path_display,
    shown_path,
)


def with_stopped_jobs(rows: QuerySet, user: Any) -> QuerySet:
    """Count the jobs that each error keeps from running, as far as a user may view them."""
    return rows.annotate(stopped_job_count=job_queries.stopped_job_count(user))


def row_style(record: models.JobLoadError) -> str:
    """Return the colour of a row: red for an error that keeps jobs from running, yellow where a sync was rejected."""
    if not record.is_open:
        return ""
    return tint("warning" if record.is_rejected else "danger")


class JobLoadErrorTable(SourcedTable):
    """Table of load errors."""

    state = django_tables2.Column(accessor="resolved_at", empty_values=(), verbose_name="State")
    place = django_tables2.Column(
        accessor="file_path", empty_values=(), order_by=("file_path", "line"), verbose_name="File and line"
    )
    error = django_tables2.Column(
        accessor="exception_type", order_by=("exception_type", "message"), verbose_name="Error"
    )
    jobs = django_tables2.Column(accessor="pk", verbose_name="Jobs that cannot run")
    seen = django_tables2.Column(
        accessor="last_seen", order_by=("last_seen", "first_seen"), verbose_name="Last, first seen"
    )
    module_name = django_tables2.Column(linkify=True)
    first_seen = TimeColumn()
    last_seen = TimeColumn()
    resolved_at = TimeColumn()

    reads = {"jobs": with_stopped_jobs}

    class Meta(BaseTable.Meta):
        model = models.JobLoadError
        row_attrs = {"style": row_style}
        fields = (
            "state",
            "place",
            "error",
            "source",
            "jobs",
            "seen",
            "module_name",
            "job_class_name",
            "source_version",
            "effective_version",
            "exception_type",
            "message",
            "file_path",
            "line",
            "commit_author",
            "commit_subject",
            "first_seen",
            "last_seen",
            "resolved_at",
        )
        default_columns = fields[: fields.index("module_name")]

    def render_state(self, record: models.JobLoadError) -> SafeString:
        """Show whether the error is still there."""
        return load_error_state(record)

    def render_place(self, record: models.JobLoadError) -> SafeString:
        """Show file and line, linked to the page of the error, and beneath them the module or class."""
        link = format_html('<a href="{}">{}</a>', record.get_absolute_url(), path_display(load_error_place(record)))
        if not record.file_path:
            return link
        what = class_path_display(str(record))
        return format_html('{}<br><small class="text-body-secondary">{}</small>', link, what)

    def render_error(self, record: models.JobLoadError) -> SafeString:
        """Show type and message, of which the page of the error has the whole, and who touched the file last."""
        text = name_display(load_error_text(record))
        if not record.commit_author:
            return text
        return format_html(
            '{}<br><small class="text-body-secondary">last commit by {}</small>', text, record.commit_author
        )

    def render_jobs(self, record: models.JobLoadError) -> SafeString | str:
        """Count the jobs that the error keeps from running, linked to the list of them."""
        count = getattr(record, "stopped_job_count", None)
        if count is None:
            return placeholder(None)
        return list_link(models.RegisteredJob, {"load_error": record.pk}, str(count)) if count else "0"

    def order_jobs(self, queryset: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        """Sort by the number of those jobs."""
        rows = queryset.annotate(_jobs=job_queries.stopped_job_count(self.user))
        order = F("_jobs").desc(nulls_last=True) if is_descending else F("_jobs").asc(nulls_first=True)
        return rows.order_by(order, *queryset.model._meta.ordering), True

    def render_seen(self, record: models.JobLoadError) -> SafeString:
        """Show when the error was recorded last, and since when it is known."""
        first = exact_text(record.first_seen, "SHORT_DATETIME_FORMAT")
        text = '{}<br><small class="text-body-secondary text-nowrap">first {}</small>'
        return format_html(text, listed_time(record.last_seen), first)

    def render_message(self, record: models.JobLoadError) -> SafeString:
        """Let a long message go on in the next line."""
        return breakable(record.message)

    def render_file_path(self, record: models.JobLoadError) -> SafeString:
        """Show the path in the folder of the source."""
        return path_display(shown_path(record.file_path, record.git_repository))
