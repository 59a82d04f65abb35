"""Table of suspensions."""

import django_tables2
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, ToggleColumn
from nautobot.apps.templatetags import placeholder

from nautobot_job_registry import models
from nautobot_job_registry.models import choices
from nautobot_job_registry.tables.display import STATE_CLASSES, label

KINDS = choices.SuspendedObjectChoices.as_dict()
NOT_KNOWN_YET = "not known yet"


def kind_display(suspension: models.Suspension) -> str:
    """Return which kind of object was switched off."""
    return KINDS.get(suspension.object_type.model, suspension.object_type.model)


def outcome_label(suspension: models.Suspension) -> SafeString:
    """Return how a suspension ended, if it has, as a coloured label."""
    css_class = choices.SuspensionOutcomeChoices.CSS_CLASSES.get(suspension.outcome, "secondary")
    return label(suspension.get_outcome_display(), css_class)


def reason_label(suspension: models.Suspension) -> SafeString:
    """Return why the job was absent as a coloured label."""
    if not suspension.reason:
        return placeholder(NOT_KNOWN_YET)
    return label(suspension.get_reason_display(), STATE_CLASSES.get(suspension.reason, "secondary"))


class SuspensionTable(BaseTable):
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
        """Meta attributes."""

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
        default_columns = (
            "pk",
            "object_name",
            "object_type",
            "job",
            "class_path",
            "suspended_at",
            "reason",
            "outcome",
            "restored_at",
        )

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
