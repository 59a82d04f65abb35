"""Tables of what the registry records: revisions, overrides, load errors, anchors, reconciles and suspensions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_tables2
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from nautobot.apps.tables import BaseTable, BooleanColumn, ToggleColumn
from nautobot.apps.templatetags import placeholder
from nautobot.extras.models import JobResult, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.filters.changes import WantedChanges
from nautobot_job_registry.history import sentences
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.models.reconciliation import COUNT_FIELDS
from nautobot_job_registry.tables.display import (
    AS_SET,
    DRIFTED,
    all_but,
    code_label,
    duration_text,
    kind_display,
    load_error_state,
    outcome_label,
    reason_label,
    reconcile_summary,
    reconciliation_status,
    short_text,
    shortened,
    source_display,
    version_display,
)
from nautobot_job_registry.tables.revision_changes import change_summary, run_count_display, version_change

MAX_SENTENCES = 5


class RecordTable(BaseTable):
    """A table whose rows can be ticked."""

    pk = ToggleColumn()


class SourcedTable(RecordTable):
    """A table of what comes from a source."""

    source = django_tables2.Column(
        accessor="source_type", order_by=("source_type", "source_name"), verbose_name="Source"
    )

    def render_source(self, record: models.RegisteredJob | models.JobLoadError) -> SafeString:
        """Show kind and name of the source."""
        return source_display(record)

    def render_source_version(self, value: str, record: models.RegisteredJob | models.JobLoadError) -> SafeString:
        """Show a commit shortened."""
        return version_display(value, record.source_type)

    render_effective_version = render_source_version


class JobRevisionTable(RecordTable):
    """Table of job revisions, which have to be read `with_history()`."""

    number = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)
    changes = django_tables2.Column(accessor="metadata", empty_values=(), orderable=False, verbose_name="What changed")
    versions = django_tables2.Column(
        accessor="source_version", empty_values=(), orderable=False, verbose_name="From → to"
    )
    runs = django_tables2.Column(accessor="pk", orderable=False, verbose_name="Runs")
    reconciliation = django_tables2.Column(linkify=True)

    class Meta(BaseTable.Meta):
        model = models.JobRevision
        fields = (
            "pk",
            "number",
            "job",
            "changes",
            "source_version",
            "versions",
            "reconciliation",
            "runs",
            "created",
            "metadata_hash",
            "source_hash",
        )
        default_columns = all_but(fields, "versions", "reconciliation", "metadata_hash", "source_hash")

    def render_changes(self, record: models.JobRevision) -> str:
        """Say in words what changed since the revision before."""
        return change_summary(record)

    def render_source_version(self, value: str, record: models.JobRevision) -> SafeString:
        """Show a commit shortened."""
        return version_display(value, record.job.source_type)

    def render_versions(self, record: models.JobRevision) -> str:
        """Show the version before, too."""
        return version_change(record)

    def render_runs(self, record: models.JobRevision) -> str:
        """Count the runs that used the revision."""
        return run_count_display(record)


class FieldOverrideTable(RecordTable):
    """Table of field overrides."""

    field = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)
    value = django_tables2.Column(empty_values=(), orderable=False)
    source_value = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Set against")
    source_now = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Source says now", accessor="job")
    reason = django_tables2.Column()
    expires_at = django_tables2.DateTimeColumn(short=True, verbose_name="Ends")
    state = django_tables2.Column(empty_values=(), orderable=False, accessor="is_drifted")

    class Meta(BaseTable.Meta):
        model = models.FieldOverride
        row_attrs = {"class": lambda record: "table-warning" if record.is_drifted else ""}
        fields = (
            "pk",
            "field",
            "job",
            "value",
            "source_value",
            "source_now",
            "state",
            "origin",
            "set_by",
            "created",
            "reason",
            "expires_at",
        )
        default_columns = all_but(fields, "created")

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        """Offer the ticks to those who may decide about overrides: that is a right on registered jobs."""
        super().__init__(*args, user=user, **kwargs)
        if user is not None and user.has_perm("nautobot_job_registry.change_registeredjob"):
            self.columns.show("pk")

    def render_value(self, value: Any) -> str:
        """Show the value that is in effect."""
        return value_text(value)

    def render_source_value(self, value: Any, record: models.FieldOverride) -> str:
        """Show what the source said when the override was set."""
        return value_text(value) if record.source_is_known else placeholder(None)

    def render_source_now(self, record: models.FieldOverride) -> str:
        """Show what the source says now."""
        return value_text(record.job.source_values.get(record.field))

    def render_reason(self, value: str) -> str:
        """Show the beginning of a reason; the page of the override has the whole."""
        return shortened(value)

    def render_state(self, value: bool) -> SafeString:
        """Show whether the source has changed since."""
        return DRIFTED if value else AS_SET


class JobLoadErrorTable(SourcedTable):
    """Table of load errors."""

    module_name = django_tables2.Column(linkify=True)
    state = django_tables2.Column(accessor="resolved_at", empty_values=(), verbose_name="State")

    class Meta(BaseTable.Meta):
        model = models.JobLoadError
        fields = (
            "pk",
            "module_name",
            "job_class_name",
            "source",
            "source_version",
            "effective_version",
            "exception_type",
            "message",
            "file_path",
            "line",
            "commit_author",
            "commit_subject",
            "state",
            "first_seen",
            "last_seen",
            "resolved_at",
        )
        default_columns = all_but(
            fields, "effective_version", "file_path", "line", "commit_subject", "first_seen", "resolved_at"
        )

    def render_state(self, record: models.JobLoadError) -> SafeString:
        """Show whether the error is still there."""
        return load_error_state(record)


class JobRunTable(RecordTable):
    """Table of job runs."""

    created = django_tables2.DateTimeColumn(linkify=True, format="Y-m-d H:i:s", verbose_name="Asked for")
    job = django_tables2.Column(linkify=True)
    job_result = django_tables2.Column(linkify=True, accessor="job_result", verbose_name="Job result")
    status = django_tables2.Column(accessor="job_result__status")
    user = django_tables2.Column(accessor="job_result__user")
    revision = django_tables2.Column(linkify=True)
    code = django_tables2.Column(accessor="is_skewed", empty_values=(), verbose_name="Code")

    class Meta(BaseTable.Meta):
        model = models.JobRun
        fields = (
            "pk",
            "created",
            "class_path",
            "job",
            "job_result",
            "status",
            "user",
            "revision",
            "code",
            "source_version",
            "worker",
            "code_hash",
        )
        default_columns = all_but(fields, "source_version", "code_hash")

    def render_job_result(self, value: JobResult) -> str:
        """Name a result in short: its own name says when it was made, too."""
        return value.name

    def render_code(self, record: models.JobRun) -> SafeString:
        """Show whether the run executed the current code."""
        return code_label(record)

    def render_source_version(self, value: str) -> SafeString:
        """Show a commit shortened."""
        return short_text(value)

    def render_code_hash(self, value: str) -> SafeString:
        """Show a hash shortened."""
        return short_text(value)


class JobScheduleTable(RecordTable):
    """Table of job schedules."""

    class_path = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)
    scheduled_job = django_tables2.Column(linkify=True, verbose_name="Schedule")
    enabled = BooleanColumn(accessor="scheduled_job__enabled")
    interval = django_tables2.Column(accessor="scheduled_job__interval")
    last_run_at = django_tables2.Column(accessor="scheduled_job__last_run_at", verbose_name="Last run")
    user = django_tables2.Column(accessor="scheduled_job__user")

    class Meta(BaseTable.Meta):
        model = models.JobSchedule
        fields = (
            "pk",
            "class_path",
            "job",
            "scheduled_job",
            "enabled",
            "interval",
            "last_run_at",
            "user",
            "created",
        )
        default_columns = all_but(fields, "user", "created")

    def render_scheduled_job(self, value: ScheduledJob) -> str:
        """Name a schedule; its interval has a column of its own."""
        return value.name


class ReconciliationTable(RecordTable):
    """Table of reconciliations."""

    started = django_tables2.DateTimeColumn(linkify=True, short=True)
    what_happened = django_tables2.Column(empty_values=(), orderable=False, verbose_name="What happened")
    duration = django_tables2.Column(orderable=False)
    user = django_tables2.Column()
    job_result = django_tables2.Column(linkify=True)

    class Meta(BaseTable.Meta):
        model = models.Reconciliation
        fields = (
            "pk",
            "started",
            "trigger",
            "scope",
            "status",
            "what_happened",
            *COUNT_FIELDS,
            "finished",
            "duration",
            "user",
            "job_result",
        )
        default_columns = all_but(fields, *COUNT_FIELDS, "finished", "user", "job_result")

    def render_what_happened(self, record: models.Reconciliation) -> str:
        """Tell the changes that are filtered by in sentences, where the page has read them, else what the counts say.

        Where a list shows only what happened to one job, that is what its reader wants to know of each row.
        """
        if "changes" in record.get_deferred_fields():
            return reconcile_summary(record)
        wanted = WantedChanges.of(dict(self.request.GET.lists()))
        told = [sentences.sentence(entry) for entry in wanted.among(record.changes)]
        lines = told[:MAX_SENTENCES]
        if len(told) > MAX_SENTENCES:
            lines.append(f"… and {len(told) - MAX_SENTENCES} more")
        return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))

    def render_status(self, record: models.Reconciliation) -> SafeString:
        """Show how the reconcile ended as a coloured label."""
        return reconciliation_status(record)

    def render_duration(self, value: timedelta) -> str:
        """Show how long it took, in the unit that fits."""
        return duration_text(value)


class SuspensionTable(RecordTable):
    """Table of suspensions."""

    pk = ToggleColumn(visible=True)
    object_name = django_tables2.Column(linkify=True, verbose_name="Switched off")
    object_type = django_tables2.Column(order_by="object_type__model", verbose_name="Kind")
    job = django_tables2.Column(linkify=True)
    reason = django_tables2.Column(empty_values=())
    outcome = django_tables2.Column()
    restored_at = django_tables2.DateTimeColumn(short=True, verbose_name="Ended")
    suspended_at = django_tables2.DateTimeColumn(short=True, verbose_name="Since")

    class Meta(BaseTable.Meta):
        model = models.Suspension
        fields = (
            "pk",
            "object_name",
            "object_type",
            "job",
            "class_path",
            "suspended_at",
            "reason",
            "origin",
            "outcome",
            "restored_at",
            "restored_by",
        )
        default_columns = all_but(fields, "origin", "restored_by")

    def render_object_type(self, record: models.Suspension) -> str:
        """Show which kind of object it is."""
        return kind_display(record)

    def render_class_path(self, value: str) -> SafeString:
        """Let a long path go on in the next line."""
        return format_html('<span class="text-break">{}</span>', value)

    def render_reason(self, record: models.Suspension) -> str:
        """Show why the job was absent."""
        return reason_label(record)

    def render_outcome(self, record: models.Suspension) -> SafeString:
        """Show how it ended."""
        return outcome_label(record)
