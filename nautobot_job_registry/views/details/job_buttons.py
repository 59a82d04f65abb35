"""Buttons of the page of a registered job: what it names can be done right there."""

from typing import Any

from django.template import Context
from django.urls import reverse
from nautobot.apps.ui import Button, ButtonColorChoices
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry.core_bridge import permissions
from nautobot_job_registry.views.details.alerts import reconcile_action
from nautobot_job_registry.views.details.field_override import may_change_job
from nautobot_job_registry.views.details.predecessor import BUTTONS as PROPOSAL_BUTTONS
from nautobot_job_registry.views.details.predecessor import ROUTE

POST_BUTTON = "nautobot_job_registry/inc/post_button.html"


class EnableButton(Button):
    """Enables a job that is disabled, or disables one that is enabled, for those who may (rule 17)."""

    def __init__(self, *, enables: bool, **kwargs: Any) -> None:
        """Say which of the two it does."""
        super().__init__(template_path=POST_BUTTON, **kwargs)
        self.enables = enables

    def should_render(self, context: Context) -> bool:
        """Render it where it would change something, and the user may."""
        job, user = get_obj_from_context(context), context["request"].user
        if not super().should_render(context) or job.enabled is self.enables or not (job.installed or job.enabled):
            return False
        return may_change_job(user, job) and not permissions.withheld(user, "change", [job])


class RunButton(Button):
    """Leads to Nautobot's own form, which runs and schedules a job, for those who may run it."""

    def should_render(self, context: Context) -> bool:
        """Render it where the job can be run."""
        job, user = get_obj_from_context(context), context["request"].user
        if not super().should_render(context) or not (job.installed and job.enabled and job.core_job_id):
            return False
        if job.is_job_hook_receiver or job.is_job_button_receiver:
            # Nautobot runs those itself.
            return False
        return user.has_perm("extras.run_job") and bool(permissions.permitted_jobs(user, "run", [job.core_job_id]))

    def get_link(self, context: Context) -> str:
        """Return the address of the form."""
        return reverse("extras:job_run", kwargs={"pk": get_obj_from_context(context).core_job_id})


class ReconcileSourceButton(Button):
    """Leads to the plan of the source of the job, for those who may reconcile."""

    def should_render(self, context: Context) -> bool:
        """Render it for those who may."""
        return super().should_render(context) and bool(self._actions(context))

    def get_link(self, context: Context) -> str:
        """Return the address of the plan."""
        return self._actions(context)[0].url

    def _actions(self, context: Context) -> Any:
        return reconcile_action(get_obj_from_context(context), context["request"].user)


BUTTONS = (
    RunButton(weight=50, label="Run or schedule", icon="mdi-play", color=ButtonColorChoices.BLUE),
    EnableButton(
        weight=60,
        enables=True,
        label="Enable",
        icon="mdi-check",
        color=ButtonColorChoices.GREEN,
        link_name=f"{ROUTE}_enable",
    ),
    EnableButton(weight=70, enables=False, label="Disable", icon="mdi-cancel", link_name=f"{ROUTE}_disable"),
    ReconcileSourceButton(weight=80, label="Reconcile this source", icon="mdi-sync"),
    *PROPOSAL_BUTTONS,
)
