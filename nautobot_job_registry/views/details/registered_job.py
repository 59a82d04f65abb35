"""Content of the page of a registered job."""

from collections.abc import Iterator
from typing import Any

from django.template import Context
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join, urlize
from django.utils.safestring import SafeString, mark_safe
from nautobot.apps.templatetags import hyperlinked_object, placeholder
from nautobot.apps.ui import KeyValueTablePanel, ObjectDetailContent, ObjectTextPanel, Panel, SectionChoices
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.engine.fields import LIMIT_FIELDS, OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.models import choices
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.alerts import is_sync_rejected, noted_overrides
from nautobot_job_registry.views.details.anchors import RUNS_TAB, SCHEDULES_TAB
from nautobot_job_registry.views.details.field_override import may_change_job
from nautobot_job_registry.views.details.history import HISTORY_TAB, LATEST_REVISIONS
from nautobot_job_registry.views.details.job_buttons import BUTTONS
from nautobot_job_registry.views.details.misfits import MisfitsOfJobPanel
from nautobot_job_registry.views.details.panels import VariablesPanel, queue_link
from nautobot_job_registry.views.details.predecessor import PastPanel
from nautobot_job_registry.views.details.suspension import OPEN_SUSPENSIONS
from nautobot_job_registry.views.details.used_by import UsedByPanel

BUTTONS_OF_ROW = "nautobot_job_registry/inc/override_buttons.html"
UNKNOWN = "unknown: no revision yet"
KEPT = "The job is kept, and comes back when it is found again."
STATE_EXPLANATIONS = {
    display.INSTALLED: "The class is there, and Nautobot can run it.",
    choices.AbsenceChoices.REMOVED: (
        "The class is no longer in the code. This record stays, and so do the runs and schedules that point at it. The "
        "schedules, hooks and buttons of the job are switched off until it returns."
    ),
    choices.AbsenceChoices.LOAD_ERROR: (
        "The class could not be loaded when its source was last read: it, or what registers it, fails; or Nautobot "
        "gave up on its repository before it came to it, or drops it when it loads the jobs anew. The job is kept and "
        "comes back when the file loads again."
    ),
    choices.AbsenceChoices.UNCONFIRMED: (
        "The class is not there any more, and its source could not be read completely: it may have gone, or have moved "
        f"to what could not be loaded. {KEPT}"
    ),
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: (
        "The source could not be read when this was last tried: the repository, app or folder is out of reach, or "
        f"JOBS_ROOT held jobs and is wholly empty now, as if it were not mounted. {KEPT}"
    ),
}
STATE_ADVICE = {
    choices.AbsenceChoices.REMOVED: (
        "If the class should be there, put it back into its source and reconcile: the job returns to this record."
    ),
    choices.AbsenceChoices.LOAD_ERROR: (
        "Fix the code that the load errors tell of, and sync the Git repository or reconcile the source."
    ),
    choices.AbsenceChoices.UNCONFIRMED: (
        "Fix what the load errors of its source tell of, and reconcile: the class is found again, or counts as removed."
    ),
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: (
        "Make the source available again (sync the Git repository, install the app, mount the folder), and reconcile "
        "it. If JOBS_ROOT is meant to be empty: nautobot-server reconcile_jobs --source local --confirm-empty."
    ),
}
KINDS_OF_JOB = {
    "is_job_hook_receiver": "Job hook receiver",
    "is_job_button_receiver": "Job button receiver",
    "read_only": "Read-only",
    "supports_dryrun": "Supports dry run",
}


class IdentityPanel(KeyValueTablePanel):
    """What the job is, and where it comes from."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return identity and provenance; what the job is not is left out."""
        job = get_obj_from_context(context)
        kinds = [text for name, text in KINDS_OF_JOB.items() if getattr(job, name)]
        shown = {
            "class_path": display.copyable(job.class_path, display.class_path_display(job.class_path)),
            "source": display.source_display(job),
            "source_version": display.copyable(job.source_version) if job.source_version else placeholder(None),
            "grouping": job.grouping,
            "current_revision": self.revision(job, context["request"].user),
            "nautobot_job": self.core_job(job, context["request"].user),
        }
        return {**shown, "kind": ", ".join(kinds)} if kinds else shown

    def revision(self, job: models.RegisteredJob, user: Any) -> SafeString:
        """Return the current revision with its age, linked for those who may view it."""
        revision = job.current_revision
        if revision is None:
            return placeholder(None)
        may_view = user.has_perm("nautobot_job_registry.view_jobrevision")
        number = hyperlinked_object(revision, field="number") if may_view else revision.number
        return format_html("{}, first seen {}", number, display.relative_time(revision.created))

    def core_job(self, job: models.RegisteredJob, user: Any) -> Any:
        """Return Nautobot's own row, linked for those who may view it."""
        if job.core_job is None or user.has_perm("extras.view_job"):
            return job.core_job
        return job.core_job.name


class StatePanel(KeyValueTablePanel):
    """Whether the job is there, what it means if it is not, and what to do."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return the state in words."""
        job = get_obj_from_context(context)
        state = display.job_state(job)
        shown = {
            "state": state_badges(job, context["request"].user),
            "what_it_means": STATE_EXPLANATIONS.get(state, ""),
            "what_to_do": STATE_ADVICE.get(state, ""),
            "enabled": job.enabled,
        }
        if not shown["what_to_do"]:
            del shown["what_to_do"]
        if job.uninstalled_at is not None:
            shown["uninstalled"] = display.relative_time(job.uninstalled_at)
        return shown


def state_badges(job: models.RegisteredJob, user: Any) -> SafeString:
    """Return the state of a job in coloured labels: what stands beside its name."""
    labels = [display.state_label(job)]
    if job.installed and not job.enabled:
        labels.append(display.label("not enabled", "secondary"))
    if is_sync_rejected(job, user):
        labels.append(display.label("sync rejected", "warning"))
    return format_html_join(" ", "{}", ((text,) for text in labels))


class SettingsPanel(Panel):
    """What the code says, what is overridden by whom and why, and what is in effect: overridden fields come first."""

    body_wrapper_template_path = "nautobot_job_registry/inc/settings.html"

    def get_extra_context(self, context: Context) -> dict[str, Any]:
        """Add the rows, with the buttons that decide about an override for those who may."""
        job, request = get_obj_from_context(context), context["request"]
        rows = list(self.rows(job, request))
        return {
            **super().get_extra_context(context),
            "overridden": [row for row in rows if row["is_overridden"]],
            "others": [row for row in rows if not row["is_overridden"]],
        }

    def rows(self, job: models.RegisteredJob, request: Any) -> Iterator[dict[str, Any]]:
        """Yield a row for each field that can be overridden."""
        said, noted = job.source_values, noted_overrides(job, request.user)
        may_decide = may_change_job(request.user, job)
        for field in OVERRIDABLE_FIELDS:
            override, is_overridden = noted.get(field), getattr(job, override_flag(field))
            decides = is_overridden and override is not None and may_decide
            yield {
                "field": display.field_label(models.RegisteredJob, field),
                "source": told(field, said[field]) if field in said else UNKNOWN,
                "is_overridden": is_overridden,
                "override": override if is_overridden else None,
                "made": made(override) if is_overridden and override is not None else "",
                "effective": self.effective(job, field),
                "buttons": render_to_string(BUTTONS_OF_ROW, {"override": override}, request) if decides else "",
            }

    def effective(self, job: models.RegisteredJob, field: str) -> str:
        """Return the value that is in effect."""
        if field == "default_job_queue":
            return queue_link(job.default_job_queue)
        if field == "job_queues":
            return format_html_join(", ", "{}", ((queue_link(queue),) for queue in job.job_queues.all()))
        return told(field, getattr(job, field))


def told(field: str, value: Any) -> str:
    """Return a value of a field as text, a limit with its unit."""
    return display.seconds_text(value, field) if field in LIMIT_FIELDS else value_text(value)


def made(override: models.FieldOverride) -> SafeString:
    """Return who overrode a field and when, why, until when, and what the code said then where that has changed."""
    who = f" by {override.set_by}" if override.set_by else ""
    lines = [format_html("{}{}", display.relative_time(override.created), who)]
    if override.is_drifted:
        lines.append(
            format_html("{} code said {} when set", display.DRIFTED, told(override.field, override.source_value))
        )
    if override.reason:
        # It escapes what a person wrote, and does not say so.
        lines.append(mark_safe(urlize(override.reason, nofollow=True, autoescape=True)))  # noqa: S308
    if override.expires_at is not None:
        lines.append(format_html("Ends {}", display.relative_time(override.expires_at)))
    return format_html_join("", "<div>{}</div>", ((line,) for line in lines))


REGISTERED_JOB = ObjectDetailContent(
    extra_buttons=BUTTONS,
    panels=[
        IdentityPanel(weight=100, section=SectionChoices.LEFT_HALF, label="Registered Job"),
        StatePanel(weight=100, section=SectionChoices.RIGHT_HALF, label="State"),
        PastPanel(weight=150, section=SectionChoices.RIGHT_HALF, label="What it was before"),
        ObjectTextPanel(weight=200, section=SectionChoices.RIGHT_HALF, label="Description", object_field="description"),
        SettingsPanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Settings: code · override · effective"),
        UsedByPanel(weight=150, section=SectionChoices.FULL_WIDTH, label="Used by"),
        MisfitsOfJobPanel(
            weight=170,
            section=SectionChoices.FULL_WIDTH,
            label="Schedules whose stored arguments do not fit",
            css_class="warning",
        ),
        OPEN_SUSPENSIONS,
        VariablesPanel(weight=380, section=SectionChoices.FULL_WIDTH, label="Input variables"),
        LATEST_REVISIONS,
    ],
    extra_tabs=[RUNS_TAB, SCHEDULES_TAB, HISTORY_TAB],
)
