"""Table of job revisions."""

import django_tables2
from nautobot.apps.tables import BaseTable, ToggleColumn

from nautobot_job_registry import models
from nautobot_job_registry.tables.display import version_display


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
