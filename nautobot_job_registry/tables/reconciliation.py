"""Table of reconciliations."""

import django_tables2
from nautobot.apps.tables import BaseTable, ToggleColumn

from nautobot_job_registry import models
from nautobot_job_registry.tables.display import status_label


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
            "overrides_ended",
            "suspended",
            "restored",
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
