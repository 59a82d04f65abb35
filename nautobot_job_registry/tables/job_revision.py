"""Table of job revisions."""

import django_tables2
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, ToggleColumn

from nautobot_job_registry import models
from nautobot_job_registry.tables.display import version_display
from nautobot_job_registry.tables.revision_changes import change_summary, run_count_display, version_change


class JobRevisionTable(BaseTable):
    """Table of job revisions, which have to be read `with_history()`."""

    pk = ToggleColumn()
    number = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)
    changes = django_tables2.Column(accessor="metadata", empty_values=(), orderable=False, verbose_name="What changed")
    versions = django_tables2.Column(
        accessor="source_version", empty_values=(), orderable=False, verbose_name="From → to"
    )
    runs = django_tables2.Column(accessor="pk", orderable=False, verbose_name="Runs")
    reconciliation = django_tables2.Column(linkify=True)

    class Meta(BaseTable.Meta):
        """Meta attributes."""

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
        default_columns = ("pk", "number", "job", "changes", "source_version", "runs", "created")

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
