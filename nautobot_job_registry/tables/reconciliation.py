"""Table of reconciliations."""

import django_tables2
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from nautobot.apps.tables import BaseTable, ToggleColumn

from nautobot_job_registry import filters, models
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import choices
from nautobot_job_registry.models.reconciliation import COUNT_FIELDS
from nautobot_job_registry.tables.display import status_label

MAX_SENTENCES = 5
NOTHING = "Nothing was changed"


def summary_of(row: models.Reconciliation) -> str:
    """Return what a reconcile changed, in one line."""
    if row.status == choices.ReconciliationStatusChoices.FAILED:
        return NOTHING
    return sentences.counts_summary({name: getattr(row, name) for name in sentences.COUNTED})


class ReconciliationTable(BaseTable):
    """Table of reconciliations."""

    pk = ToggleColumn()
    started = django_tables2.DateTimeColumn(linkify=True, short=True)
    what_happened = django_tables2.Column(empty_values=(), orderable=False, verbose_name="What happened")
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
            "what_happened",
            *COUNT_FIELDS,
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
            "what_happened",
            "duration",
        )

    def render_what_happened(self, record: models.Reconciliation) -> str:
        """Tell the changes that are filtered by in sentences, where the page has read them, else what the counts say.

        Where a list shows only what happened to one job, that is what its reader wants to know of each row.
        """
        if "changes" in record.get_deferred_fields():
            return summary_of(record)
        wanted = filters.WantedChanges.of(dict(self.request.GET.lists()))
        told = [sentences.sentence(entry) for entry in wanted.among(record.changes)]
        lines = told[:MAX_SENTENCES]
        if len(told) > MAX_SENTENCES:
            lines.append(f"… and {len(told) - MAX_SENTENCES} more")
        return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))

    def render_status(self, record: models.Reconciliation) -> SafeString:
        """Show how the reconcile ended as a coloured label."""
        return status_label(record)
