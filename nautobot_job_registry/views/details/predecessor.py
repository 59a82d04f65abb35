"""What a registered job was before: panel and buttons of its page (rule 21)."""

from typing import Any

from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import hyperlinked_object
from nautobot.apps.ui import Button, ButtonColorChoices, KeyValueTablePanel
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models

ROUTE = "plugins:nautobot_job_registry:registeredjob"
HIDDEN = "A job that you may not view"
ADVICE = (
    "If it is the same job, adopt its past: runs, schedules, hooks, buttons, overrides and history move here. "
    "If it is not, dismiss the proposal."
)


class PastPanel(KeyValueTablePanel):
    """The job that this one seems to have been, and those whose past it has adopted."""

    def should_render(self, context: Context) -> bool:
        """Render where there is anything to tell."""
        job = get_obj_from_context(context)
        return super().should_render(context) and bool(job.predecessor_id or job.adopted_records)

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return what is proposed, why, and what was adopted."""
        job, data = get_obj_from_context(context), {}
        if job.predecessor_id:
            data["seems_to_have_been"] = predecessor_link(job, context["request"].user)
            data["why"] = job.predecessor_grounds
            data["what_to_do"] = ADVICE
        if job.adopted_records:
            data["adopted"] = format_html_join(
                format_html("<br>"), "{}", ((adopted_text(entry),) for entry in job.adopted_records)
            )
        return data


def predecessor_link(job: models.RegisteredJob, user: Any) -> SafeString | str:
    """Return a link to the proposed predecessor, for those who may view it."""
    seen = models.RegisteredJob.objects.restrict(user, "view").filter(pk=job.predecessor_id).first()
    return hyperlinked_object(seen, field="class_path") if seen else HIDDEN


def adopted_text(entry: dict[str, Any]) -> str:
    """Return which record was adopted, when, by whom, and what came with it, in words."""
    moved = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in entry["moved"].items() if number)
    who = "as its code says" if entry["declared"] else f"by {entry['adopted_by']}"
    text = f"{entry['class_path']} on {entry['adopted_at'][:10]} {who}: {moved or 'nothing hung on it'}."
    if entry["overrides"]:
        text = f"{text} Overrides: {', '.join(entry['overrides'])}."
    return f"{text} Not taken over: {', '.join(entry['not_taken'])}." if entry["not_taken"] else text


class ProposalButton(Button):
    """A button that is there while a predecessor is proposed."""

    def should_render(self, context: Context) -> bool:
        """Render where one is proposed."""
        return super().should_render(context) and bool(get_obj_from_context(context).predecessor_id)


BUTTONS = (
    ProposalButton(
        weight=100,
        label="Adopt its past",
        icon="mdi-history",
        color=ButtonColorChoices.BLUE,
        link_name=f"{ROUTE}_adopt",
        required_permissions=[get_permission_for_model(models.RegisteredJob, "change")],
    ),
    ProposalButton(
        weight=200,
        label="Dismiss the proposal",
        icon="mdi-close",
        link_name=f"{ROUTE}_dismiss_predecessor",
        required_permissions=[get_permission_for_model(models.RegisteredJob, "change")],
    ),
)
