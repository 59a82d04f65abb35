"""Table of field overrides."""

from typing import Any

import django_tables2
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, ToggleColumn
from nautobot.apps.templatetags import placeholder

from nautobot_job_registry import models
from nautobot_job_registry.tables.display import label, shortened, value_text


class FieldOverrideTable(BaseTable):
    """Table of field overrides."""

    pk = ToggleColumn()
    field = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)
    value = django_tables2.Column(empty_values=(), orderable=False)
    source_value = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Set against")
    source_now = django_tables2.Column(empty_values=(), orderable=False, verbose_name="Source says now", accessor="job")
    reason = django_tables2.Column()
    expires_at = django_tables2.DateTimeColumn(short=True, verbose_name="Ends")
    state = django_tables2.Column(empty_values=(), orderable=False, accessor="is_drifted")

    class Meta(BaseTable.Meta):
        """Meta attributes."""

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
        default_columns = (
            "pk",
            "field",
            "job",
            "value",
            "source_value",
            "source_now",
            "state",
            "reason",
            "set_by",
            "origin",
            "expires_at",
        )

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
        return label("drifted", "warning") if value else label("as set", "success")
