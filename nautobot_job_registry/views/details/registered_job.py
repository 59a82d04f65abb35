"""Content of the page of a registered job."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.template import Context
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import placeholder
from nautobot.apps.ui import (
    KeyValueTablePanel,
    ObjectDetailContent,
    ObjectTextPanel,
    SectionChoices,
)
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models, tables
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.models import choices
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.anchors import RUNS_TAB, SCHEDULES_TAB
from nautobot_job_registry.views.details.field_override import may_change_job
from nautobot_job_registry.views.details.history import HISTORY_TAB, LATEST_REVISIONS
from nautobot_job_registry.views.details.misfits import MisfitsOfJobPanel
from nautobot_job_registry.views.details.panels import (
    RelatedTablePanel,
    RowsPanel,
    VariablesPanel,
    queue_link,
)
from nautobot_job_registry.views.details.predecessor import BUTTONS, PastPanel
from nautobot_job_registry.views.details.suspension import OPEN_SUSPENSIONS

BUTTONS_OF_ROW = "nautobot_job_registry/inc/override_buttons.html"
UNKNOWN = "unknown: no revision yet"
STATE_EXPLANATIONS = {
    display.INSTALLED: "The class is there, and Nautobot can run it.",
    choices.AbsenceChoices.REMOVED: (
        "The source was read completely, and the class is not in it any more. This record stays, and so do the runs "
        "and schedules that point at it. What hangs on the job is switched off until it returns: see below what is "
        "suspended."
    ),
    choices.AbsenceChoices.LOAD_ERROR: (
        "The class could not be loaded when its source was last read: it, or what registers it, fails; or Nautobot "
        "gave up on its repository before it came to it, or drops it when it loads the jobs anew. This counts as a "
        "temporary absence, and the record stays as it is."
    ),
    choices.AbsenceChoices.UNCONFIRMED: (
        "The class is not there any more, and its source could not be read completely: it may have gone, or have moved "
        "to what could not be loaded. This counts as a temporary absence, and the record stays as it is."
    ),
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: (
        "The source could not be read when this was last tried: the repository, app or folder is out of reach, or "
        "JOBS_ROOT held jobs and is wholly empty now, as if it were not mounted. This counts as a temporary absence, "
        "and the record stays as it is."
    ),
}
STATE_ADVICE = {
    display.INSTALLED: "Nothing.",
    choices.AbsenceChoices.REMOVED: (
        "If the class should be there, put it back into its source and reconcile: the job returns to this record."
    ),
    choices.AbsenceChoices.LOAD_ERROR: (
        "Read the load errors of the module and of its source, mend the code, and reconcile: sync the Git repository, "
        "or run nautobot-server reconcile_jobs."
    ),
    choices.AbsenceChoices.UNCONFIRMED: (
        "Mend what the load errors of its source tell of, and reconcile: the class is found again, or counts as "
        "removed."
    ),
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: (
        "Make the source available again (sync the Git repository, install the app, mount the folder), and reconcile "
        "with nautobot-server reconcile_jobs. If JOBS_ROOT is meant to be empty: nautobot-server reconcile_jobs "
        "--source local --confirm-empty."
    ),
}
NOT_ENABLED_ADVICE = "The job cannot be run until it is enabled."


class IdentityPanel(KeyValueTablePanel):
    """What the job is, and where it comes from."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return identity and provenance."""
        job = get_obj_from_context(context)
        return {
            "name": job.name,
            "grouping": job.grouping,
            "class_path": job.class_path,
            "source": display.source_display(job),
            "source_version": format_html("{}", job.source_version or placeholder(None)),
            "current_revision": job.current_revision,
            "nautobot_job": job.core_job,
            "job_hook_receiver": job.is_job_hook_receiver,
            "job_button_receiver": job.is_job_button_receiver,
            "read_only": job.read_only,
            "supports_dry_run": job.supports_dryrun,
        }


class StatePanel(KeyValueTablePanel):
    """Whether the job is there, what it means if it is not, and what to do."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return the state in words."""
        job = get_obj_from_context(context)
        state = display.job_state(job)
        advice = STATE_ADVICE.get(state, "")
        if job.installed and not job.enabled:
            advice = NOT_ENABLED_ADVICE
        return {
            "state": display.state_label(job),
            "what_it_means": STATE_EXPLANATIONS.get(state, ""),
            "what_to_do": advice,
            "enabled": job.enabled,
            "uninstalled_at": job.uninstalled_at,
        }


class OverridesPanel(RowsPanel):
    """What the source says, what is overridden by whom and why, and what is in effect: a row for each field."""

    columns = ["field", "source", "overridden", "why", "effective", "decide"]
    column_headers = ["Field", "Source says", "Overridden", "Why, and until when", "In effect", ""]

    def get_extra_context(self, context: Context) -> dict[str, Any]:
        """Add the buttons that decide about an override, for those who may."""
        extra, request = super().get_extra_context(context), context["request"]
        may_decide = may_change_job(request.user, get_obj_from_context(context))
        for row in extra["data"]:
            noted = row.pop("noted")
            row["decide"] = (
                render_to_string(BUTTONS_OF_ROW, {"override": noted}, request) if noted and may_decide else ""
            )
        return extra

    def visible_rows(self, obj: Any, user: Any) -> Iterable[dict[str, Any]]:
        """Return the rows of a registered job, with what the user may view of its overrides."""
        source_values = obj.source_values
        visible = obj.field_overrides.restrict(user, "view").select_related("set_by")
        noted = {row.field: row for row in visible}
        for row in noted.values():
            row.job = obj
        for field in OVERRIDABLE_FIELDS:
            override = noted.get(field)
            yield {
                "field": display.field_label(models.RegisteredJob, field),
                "source": value_text(source_values[field]) if field in source_values else UNKNOWN,
                "overridden": self.overridden(override) if getattr(obj, override_flag(field)) else "",
                "why": why(override) if override else "",
                "effective": self.effective(obj, field),
                "noted": override,
            }

    def overridden(self, noted: models.FieldOverride | None) -> SafeString:
        """Return who overrode a field and when, and what the source said then where it says something else now."""
        text = display.label("overridden", "info")
        if noted is None:
            return text
        who = f" by {noted.set_by}" if noted.set_by else ""
        url = noted.get_absolute_url()
        made = f"{timezone.localtime(noted.created):%Y-%m-%d}"
        text = format_html('<a href="{}">{}</a> on {}{}', url, text, made, who)
        if not noted.is_drifted:
            return text
        said = value_text(noted.source_value)
        return format_html("{}<br>{} set against: {}", text, display.DRIFTED, said)

    def effective(self, job: models.RegisteredJob, field: str) -> str:
        """Return the value that is in effect."""
        if field == "default_job_queue":
            return queue_link(job.default_job_queue)
        if field == "job_queues":
            return format_html_join(", ", "{}", ((queue_link(queue),) for queue in job.job_queues.all()))
        return value_text(getattr(job, field))


def why(override: models.FieldOverride) -> SafeString:
    """Return why a field is overridden, and when the override ends by itself."""
    if override.expires_at is None:
        return format_html("{}", display.shortened(override.reason))
    ends = f"{timezone.localtime(override.expires_at):%Y-%m-%d %H:%M %Z}"
    return format_html("{}{}ends {}", display.shortened(override.reason), "; " if override.reason else "", ends)


def open_load_errors(job: models.RegisteredJob) -> QuerySet:
    """Return the open errors that can keep a registered job from being loaded."""
    parts = job.module_name.split(".")
    modules = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return models.JobLoadError.objects.filter(
        Q(job_class_name="") | Q(module_name=job.module_name, job_class_name=job.job_class_name),
        source_type=job.source_type,
        source_name=job.source_name,
        module_name__in=modules,
        resolved_at__isnull=True,
    ).defer("traceback")


REGISTERED_JOB = ObjectDetailContent(
    extra_buttons=BUTTONS,
    panels=[
        IdentityPanel(weight=100, section=SectionChoices.LEFT_HALF, label="Registered Job"),
        StatePanel(weight=100, section=SectionChoices.RIGHT_HALF, label="State"),
        PastPanel(weight=150, section=SectionChoices.RIGHT_HALF, label="What it was before"),
        ObjectTextPanel(weight=200, section=SectionChoices.RIGHT_HALF, label="Description", object_field="description"),
        OverridesPanel(
            weight=100,
            section=SectionChoices.FULL_WIDTH,
            label="What the source says, what is overridden, what is in effect",
        ),
        VariablesPanel(weight=200, section=SectionChoices.FULL_WIDTH, label="Input variables"),
        MisfitsOfJobPanel(
            weight=250,
            section=SectionChoices.FULL_WIDTH,
            label="Schedules whose stored arguments do not fit",
            css_class="warning",
        ),
        RelatedTablePanel(
            weight=300,
            section=SectionChoices.FULL_WIDTH,
            table=tables.JobLoadErrorTable,
            table_title="Open load errors of the module",
            rows=open_load_errors,
            exclude_columns=["pk", "source"],
            enable_related_link=False,
            required_permissions=[get_permission_for_model(models.JobLoadError, "view")],
        ),
        OPEN_SUSPENSIONS,
        LATEST_REVISIONS,
    ],
    extra_tabs=[RUNS_TAB, SCHEDULES_TAB, HISTORY_TAB],
)
