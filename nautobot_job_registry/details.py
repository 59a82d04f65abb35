"""Contents of the detail pages of the job registry."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import hyperlinked_object, placeholder, render_boolean
from nautobot.apps.ui import (
    BaseTextPanel,
    DataTablePanel,
    KeyValueTablePanel,
    ObjectDetailContent,
    ObjectFieldsPanel,
    ObjectsTablePanel,
    ObjectTextPanel,
    SectionChoices,
)
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import JobQueue, JobResult, ScheduledJob

from nautobot_job_registry import choices, constants, models, tables
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag

MAX_CHANGES_SHOWN = 500
MAX_DEPENDENTS_SHOWN = 25
UNKNOWN = "unknown: no revision yet"
COUNT_FIELDS = [
    "registered",
    "changed",
    "uninstalled",
    "returned",
    "refreshed",
    "unchanged",
    "errors_opened",
    "errors_updated",
    "errors_resolved",
]

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


def field_label(model: type[Model], field: str) -> str:
    """Return what a field is called on a page; the name itself where the model has no such field."""
    names = {known.name: known.verbose_name for known in (*model._meta.fields, *model._meta.many_to_many)}
    text = str(names.get(field, field))
    return text[:1].upper() + text[1:]


def may_view_source(user: Any, obj: Model) -> bool:
    """Return whether a user may see the source code of a revision, or the traceback of a load error."""
    return type(obj).objects.restrict(user, constants.VIEW_SOURCE).filter(pk=obj.pk).exists()


def queue_link(queue: JobQueue | None) -> SafeString:
    """Return a link to a queue by its name: its display asks every worker."""
    return hyperlinked_object(queue, field="name")


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


class RowsPanel(DataTablePanel):
    """A panel with a table of rows that are derived from the object of the page."""

    context_data_key = "registry_rows"

    def get_extra_context(self, context):
        """Add the rows."""
        rows = list(self.visible_rows(get_obj_from_context(context), context["request"].user))
        return {**super().get_extra_context(context), "data": rows}

    def visible_rows(self, obj: Any, user: Any) -> Iterable[dict[str, Any]]:
        """Return the rows that a user may see: all of them, where they say nothing of other objects."""
        return self.rows(obj)

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of an object; texts are escaped where they are shown."""
        raise NotImplementedError


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


class VariablesPanel(RowsPanel):
    """The inputs that the job asks for."""

    columns = ["name", "type", "label", "required", "default"]
    column_headers = ["Name", "Type", "Label", "Required", "Default"]

    def rows(self, obj):
        """Yield the rows of a registered job, or of a revision."""
        revision = obj.current_revision if isinstance(obj, models.RegisteredJob) else obj
        for variable in revision.metadata.get("variables") or () if revision else ():
            yield {
                "name": variable.get("name"),
                "type": variable.get("type"),
                "label": variable.get("label"),
                "required": render_boolean(bool(variable.get("required"))),
                "default": tables.value_text(variable.get("default")),
            }


class RelatedTablePanel(ObjectsTablePanel):
    """A panel with a table of objects that are not found by one relation, or not to be read whole."""

    add_button_route = None
    context_table_key = "registry_table"
    related_table_class: type | None = None
    show_table_config_button = False

    def get_extra_context(self, context):
        """Add the table of the objects that the user may see."""
        user = context["request"].user
        queryset = self.related_queryset(get_obj_from_context(context)).restrict(user, "view")
        with context.update({self.context_table_key: self.related_table_class(queryset, user=user)}):
            return super().get_extra_context(context)

    def related_queryset(self, obj: Any) -> QuerySet:
        """Return the objects of the table, whoever asks."""
        raise NotImplementedError


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
    exclude_columns = ["pk", "source", "state"]
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


class FieldOverridePanel(ObjectFieldsPanel):
    """What is overridden, against what, and what the source says now."""

    def get_data(self, context):
        """Add what the source says now."""
        override = get_obj_from_context(context)
        now = override.job.source_values.get(override.field)
        drift = tables.label("drifted", "warning") if override.is_drifted else tables.label("as set", "success")
        return {**super().get_data(context), "source_says_now": tables.value_text(now), "state": drift}

    def render_value(self, key, value, context):
        """Show values as they are shown everywhere."""
        if key in ("value", "source_value"):
            return tables.value_text(value)
        return super().render_value(key, value, context)


class SourcePanel(ObjectTextPanel):
    """A text that only those see who have the permission to view sources."""

    render_as = BaseTextPanel.RenderOptions.CODE

    def should_render(self, context):
        """Render for those who may see it."""
        if not super().should_render(context):
            return False
        return may_view_source(context["request"].user, get_obj_from_context(context))


class ReconciliationPanel(ObjectFieldsPanel):
    """How a reconcile went."""

    def render_value(self, key, value, context):
        """Show the status as a coloured label."""
        if key == "status":
            return tables.status_label(get_obj_from_context(context))
        return super().render_value(key, value, context)


class LoadErrorPanel(ObjectFieldsPanel):
    """Where a module could not be loaded, and why."""

    def get_data(self, context):
        """Put the source first."""
        source = tables.source_display(get_obj_from_context(context))
        return {"source": source, **super().get_data(context)}

    def render_value(self, key, value, context):
        """Keep the lines of the message."""
        if key == "message" and value:
            return format_html("<pre>{}</pre>", value)
        return super().render_value(key, value, context)


class ChangesPanel(RowsPanel):
    """What a reconcile changed, field by field."""

    columns = ["subject", "action", "field", "old", "new"]
    column_headers = ["Job or module", "Action", "Field", "Old", "New"]

    def rows(self, obj):
        """Yield the rows of a reconciliation, as many as a page can hold."""
        yield from shown_changes(obj.changes or ())


def shown_changes(changes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield the rows of what a reconcile changed or would change, as many as a page can hold."""
    rows = [row for entry in changes for row in change_rows(entry)]
    yield from rows[:MAX_CHANGES_SHOWN]
    if len(rows) > MAX_CHANGES_SHOWN:
        yield {"subject": f"… and {len(rows) - MAX_CHANGES_SHOWN} more: the REST API has all of them"}


def change_rows(entry: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield a row for each field that one entry of `Reconciliation.changes` tells about."""
    if "load_error" in entry:
        action = f"{entry.get('action', '')} load error"
        yield {"subject": entry["load_error"], "action": action, "new": entry.get("message", "")}
        return
    row = {"subject": entry.get("job", ""), "action": entry.get("action", "")}
    fields = entry.get("fields") or {}
    if not fields:
        yield row
    for field, change in fields.items():
        texts = {side: tables.value_text(change.get(side)) for side in ("old", "new")}
        yield {**row, "field": field_label(models.RegisteredJob, field), **texts}


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

JOB_REVISION = ObjectDetailContent(
    panels=[
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["job", "number", "source_version", "created", "metadata_hash", "source_hash"],
        ),
        ObjectTextPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Metadata",
            object_field="metadata",
            render_as=BaseTextPanel.RenderOptions.JSON,
        ),
        VariablesPanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Input variables"),
        SourcePanel(weight=200, section=SectionChoices.FULL_WIDTH, label="Source code", object_field="source_code"),
    ],
)

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
)

JOB_LOAD_ERROR = ObjectDetailContent(
    panels=[
        LoadErrorPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=[
                "module_name",
                "job_class_name",
                "source_version",
                "file_path",
                "line",
                "exception_type",
                "message",
            ],
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="History",
            fields=["first_seen", "last_seen", "resolved_at"],
        ),
        SourcePanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Traceback", object_field="traceback"),
    ],
)

RECONCILIATION = ObjectDetailContent(
    panels=[
        ReconciliationPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["trigger", "scope", "status", "started", "finished", "duration", "user", "job_result", "error"],
            hide_if_unset=["error"],
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Counts",
            fields=COUNT_FIELDS,
            value_transforms={field: [str] for field in COUNT_FIELDS},
        ),
        ChangesPanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Changes"),
    ],
)
