"""Table of registered jobs."""

import django_tables2
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, BooleanColumn, ButtonsColumn, TagColumn
from nautobot.apps.templatetags import placeholder
from nautobot.apps.utils import get_route_for_model

from nautobot_job_registry import models
from nautobot_job_registry.models import choices
from nautobot_job_registry.tables.display import DRIFTED, all_but, label, state_label
from nautobot_job_registry.tables.records import SourcedTable

PROPOSED = (
    "It seems to have been another job: look at its page, and adopt the past of that job or dismiss the proposal."
)


def row_class(record: models.RegisteredJob) -> str:
    """Return the colour of a row: red for what is broken, yellow for what needs a look, none for what is well."""
    if record.absence == choices.AbsenceChoices.LOAD_ERROR:
        return "table-danger"
    may_return = record.absence in (choices.AbsenceChoices.UNCONFIRMED, choices.AbsenceChoices.SOURCE_UNAVAILABLE)
    if may_return or getattr(record, "is_drifted", False):
        return "table-warning"
    return ""


class RegisteredJobTable(SourcedTable):
    """Table of registered jobs."""

    name = django_tables2.Column(linkify=True)
    class_path = django_tables2.Column(order_by=("module_name", "job_class_name"))
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
        default_columns = all_but(
            fields,
            "grouping",
            "installed",
            "uninstalled_at",
            "hidden",
            "is_job_hook_receiver",
            "is_job_button_receiver",
            "tags",
        )

    def render_class_path(self, value: str) -> SafeString:
        """Let a long path go on in the next line, so that the columns after it stay in sight."""
        return format_html('<span class="text-break">{}</span>', value)

    def render_state(self, record: models.RegisteredJob) -> SafeString:
        """Show whether the job is installed, or why it is not, and whether it seems to have been another one."""
        if record.predecessor_id is None:
            return state_label(record)
        proposal = label("moved?", "warning")
        return format_html('{} <span title="{}">{}</span>', state_label(record), PROPOSED, proposal)

    def render_overridden(self, value: list[str], record: models.RegisteredJob) -> SafeString:
        """Count the overridden fields, name them in the title, and say where the source has changed under one."""
        if not value:
            return placeholder(None)
        drift = DRIFTED if getattr(record, "is_drifted", False) else ""
        return format_html('<span title="{}">{} overridden</span> {}', ", ".join(value), len(value), drift)

    def order_overridden(self, queryset: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        """Sort by the number of overridden fields."""
        order = "-overridden_count" if is_descending else "overridden_count"
        return queryset.with_overridden_count().order_by(order, *queryset.model._meta.ordering), True
