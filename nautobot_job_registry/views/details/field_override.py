"""Content of the page of a field override."""

from nautobot.apps.ui import (
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.override_buttons import OVERRIDE_BUTTONS


class FieldOverridePanel(ObjectFieldsPanel):
    """What is overridden, against what, and what the source says now."""

    def get_data(self, context):
        """Add what the source says now."""
        override = get_obj_from_context(context)
        now = override.job.source_values.get(override.field)
        drift = display.DRIFTED if override.is_drifted else display.AS_SET
        return {**super().get_data(context), "source_says_now": display.value_text(now), "state": drift}

    def render_value(self, key, value, context):
        """Show values as they are shown everywhere."""
        if key in ("value", "source_value"):
            return display.value_text(value)
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
