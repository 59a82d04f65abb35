"""Tables of runs and schedules."""

from __future__ import annotations

from datetime import datetime

import django_tables2
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, BooleanColumn
from nautobot.apps.templatetags import placeholder
from nautobot.extras.models import JobResult

from nautobot_job_registry import models
from nautobot_job_registry.tables.base import LinkedColumn, RecordTable, TimeColumn
from nautobot_job_registry.tables.display import (
    all_but,
    class_path_display,
    code_label,
    duration_text,
    name_display,
    result_badge,
    short_text,
    time_of_day,
)


class JobRunTable(RecordTable):
    """Table of job runs."""

    created = TimeColumn(linkify=True, verbose_name="Requested")
    job = LinkedColumn()
    job_result = LinkedColumn(field="name", accessor="job_result", verbose_name="Job result")
    status = django_tables2.Column(accessor="job_result", order_by="job_result__status", verbose_name="Status")
    started = django_tables2.Column(accessor="job_result__date_started", empty_values=(), verbose_name="Started")
    duration = django_tables2.Column(accessor="job_result", orderable=False, verbose_name="Duration")
    user = django_tables2.Column(accessor="job_result__user")
    revision = LinkedColumn()
    code = django_tables2.Column(accessor="is_skewed", empty_values=(), verbose_name="Code")

    class Meta(BaseTable.Meta):
        model = models.JobRun
        fields = (
            "created",
            "job",
            "status",
            "started",
            "duration",
            "code",
            "worker",
            "user",
            "class_path",
            "job_result",
            "revision",
            "source_version",
            "code_hash",
        )
        default_columns = fields[: fields.index("class_path")]

    def render_status(self, value: JobResult) -> SafeString | str:
        """Show the status of the run as Nautobot does, linked to its result."""
        return self.linked(value, result_badge(value.status))

    def render_started(self, value: datetime | None) -> SafeString:
        """Show when the run began."""
        return placeholder("not started") if value is None else time_of_day(value)

    def render_duration(self, value: JobResult) -> SafeString | str:
        """Show how long the run took, once it has ended."""
        if value.date_started is None or value.date_done is None:
            return placeholder(None)
        return format_html('<span class="text-nowrap">{}</span>', duration_text(value.date_done - value.date_started))

    def render_code(self, record: models.JobRun) -> SafeString:
        """Show whether the run executed the current code, and beneath it which revision that was."""
        state = code_label(record)
        if record.revision is None:
            return state
        number = f"revision {record.revision.number}"
        return format_html("{}<br><small>{}</small>", state, self.linked(record.revision, number))

    def render_worker(self, value: str) -> SafeString:
        """Let a long name go on in the next line."""
        return name_display(value)

    def render_class_path(self, value: str) -> SafeString:
        """Let a long path go on in the next line, after a dot."""
        return class_path_display(value)

    def render_source_version(self, value: str) -> SafeString:
        """Show a commit shortened."""
        return short_text(value)

    def render_code_hash(self, value: str) -> SafeString:
        """Show a hash shortened."""
        return short_text(value)


class JobScheduleTable(RecordTable):
    """Table of job schedules."""

    scheduled_job = LinkedColumn(field="name", verbose_name="Schedule")
    job = LinkedColumn()
    enabled = BooleanColumn(accessor="scheduled_job__enabled")
    interval = django_tables2.Column(accessor="scheduled_job__interval")
    last_run_at = TimeColumn(accessor="scheduled_job__last_run_at", verbose_name="Last run")
    user = django_tables2.Column(accessor="scheduled_job__user")
    class_path = django_tables2.Column(linkify=True)
    created = TimeColumn()

    class Meta(BaseTable.Meta):
        model = models.JobSchedule
        fields = (
            "scheduled_job",
            "job",
            "enabled",
            "interval",
            "last_run_at",
            "class_path",
            "user",
            "created",
        )
        default_columns = all_but(fields, "user", "created")

    def render_class_path(self, value: str) -> SafeString:
        """Let a long path go on in the next line, after a dot."""
        return class_path_display(value)
