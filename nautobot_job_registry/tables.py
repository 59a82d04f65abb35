"""Tables of the job registry."""

import json
from typing import Any

import django_tables2
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, BooleanColumn, ButtonsColumn, TagColumn, ToggleColumn
from nautobot.apps.templatetags import placeholder
from nautobot.apps.utils import get_route_for_model

from nautobot_job_registry import choices, models

SHORT_COMMIT_LENGTH = 8
INSTALLED = "installed"
STATE_CLASSES = {
    INSTALLED: "success",
    choices.AbsenceChoices.REMOVED: "secondary",
    choices.AbsenceChoices.LOAD_ERROR: "danger",
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: "warning",
}


def value_text(value: Any) -> str:
    """Return a value of a job as a text, for which an empty one, zero and no are not the same."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str)
    return str(value)


def label(text: str, css_class: str) -> SafeString:
    """Return a coloured label."""
    return format_html('<span class="badge bg-{}">{}</span>', css_class, text)


def job_state(job: models.RegisteredJob) -> str:
    """Return the state of a job: `installed`, or the reason of its absence."""
    return INSTALLED if job.installed else job.absence


def state_label(job: models.RegisteredJob) -> SafeString:
    """Return the state of a job as a coloured label."""
    state = job_state(job)
    return label(state.replace("_", " ") or "not installed", STATE_CLASSES.get(state, "secondary"))


def source_display(record: models.RegisteredJob | models.JobLoadError) -> SafeString:
    """Return kind and name of the source of a job or load error, linked to the Git repository where it is one."""
    name = record.source_name
    if record.git_repository is not None:
        name = format_html('<a href="{}">{}</a>', record.git_repository.get_absolute_url(), name)
    return format_html("{}: {}", record.get_source_type_display(), name)


def version_display(version: str, source_type: str) -> SafeString:
    """Return the version of a source, a commit shortened with the whole of it as title."""
    if not version:
        return placeholder(None)
    shown = version[:SHORT_COMMIT_LENGTH] if source_type == choices.SourceTypeChoices.GIT else version
    return format_html('<span title="{}">{}</span>', version, shown)


def row_class(record: models.RegisteredJob) -> str:
    """Return the colour of a row: red for what is broken, yellow for what needs a look, none for what is well."""
    if record.absence == choices.AbsenceChoices.LOAD_ERROR:
        return "table-danger"
    if record.absence == choices.AbsenceChoices.SOURCE_UNAVAILABLE or getattr(record, "is_drifted", False):
        return "table-warning"
    return ""


class RegisteredJobTable(BaseTable):
    """Table of registered jobs."""

    pk = ToggleColumn()
    name = django_tables2.Column(linkify=True)
    class_path = django_tables2.Column(order_by=("module_name", "job_class_name"))
    source = django_tables2.Column(
        accessor="source_type", order_by=("source_type", "source_name"), verbose_name="Source"
    )
    installed = BooleanColumn()
    state = django_tables2.Column(
        accessor="absence", empty_values=(), order_by=("-installed", "absence"), verbose_name="State"
    )
    enabled = BooleanColumn()
    overridden = django_tables2.Column(accessor="overridden_fields", empty_values=())
    hidden = BooleanColumn()
    is_job_hook_receiver = BooleanColumn()
    is_job_button_receiver = BooleanColumn()
    tags = TagColumn(url_name=get_route_for_model(models.RegisteredJob, "list"))
    actions = ButtonsColumn(models.RegisteredJob, buttons=("changelog", "edit", "delete"))

    class Meta(BaseTable.Meta):
        """Meta attributes."""

        model = models.RegisteredJob
        row_attrs = {"class": row_class}
        fields = (
            "pk",
            "name",
            "state",
            "enabled",
            "overridden",
            "source",
            "source_version",
            "grouping",
            "class_path",
            "installed",
            "uninstalled_at",
            "hidden",
            "is_job_hook_receiver",
            "is_job_button_receiver",
            "tags",
            "actions",
        )
        default_columns = (
            "pk",
            "name",
            "state",
            "enabled",
            "overridden",
            "source",
            "source_version",
            "class_path",
            "actions",
        )

    def render_class_path(self, value):
        """Let a long path go on in the next line, so that the columns after it stay in sight."""
        return format_html('<span class="text-break">{}</span>', value)

    def render_source(self, record):
        """Show kind and name of the source."""
        return source_display(record)

    def render_source_version(self, value, record):
        """Show a commit shortened."""
        return version_display(value, record.source_type)

    def render_state(self, record):
        """Show whether the job is installed, or why it is not."""
        return state_label(record)

    def render_overridden(self, value, record):
        """Count the overridden fields, name them in the title, and say where the source has changed under one."""
        if not value:
            return placeholder(None)
        drift = label("drifted", "warning") if getattr(record, "is_drifted", False) else ""
        return format_html('<span title="{}">{} overridden</span> {}', ", ".join(value), len(value), drift)

    def order_overridden(self, queryset, is_descending):
        """Sort by the number of overridden fields."""
        order = "-overridden_count" if is_descending else "overridden_count"
        return queryset.with_overridden_count().order_by(order, *queryset.model._meta.ordering), True


class JobRevisionTable(BaseTable):
    """Table of job revisions."""

    pk = ToggleColumn()
    number = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)

    class Meta(BaseTable.Meta):
        """Meta attributes."""

        model = models.JobRevision
        fields = ("pk", "number", "job", "source_version", "created", "metadata_hash", "source_hash")
        default_columns = ("pk", "number", "job", "source_version", "created")

    def render_source_version(self, value, record):
        """Show a commit shortened."""
        return version_display(value, record.job.source_type)


class FieldOverrideTable(BaseTable):
    """Table of field overrides."""

    pk = ToggleColumn()
    field = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)
    value = django_tables2.Column(empty_values=(), orderable=False)
    source_value = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Set against")
    source_now = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Source says now", accessor="job")
    state = django_tables2.Column(empty_values=(), orderable=False, accessor="is_drifted")

    class Meta(BaseTable.Meta):
        """Meta attributes."""

        model = models.FieldOverride
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
        default_columns = (
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
        )

    def render_value(self, value):
        """Show the value that is in effect."""
        return value_text(value)

    def render_source_value(self, value, record):
        """Show what the source said when the override was set."""
        return value_text(value) if record.source_is_known else placeholder(None)

    def render_source_now(self, record):
        """Show what the source says now."""
        return value_text(record.job.source_values.get(record.field))

    def render_state(self, value):
        """Show whether the source has changed since."""
        return label("drifted", "warning") if value else label("as set", "success")


class JobLoadErrorTable(BaseTable):
    """Table of load errors."""

    pk = ToggleColumn()
    module_name = django_tables2.Column(linkify=True)
    source = django_tables2.Column(
        accessor="source_type", order_by=("source_type", "source_name"), verbose_name="Source"
    )
    state = django_tables2.Column(accessor="resolved_at", empty_values=(), verbose_name="State")

    class Meta(BaseTable.Meta):
        """Meta attributes."""

        model = models.JobLoadError
        fields = (
            "pk",
            "module_name",
            "job_class_name",
            "source",
            "source_version",
            "exception_type",
            "message",
            "file_path",
            "line",
            "state",
            "first_seen",
            "last_seen",
            "resolved_at",
        )
        default_columns = (
            "pk",
            "module_name",
            "job_class_name",
            "source",
            "exception_type",
            "message",
            "state",
            "last_seen",
        )

    def render_source(self, record):
        """Show kind and name of the source."""
        return source_display(record)

    def render_source_version(self, value, record):
        """Show a commit shortened."""
        return version_display(value, record.source_type)

    def render_state(self, record):
        """Show whether the error is still there."""
        return label("open", "danger") if record.is_open else label("resolved", "success")


class ReconciliationTable(BaseTable):
    """Table of reconciliations."""

    pk = ToggleColumn()
    started = django_tables2.DateTimeColumn(linkify=True, short=True)
    duration = django_tables2.Column(orderable=False)
    user = django_tables2.Column()
    job_result = django_tables2.Column(linkify=True)

    class Meta(BaseTable.Meta):
        """Meta attributes."""

        model = models.Reconciliation
        fields = (
            "pk",
            "started",
            "trigger",
            "scope",
            "status",
            "registered",
            "changed",
            "uninstalled",
            "returned",
            "refreshed",
            "unchanged",
            "errors_opened",
            "errors_updated",
            "errors_resolved",
            "finished",
            "duration",
            "user",
            "job_result",
        )
        default_columns = (
            "pk",
            "started",
            "trigger",
            "scope",
            "status",
            "registered",
            "changed",
            "uninstalled",
            "returned",
            "errors_opened",
            "duration",
        )

    def render_status(self, record):
        """Show how the reconcile ended as a coloured label."""
        return status_label(record)


def status_label(reconciliation: models.Reconciliation) -> SafeString:
    """Return how a reconcile ended as a coloured label."""
    css_class = choices.ReconciliationStatusChoices.CSS_CLASSES.get(reconciliation.status, "secondary")
    return label(reconciliation.get_status_display(), css_class)
