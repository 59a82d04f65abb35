"""Content of the page of a registered job."""

from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import placeholder, render_boolean
from nautobot.apps.ui import (
    KeyValueTablePanel,
    ObjectDetailContent,
    ObjectTextPanel,
    SectionChoices,
)
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import JobResult, ScheduledJob

from nautobot_job_registry import choices, models, tables
from nautobot_job_registry.details.panels import RelatedTablePanel, RowsPanel, VariablesPanel, field_label, queue_link
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag

MAX_DEPENDENTS_SHOWN = 25
UNKNOWN = "unknown: no revision yet"
STATE_EXPLANATIONS = {
    tables.INSTALLED: "The class is there and can be loaded.",
    choices.AbsenceChoices.REMOVED: (
        "The source was read completely, and the class is not in it any more. This record stays, and so do the runs "
        "and schedules that point at it."
    ),
    choices.AbsenceChoices.LOAD_ERROR: (
        "The class could not be loaded when its source was last read. This counts as a temporary absence, and the "
        "record stays as it is."
    ),
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: (
        "The source could not be read when this was last tried: the repository, app or folder is out of reach. This "
        "counts as a temporary absence, and the record stays as it is."
    ),
}
STATE_ADVICE = {
    tables.INSTALLED: "Nothing.",
    choices.AbsenceChoices.REMOVED: (
        "If the class should be there, put it back into its source and reconcile: the job returns to this record."
    ),
    choices.AbsenceChoices.LOAD_ERROR: (
        "Read the load errors of the module, mend its code, and reconcile: sync the Git repository, or run "
        "nautobot-server reconcile_jobs."
    ),
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: (
        "Make the source available again (sync the Git repository, install the app, mount the folder), and reconcile "
        "with nautobot-server reconcile_jobs."
    ),
}
NOT_ENABLED_ADVICE = "The job cannot be run until it is enabled."


class RegisteredJobPanel(KeyValueTablePanel):
    """A panel of keys and values about a registered job."""

    def get_data(self, context):
        """Return the keys and values of the job of the page."""
        return self.job_data(get_obj_from_context(context))

    def job_data(self, job: models.RegisteredJob) -> dict[str, Any]:
        """Return the keys and values of a job."""
        raise NotImplementedError


class IdentityPanel(RegisteredJobPanel):
    """What the job is, and where it comes from."""

    def job_data(self, job):
        """Return identity and provenance."""
        return {
            "name": job.name,
            "grouping": job.grouping,
            "class_path": job.class_path,
            "source": tables.source_display(job),
            "source_version": format_html("{}", job.source_version or placeholder(None)),
            "current_revision": job.current_revision,
            "nautobot_job": job.core_job,
            "job_hook_receiver": job.is_job_hook_receiver,
            "job_button_receiver": job.is_job_button_receiver,
            "read_only": job.read_only,
            "supports_dry_run": job.supports_dryrun,
        }


class StatePanel(RegisteredJobPanel):
    """Whether the job is there, what it means if it is not, and what to do."""

    def job_data(self, job):
        """Return the state in words."""
        state = tables.job_state(job)
        advice = STATE_ADVICE.get(state, "")
        if job.installed and not job.enabled:
            advice = NOT_ENABLED_ADVICE
        return {
            "state": tables.state_label(job),
            "what_it_means": STATE_EXPLANATIONS.get(state, ""),
            "what_to_do": advice,
            "enabled": job.enabled,
            "uninstalled_at": job.uninstalled_at,
        }


class OverridesPanel(RowsPanel):
    """What the source says, what is overridden, and what is in effect: a row for each overridable field."""

    columns = ["field", "source", "overridden", "effective"]
    column_headers = ["Field", "Source says", "Overridden", "In effect"]

    def rows(self, obj):
        """Yield the rows of a registered job."""
        source_values = obj.source_values
        noted = {row.field: row for row in obj.field_overrides.select_related("set_by")}
        for field in OVERRIDABLE_FIELDS:
            overridden = getattr(obj, override_flag(field))
            yield {
                "field": field_label(models.RegisteredJob, field),
                "source": tables.value_text(source_values[field]) if field in source_values else UNKNOWN,
                "overridden": self.overridden(noted.get(field), obj) if overridden else "",
                "effective": self.effective(obj, field),
            }

    def overridden(self, noted: models.FieldOverride | None, job: models.RegisteredJob) -> SafeString:
        """Return who overrode a field and when, and what the source said then where it says something else now."""
        text = tables.label("overridden", "info")
        if noted is None:
            return text
        noted.job = job
        who = f" by {noted.set_by}" if noted.set_by else ""
        text = format_html("{} on {}{}", text, f"{noted.created:%Y-%m-%d}", who)
        if not noted.is_drifted:
            return text
        said = tables.value_text(noted.source_value)
        return format_html("{}<br>{} set against: {}", text, tables.label("drifted", "warning"), said)

    def effective(self, job: models.RegisteredJob, field: str) -> str:
        """Return the value that is in effect."""
        if field == "default_job_queue":
            return queue_link(job.default_job_queue)
        if field == "job_queues":
            return format_html_join(", ", "{}", ((queue_link(queue),) for queue in job.job_queues.all()))
        return tables.value_text(getattr(job, field))


class DependentsPanel(RowsPanel):
    """What hangs on a job in Nautobot, as far as the user may view it."""

    def visible_rows(self, obj, user):
        """Return the rows of the objects that the user may view."""
        found = self.objects(obj).restrict(user, "view") if obj.core_job_id else ()
        return [self.row(item) for item in found[:MAX_DEPENDENTS_SHOWN]]

    def objects(self, job: models.RegisteredJob) -> QuerySet:
        """Return the objects, the latest first."""
        raise NotImplementedError

    def row(self, item: Model) -> dict[str, Any]:
        """Return the row of an object."""
        raise NotImplementedError


class RunsPanel(DependentsPanel):
    """The latest runs of a job."""

    columns = ["run", "status", "user"]
    column_headers = ["Run", "Status", "User"]

    def objects(self, job):
        """Return the runs."""
        return JobResult.objects.filter(job_model=job.core_job_id).select_related("user").order_by("-date_created")

    def row(self, item):
        """Return when it was made, how it went, and who ran it."""
        made = f"{item.date_created:%Y-%m-%d %H:%M:%S}"
        run = format_html('<a href="{}">{}</a>', item.get_absolute_url(), made)
        return {"run": run, "status": item.status, "user": item.user}


class SchedulesPanel(DependentsPanel):
    """The schedules of a job."""

    columns = ["schedule", "enabled", "interval", "last_run"]
    column_headers = ["Schedule", "Enabled", "Interval", "Last run"]

    def objects(self, job):
        """Return the schedules."""
        return ScheduledJob.objects.filter(job_model=job.core_job_id).order_by("name")

    def row(self, item):
        """Return name, state and times."""
        return {
            "schedule": format_html('<a href="{}">{}</a>', item.get_absolute_url(), item.name),
            "enabled": render_boolean(item.enabled),
            "interval": item.get_interval_display(),
            "last_run": item.last_run_at,
        }


class RevisionsPanel(RelatedTablePanel):
    """The revisions of a job, without their source code."""

    exclude_columns = ["pk", "job"]
    related_field_name = "job"
    related_table_class = tables.JobRevisionTable
    table_title = "Revisions"

    def related_queryset(self, obj):
        """Return the revisions of a registered job."""
        return obj.revisions.select_related("job").defer("source_code")


class OpenLoadErrorsPanel(RelatedTablePanel):
    """The open load errors of the module of a job, and of the packages around it."""

    enable_related_link = False
    exclude_columns = ["pk", "source"]
    related_table_class = tables.JobLoadErrorTable
    table_title = "Open load errors of the module"

    def related_queryset(self, obj):
        """Return the open errors that can keep a registered job from being loaded."""
        parts = obj.module_name.split(".")
        modules = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        return models.JobLoadError.objects.filter(
            Q(job_class_name="") | Q(module_name=obj.module_name, job_class_name=obj.job_class_name),
            source_type=obj.source_type,
            source_name=obj.source_name,
            module_name__in=modules,
            resolved_at__isnull=True,
        ).defer("traceback")


REGISTERED_JOB = ObjectDetailContent(
    panels=[
        IdentityPanel(weight=100, section=SectionChoices.LEFT_HALF, label="Registered Job"),
        StatePanel(weight=100, section=SectionChoices.RIGHT_HALF, label="State"),
        ObjectTextPanel(weight=200, section=SectionChoices.RIGHT_HALF, label="Description", object_field="description"),
        OverridesPanel(
            weight=100,
            section=SectionChoices.FULL_WIDTH,
            label="What the source says, what is overridden, what is in effect",
        ),
        VariablesPanel(weight=200, section=SectionChoices.FULL_WIDTH, label="Input variables"),
        OpenLoadErrorsPanel(weight=300, section=SectionChoices.FULL_WIDTH),
        RunsPanel(weight=350, section=SectionChoices.FULL_WIDTH, label="Latest runs"),
        SchedulesPanel(weight=360, section=SectionChoices.FULL_WIDTH, label="Schedules"),
        RevisionsPanel(weight=400, section=SectionChoices.FULL_WIDTH),
    ],
)
