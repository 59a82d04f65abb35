"""Content of the page of a suspension, and the panels that tell of suspensions on other pages."""

import re
from typing import Any

from django.db.models import QuerySet
from django.template import Context
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import hyperlinked_object
from nautobot.apps.ui import Button, ButtonColorChoices, KeyValueTablePanel, ObjectDetailContent, SectionChoices
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models, tables
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.lifecycle.suspensions import restoring
from nautobot_job_registry.models import choices
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.panels import RelatedTablePanel

SUSPENDED = choices.SuspensionOutcomeChoices.SUSPENDED
# Of what is suspended of a job, as it is told in one line.
MAX_NAMED = 4
STATE_LABELS = {"content_types": "Object types"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
# By it the registry tells whether a person has changed something since; it says nothing to a reader.
NOT_SHOWN = ("inputs",)


def facts(suspension: models.Suspension) -> dict[str, Any]:
    """Return what was suspended, since when and why: what every page tells of a suspension."""
    return {
        "outcome": display.outcome_label(suspension),
        "suspended_at": display.relative_time(suspension.suspended_at),
        "because_the_job_was": display.reason_label(suspension),
        "class_path": display.class_path_display(suspension.class_path),
        "switched_off_by": suspension.get_origin_display(),
        "ended": display.relative_time(suspension.restored_at),
    }


def dependent_link(suspension: models.Suspension, user: Any) -> SafeString | str:
    """Return the name of what was switched off, with a link to it for those who may view it."""
    model = suspension.object_type.model_class()
    found = model.objects.restrict(user, "view").filter(pk=suspension.object_id).first()
    return format_html("{}", hyperlinked_object(found)) if found else suspension.object_name


class SuspensionPanel(KeyValueTablePanel):
    """What was switched off, why, and what happens next."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return the keys and values of the suspension of the page."""
        suspension = get_obj_from_context(context)
        [prospect] = restoring.prospects([suspension])
        return {
            display.kind_display(suspension): dependent_link(suspension, context["request"].user),
            "job": suspension.job,
            **facts(suspension),
            "restored_by": suspension.restored_by,
            "what_happens_next": prospect.explanation or "Nothing: this has ended.",
        }


class StatesPanel(KeyValueTablePanel):
    """What it was before it was switched off."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return the state that is to be restored."""
        state = get_obj_from_context(context).previous_state
        shown = {name: value for name, value in state.items() if name not in NOT_SHOWN}
        return {STATE_LABELS.get(name, name.replace("_", " ")): state_value(value) for name, value in shown.items()}


def state_value(value: Any) -> SafeString | str:
    """Return a value of a state in words: a moment as every page shows one."""
    moment = parse_datetime(value) if isinstance(value, str) and MOMENT.match(value) else None
    return display.relative_time(moment) if moment and moment.tzinfo else value_text(value)


class RestoreButton(Button):
    """A button that restores the suspension of the page, for those who may, where it can be restored."""

    def should_render(self, context: Context) -> bool:
        """Render where it would be of use."""
        if not super().should_render(context):
            return False
        [prospect] = restoring.prospects([get_obj_from_context(context)])
        return not prospect.refusal and restoring.may_restore(prospect, context["request"].user)


def open_suspensions(job: models.RegisteredJob) -> QuerySet:
    """Return what is suspended of a registered job now."""
    return job.suspensions.filter(outcome=SUSPENDED).select_related("object_type")


def visible_suspensions(job: models.RegisteredJob, user: Any) -> list[models.Suspension]:
    """Return the first of what is suspended of a job, as far as a user may view it; it is read once for a page."""
    if not hasattr(job, "visible_suspensions"):
        may_view = user.has_perm(get_permission_for_model(models.Suspension, "view"))
        job.visible_suspensions = list(open_suspensions(job).restrict(user, "view")[:MAX_NAMED]) if may_view else []
    return job.visible_suspensions


class OpenSuspensionsPanel(RelatedTablePanel):
    """What is suspended of a job; without anything it is not shown."""

    def should_render(self, context: Context) -> bool:
        """Render where there is anything."""
        job, user = get_obj_from_context(context), context["request"].user
        return super().should_render(context) and bool(visible_suspensions(job, user))


OPEN_SUSPENSIONS = OpenSuspensionsPanel(
    weight=370,
    section=SectionChoices.FULL_WIDTH,
    required_permissions=[get_permission_for_model(models.Suspension, "view")],
    table=tables.SuspensionTable,
    table_title="Suspended schedules, job hooks and job buttons",
    rows=open_suspensions,
    related_field_name="job",
    exclude_columns=["pk", "job", "class_path", "outcome", "restored_at"],
    list_parameters={"outcome": SUSPENDED},
)
SUSPENSION = ObjectDetailContent(
    panels=[
        SuspensionPanel(weight=100, section=SectionChoices.LEFT_HALF, label="Suspension"),
        StatesPanel(weight=100, section=SectionChoices.RIGHT_HALF, label="Before it was switched off"),
    ],
    extra_buttons=[
        RestoreButton(
            weight=100,
            label="Restore",
            color=ButtonColorChoices.BLUE,
            icon="mdi-play-circle-outline",
            link_name="plugins:nautobot_job_registry:suspension_restore",
            template_path="nautobot_job_registry/inc/post_button.html",
        )
    ],
)
