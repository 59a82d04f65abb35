"""The buttons that decide about an override."""

from __future__ import annotations

from typing import Any

from django.middleware.csrf import get_token
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.ui import Button, ButtonColorChoices
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models

ROUTE = "plugins:nautobot_job_registry:fieldoverride"


def may_change_job(user: Any, job: models.RegisteredJob) -> bool:
    """Return whether a user may change the record of a job, so that there is a point in a button."""
    return models.RegisteredJob.objects.restrict(user, "change").filter(pk=job.pk).exists()


def decide_button(request: Any, override: models.FieldOverride, action: str, label: str, css: str) -> SafeString:
    """Return a button that sends a decision about an override.

    Args:
        request: The request of the page, whose token the form carries.
        override: The override.
        action: `keep` or `follow`.
        label: The text of the button.
        css: The classes of the button.
    """
    return format_html(
        '<form method="post" action="{}" class="d-inline">'
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<button type="submit" class="{}">{}</button></form>',
        reverse(f"{ROUTE}_{action}", kwargs={"pk": override.pk}),
        get_token(request),
        css,
        label,
    )


def row_buttons(request: Any, override: models.FieldOverride) -> SafeString:
    """Return the small buttons of an override in a row of the page of its job."""
    follow = decide_button(request, override, "follow", "Follow the source", "btn btn-sm btn-warning")
    if not override.is_drifted:
        return follow
    return format_html("{} {}", decide_button(request, override, "keep", "Keep", "btn btn-sm btn-primary"), follow)


class DecideButton(Button):
    """A button on the page of an override, for those who may change the job."""

    action = ""
    css = ""

    def should_render(self, context: Context) -> bool:
        """Render it where it would do something."""
        override = get_obj_from_context(context)
        return super().should_render(context) and may_change_job(context["request"].user, override.job)

    def render(self, context: Context) -> str:
        """Render the form around it."""
        if not self.should_render(context):
            return ""
        override = get_obj_from_context(context)
        return decide_button(context["request"], override, self.action, self.label, f"btn btn-{self.color}")


class KeepButton(DecideButton):
    """Keep a drifted override."""

    action = "keep"

    def should_render(self, context: Context) -> bool:
        """Render it where the override is drifted."""
        return get_obj_from_context(context).is_drifted and super().should_render(context)


class FollowButton(DecideButton):
    """Clear an override."""

    action = "follow"


OVERRIDE_BUTTONS = (
    KeepButton(weight=100, label="Keep", color=ButtonColorChoices.BLUE),
    FollowButton(weight=200, label="Follow the source", color=ButtonColorChoices.YELLOW),
)
