"""Content of the page of a field override."""

from typing import Any

from django.template import Context
from nautobot.apps.ui import (
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import tables
from nautobot_job_registry.views.details.override_buttons import OVERRIDE_BUTTONS


class FieldOverridePanel(ObjectFieldsPanel):
    """What is overridden, against what, and what the source says now."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Add what the source says now."""
        override = get_obj_from_context(context)
        now = override.job.source_values.get(override.field)
        drift = tables.label("drifted", "warning") if override.is_drifted else tables.label("as set", "success")
        return {**super().get_data(context), "source_says_now": tables.value_text(now), "state": drift}

    def render_value(self, key: str, value: Any, context: Context) -> str:
        """Show values as they are shown everywhere."""
        if key in ("value", "source_value"):
            return tables.value_text(value)
        return super().render_value(key, value, context)


FIELD_OVERRIDE = ObjectDetailContent(
    panels=[
        FieldOverridePanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["job", "field", "value", "source_value"],
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Why",
            fields=["origin", "set_by", "created", "reason", "expires_at"],
        ),
    ],
    extra_buttons=OVERRIDE_BUTTONS,
)
