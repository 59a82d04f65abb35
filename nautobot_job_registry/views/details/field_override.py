"""Content of the page of a field override."""

from __future__ import annotations

from typing import Any

from django.template import Context
from nautobot.apps.ui import Button, ButtonColorChoices, ObjectDetailContent, ObjectFieldsPanel, SectionChoices
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.models.constants import APP_NAME
from nautobot_job_registry.tables import display


class FieldOverridePanel(ObjectFieldsPanel):
    """What is overridden, against what, and what the source says now."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Add what the source says now."""
        override = get_obj_from_context(context)
        now = override.job.source_values.get(override.field)
        drift = display.DRIFTED if override.is_drifted else display.IN_STEP
        return {**super().get_data(context), "source_says_now": value_text(now), "state": drift}


def may_change_job(user: Any, job: models.RegisteredJob) -> bool:
    """Return whether a user may change the record of a job, so that there is a point in a button."""
    return models.RegisteredJob.objects.restrict(user, "change").filter(pk=job.pk).exists()


class DecideButton(Button):
    """Sends a decision about the override of the page, for those who may change the job."""

    def __init__(self, *, action: str, **kwargs: Any) -> None:
        """Take the decision for what the button does."""
        route = f"plugins:{APP_NAME}:fieldoverride_{action}"
        super().__init__(link_name=route, template_path=f"{APP_NAME}/inc/post_button.html", **kwargs)

    def should_render(self, context: Any) -> bool:
        """Render it where it would do something."""
        override = get_obj_from_context(context)
        return super().should_render(context) and may_change_job(context["request"].user, override.job)


class TermsButton(Button):
    """Leads to the form for reason and end, for those who may change the job."""

    def should_render(self, context: Any) -> bool:
        """Render it for those who may."""
        override = get_obj_from_context(context)
        return super().should_render(context) and may_change_job(context["request"].user, override.job)


class KeepButton(DecideButton):
    """Keeps a drifted override."""

    def should_render(self, context: Any) -> bool:
        """Render it where the override is drifted."""
        return get_obj_from_context(context).is_drifted and super().should_render(context)


FIELD_OVERRIDE = ObjectDetailContent(
    panels=[
        FieldOverridePanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["job", "field", "value", "source_value"],
            value_transforms={"value": [value_text], "source_value": [value_text]},
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Why",
            fields=["origin", "set_by", "created", "reason", "expires_at"],
        ),
    ],
    extra_buttons=[
        TermsButton(
            weight=50,
            label="Edit reason and end",
            icon="mdi-pencil",
            link_name=f"plugins:{APP_NAME}:fieldoverride_terms",
        ),
        KeepButton(weight=100, action="keep", label="Keep and mark as reviewed", color=ButtonColorChoices.BLUE),
        DecideButton(weight=200, action="follow", label="Remove override", color=ButtonColorChoices.YELLOW),
    ],
)
