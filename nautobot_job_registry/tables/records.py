"""Tables of what the registry records: revisions, overrides, reconciles and suspensions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import django_tables2
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from nautobot.apps.tables import BaseTable, ToggleColumn
from nautobot.apps.templatetags import placeholder

from nautobot_job_registry import models
from nautobot_job_registry.filters.changes import WantedChanges
from nautobot_job_registry.history import sentences
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.models.reconciliation import ALL_SOURCES, COUNT_FIELDS
from nautobot_job_registry.tables.base import ROW_STYLE, LinkedColumn, RecordTable, TimeColumn
from nautobot_job_registry.tables.display import (
    DRIFTED,
    IN_STEP,
    UNBROKEN_IN_CELL,
    all_but,
    class_path_display,
    duration_text,
    kind_display,
    name_display,
    outcome_label,
    reason_label,
    reconcile_summary,
    reconciliation_status,
    short_text,
    shortened,
    time_of_day,
    version_display,
)
from nautobot_job_registry.tables.revision_changes import change_summary, run_count_display, version_change

MAX_SENTENCES = 5


class JobRevisionTable(RecordTable):
    """Table of job revisions, which have to be read `with_history()`."""

    created = TimeColumn(verbose_name="First seen")
    number = django_tables2.Column(linkify=True, verbose_name="Revision")
    job = LinkedColumn()
    changes = django_tables2.Column(accessor="metadata", empty_values=(), orderable=False, verbose_name="What changed")
    versions = django_tables2.Column(
        accessor="source_version", empty_values=(), orderable=False, verbose_name="From → to"
    )
    runs = django_tables2.Column(accessor="pk", orderable=False, verbose_name="Runs")
    reconciliation = LinkedColumn()

    class Meta(BaseTable.Meta):
        model = models.JobRevision
        fields = (
            "created",
            "job",
            "number",
            "changes",
            "source_version",
            "versions",
            "reconciliation",
            "runs",
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

    def render_metadata_hash(self, value: str) -> SafeString:
        """Show a hash shortened."""
        return short_text(value)

    render_source_hash = render_metadata_hash

    def render_versions(self, record: models.JobRevision) -> str:
        """Show the version before, too."""
        return version_change(record)

    def render_runs(self, record: models.JobRevision) -> str:
        """Count the runs that used the revision."""
        return run_count_display(record)


def value_in_list(value: Any) -> SafeString:
    """Return the beginning of a value of a job, for a cell of a list."""
    return name_display(shortened(value_text(value)), UNBROKEN_IN_CELL) or placeholder(None)


class FieldOverrideTable(RecordTable):
    """Table of field overrides."""

    pk = ToggleColumn()
    field = django_tables2.Column(order_by=("field", "job"), verbose_name="Field, job")
    job = LinkedColumn()
    value = django_tables2.Column(empty_values=(), verbose_name="Value")
    source_value = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Source when set")
    source_now = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Source now", accessor="job")
    state = django_tables2.Column(empty_values=(), accessor="is_drifted")
    expires_at = django_tables2.Column(verbose_name="Ends")
    made = django_tables2.Column(accessor="created", order_by=("created",), verbose_name="Set")
    created = TimeColumn(verbose_name="Set at")

    class Meta(BaseTable.Meta):
        model = models.FieldOverride
        row_attrs = {"class": lambda record: "table-warning" if record.is_drifted else "", "style": ROW_STYLE}
        fields = (
            "pk",
            "field",
            "job",
            "value",
            "source_value",
            "source_now",
            "state",
            "expires_at",
            "made",
            "reason",
            "origin",
            "set_by",
            "created",
        )
        default_columns = all_but(fields, "job", "origin", "set_by", "created")

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        """Offer the ticks to those who may decide about overrides: that is a right on registered jobs."""
        super().__init__(*args, user=user, **kwargs)
        if user is not None and user.has_perm("nautobot_job_registry.change_registeredjob"):
            self.columns.show("pk")

    def render_field(self, record: models.FieldOverride) -> SafeString:
        """Name the field, and beneath it the job."""
        link = format_html('<a href="{}">{}</a>', record.get_absolute_url(), record.get_field_display())
        if self.columns["job"].visible:
            return link
        return format_html("{}<br><small>{}</small>", link, self.linked(record.job))

    def render_value(self, value: Any) -> SafeString:
        """Show the value that is in effect; the page of the override has the whole of a long one."""
        return value_in_list(value)

    def render_source_value(self, value: Any, record: models.FieldOverride) -> SafeString:
        """Show what the source said when the override was set."""
        return value_in_list(value) if record.source_is_known else placeholder("not known")

    def render_source_now(self, record: models.FieldOverride) -> SafeString:
        """Show what the source says now."""
        return value_in_list(record.job.source_values.get(record.field))

    def render_expires_at(self, value: datetime) -> SafeString:
        """Show when the override ends."""
        return time_of_day(value)

    def render_made(self, record: models.FieldOverride) -> SafeString:
        """Show when the override was made, by whom and where."""
        who = f"by {record.set_by}" if record.set_by else record.get_origin_display()
        return format_html("{}<br><small>{}</small>", time_of_day(record.created), who)

    def render_reason(self, value: str) -> SafeString:
        """Show the beginning of a reason; the page of the override has the whole."""
        return name_display(shortened(value), UNBROKEN_IN_CELL)

    def render_state(self, value: bool) -> SafeString:
        """Show whether the source has changed since."""
        return DRIFTED if value else IN_STEP

    def order_state(self, queryset: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        """Sort by whether the source has changed since; those come last, or first where it is turned round."""
        drifted = models.FieldOverride.objects.drifted().filter(pk=OuterRef("pk"))
        order = ("-_drifted" if is_descending else "_drifted", *queryset.model._meta.ordering)
        return queryset.annotate(_drifted=Exists(drifted)).order_by(*order), True


class ReconciliationTable(RecordTable):
    """Table of reconciliations."""

    started = TimeColumn(linkify=True)
    what_happened = django_tables2.Column(empty_values=(), orderable=False, verbose_name="What happened")
    duration = django_tables2.Column(orderable=False)
    finished = TimeColumn()
    job_result = LinkedColumn(field="name")

    class Meta(BaseTable.Meta):
        model = models.Reconciliation
        fields = (
            "started",
            "status",
            "what_happened",
            "trigger",
            "scope",
            "duration",
            "user",
            "finished",
            "job_result",
            *COUNT_FIELDS,
        )
        default_columns = fields[: fields.index("finished")]

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

    def render_scope(self, value: str) -> SafeString:
        """Say which sources were read."""
        return format_html("All sources") if value == ALL_SOURCES else name_display(value)

    def render_duration(self, value: timedelta) -> SafeString:
        """Show how long the reconcile took."""
        return format_html('<span class="text-nowrap">{}</span>', duration_text(value))


class SuspensionTable(RecordTable):
    """Table of suspensions."""

    pk = ToggleColumn(visible=True)
    object_name = django_tables2.Column(linkify=True, verbose_name="Switched off")
    object_type = django_tables2.Column(order_by="object_type__model", verbose_name="Kind")
    job = LinkedColumn()
    reason = django_tables2.Column(empty_values=(), verbose_name="Job was")
    restored_at = TimeColumn(verbose_name="Ended")
    suspended_at = TimeColumn(verbose_name="Since")

    class Meta(BaseTable.Meta):
        model = models.Suspension
        fields = (
            "pk",
            "object_name",
            "object_type",
            "job",
            "suspended_at",
            "reason",
            "outcome",
            "restored_at",
            "class_path",
            "origin",
            "restored_by",
        )
        default_columns = all_but(fields, "class_path", "origin", "restored_by")

    def render_object_type(self, record: models.Suspension) -> str:
        """Show which kind of object it is."""
        return kind_display(record)

    def render_class_path(self, value: str) -> SafeString:
        """Let a long path go on in the next line, after a dot."""
        return class_path_display(value)

    def render_reason(self, record: models.Suspension) -> str:
        """Show why the job was absent."""
        return reason_label(record)

    def render_outcome(self, record: models.Suspension) -> SafeString:
        """Show how it ended."""
        return outcome_label(record)
