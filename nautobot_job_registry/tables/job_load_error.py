"""Table of load errors."""

import django_tables2
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, ToggleColumn

from nautobot_job_registry import models
from nautobot_job_registry.tables.display import load_error_state, source_display, version_display


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
        default_columns = (
            "pk",
            "module_name",
            "job_class_name",
            "source",
            "source_version",
            "exception_type",
            "message",
            "commit_author",
            "state",
            "last_seen",
        )

    def render_source(self, record: models.JobLoadError) -> SafeString:
        """Show kind and name of the source."""
        return source_display(record)

    def render_source_version(self, value: str, record: models.JobLoadError) -> SafeString:
        """Show a commit shortened."""
        return version_display(value, record.source_type)

    def render_effective_version(self, value: str, record: models.JobLoadError) -> SafeString:
        """Show a commit shortened."""
        return version_display(value, record.source_type)

    def render_state(self, record: models.JobLoadError) -> SafeString:
        """Show whether the error is still there."""
        return load_error_state(record)
