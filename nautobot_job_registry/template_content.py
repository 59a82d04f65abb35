"""What the registry adds to pages of Nautobot's own, and to its own lists."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from nautobot.apps.ui import Button, Component, KeyValueTablePanel, Panel, SectionChoices, TemplateExtension
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import GitRepository, Job, JobButton, JobHook, JobResult, ScheduledJob

from nautobot_job_registry import models, tables
from nautobot_job_registry.lifecycle.suspensions import restoring
from nautobot_job_registry.models.constants import APP_NAME
from nautobot_job_registry.models.job_run import REVISION_NOT_LISTED
from nautobot_job_registry.reconcile import on_request
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details import anchors, panels, suspension
from nautobot_job_registry.views.details.alerts import alerts_of

MAX_ROWS_SHOWN = 10
GONE = "The record of the job was deleted, or the job is not registered: the class path is kept."


class ReadOncePanel(KeyValueTablePanel):
    """A panel whose keys and values are read once, whoever asks for them; without any, it is not shown."""

    def __init__(self, **kwargs: Any) -> None:
        """Say where the keys and values are, once they are read."""
        super().__init__(context_data_key="registry_data", **kwargs)

    def render(self, context: Context) -> str:
        """Read the data before anything asks for them."""
        data = self.read(context["request"].user, get_obj_from_context(context))
        with context.update({self.context_data_key: data}):
            return super().render(context)

    def read(self, user: Any, obj: Any) -> dict[str, Any]:
        """Return the keys and values that a user may see of an object."""
        raise NotImplementedError


class RegisteredJobOfCorePanel(ReadOncePanel):
    """What the registry knows of the job of a core page, for those who may view the record."""

    def read(self, user: Any, obj: Job) -> dict[str, Any]:
        """Return the keys and values of a core job."""
        records = models.RegisteredJob.objects.restrict(user, "view").select_related(
            "git_repository", "current_revision"
        )
        records = records.defer("current_revision__source_code")
        job = records.filter(module_name=obj.module_name, job_class_name=obj.job_class_name).first()
        if job is None:
            return {}
        overridden = ", ".join(display.field_label(models.RegisteredJob, field) for field in job.overridden_fields)
        news = [alert.text for alert in alerts_of(job, user) if alert.level != "info"]
        return {
            **({"needs_attention": format_html_join("", "<div>{}</div>", ((text,) for text in news))} if news else {}),
            "registered_job": job,
            "source": display.source_display(job),
            "source_version": display.version_display(job.source_version, job.source_type),
            "state": display.state_label(job),
            "overridden_fields": overridden or "None",
            **self.load_errors(user, job),
        }

    def load_errors(self, user: Any, job: models.RegisteredJob) -> dict[str, str]:
        """Link to the open load errors of the module and of the packages around it, for those who may view some."""
        if not user.has_perm(get_permission_for_model(models.JobLoadError, "view")):
            return {}
        parts = job.module_name.split(".")
        source = {"source_type": job.source_type, "source_name": job.source_name}
        modules = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        errors = models.JobLoadError.objects.restrict(user, "view")
        count = errors.filter(module_name__in=modules, resolved_at=None, **source).count()
        parameters = {"module_name": modules, "resolved": "false", **source}
        text = f"{count} open" if count else "None"
        return {"load_errors": display.list_link(models.JobLoadError, parameters, text) if count else text}


class OfRepositoryMixin(Component):
    """A panel on the page of a Git repository that provides jobs, or that registered jobs came from."""

    def should_render(self, context: Context) -> bool:
        """Render where there is anything to tell of."""
        repository = get_obj_from_context(context)
        if not super().should_render(context):
            return False
        return "extras.job" in repository.provided_contents or repository.registered_jobs.exists()


class OfRepositoryTablePanel(OfRepositoryMixin, panels.RelatedTablePanel):
    """The first rows of a list, filtered by the Git repository, with a link to the whole of it."""

    def __init__(self, **kwargs: Any) -> None:
        """Show as many as fit beside the rest of the page."""
        super().__init__(max_display_count=MAX_ROWS_SHOWN, related_field_name="git_repository", **kwargs)


def open_load_errors_of(repository: GitRepository) -> QuerySet:
    """Return the open load errors of a repository."""
    return repository.job_load_errors.filter(resolved_at=None).select_related("git_repository").defer("traceback")


class LastReconciliationPanel(OfRepositoryMixin, ReadOncePanel):
    """How the last reconcile that read a Git repository ended."""

    def read(self, user: Any, obj: GitRepository) -> dict[str, Any]:
        """Return the keys and values of the last reconcile of a repository, or of all sources."""
        scopes = (f"git:{obj.slug}", on_request.ALL)
        rows = models.Reconciliation.objects.restrict(user, "view").filter(scope__in=scopes)
        row = rows.defer("changes", "error").first()
        if row is None:
            return {}
        return {
            "reconciliation": row,
            "status": display.reconciliation_status(row),
            "what_happened": display.reconcile_summary(row),
        }


class SuspensionOfDependentPanel(ReadOncePanel):
    """On the page of a schedule, job hook or job button: that it was suspended, since when, why, and what is next."""

    def read(self, user: Any, obj: Any) -> dict[str, Any]:
        """Return the keys and values of its last suspension."""
        rows = models.Suspension.objects.restrict(user, "view").filter(object_id=obj.pk)
        last = rows.select_related("job", "object_type").order_by("-suspended_at").first()
        if last is None:
            return {}
        [prospect] = restoring.prospects([last])
        return {
            "suspension": last,
            "registered_job": last.job,
            **suspension.facts(last),
            "what_happens_next": prospect.explanation or "Nothing: this has ended.",
        }


class AnchorOfRunPanel(ReadOncePanel):
    """What anchors a run, and which code it executed, for those who may view the anchor."""

    def read(self, user: Any, obj: JobResult) -> dict[str, Any]:
        """Return the keys and values of the anchor of a run."""
        runs = models.JobRun.objects.restrict(user, "view").select_related("job", "revision")
        run = runs.defer(*REVISION_NOT_LISTED).filter(job_result=obj.pk).first()
        if run is None:
            return {}
        if display.code_state(run) == display.CODE_CURRENT:
            # What is as it should be takes one line.
            return {"code": anchors.code_in_a_line(run)}
        return {"job_run": run, "registered_job": run.job, **anchors.evidence(run)}


class AnchorOfSchedulePanel(ReadOncePanel):
    """What anchors a schedule, for those who may view the anchor."""

    def read(self, user: Any, obj: ScheduledJob) -> dict[str, Any]:
        """Return the keys and values of the anchor of a schedule."""
        schedules = models.JobSchedule.objects.restrict(user, "view").select_related("job__git_repository")
        schedule = schedules.filter(scheduled_job=obj.pk).first()
        if schedule is None:
            return {}
        job = schedule.job
        return {"job_schedule": schedule, "registered_job": job, "state": display.state_label(job) if job else GONE}


def on_page_of(model: type[Model], *panels_of_page: Panel) -> type[TemplateExtension]:
    """Return what adds panels to the page of an object of Nautobot's own."""
    added = {"model": model._meta.label_lower, "object_detail_panels": panels_of_page}
    return type(f"Core{model.__name__}", (TemplateExtension,), added)


class ReconcileNowButton(TemplateExtension):
    """A button that leads to the plan, for those who may have it carried out."""

    def list_buttons(self) -> str:
        """Return the button."""
        if not on_request.may_begin_reconcile(self.context["request"].user):
            return ""
        return format_html(
            '<a href="{}" class="btn btn-secondary"><span aria-hidden="true" class="mdi mdi-sync me-4"></span>{}</a>',
            reverse("plugins:nautobot_job_registry:reconcile_now"),
            "Reconcile now",
        )


# The chapter of the documentation about each kind of page.
CHAPTERS = {
    models.RegisteredJob: "browse",
    models.JobRevision: "history",
    models.FieldOverride: "override",
    models.JobRun: "runs",
    models.JobSchedule: "runs",
    models.JobLoadError: "load_errors",
    models.Reconciliation: "change_feed",
    models.Suspension: "suspensions",
}


class HelpButton(Button):
    """Leads from a page to its chapter of the documentation."""

    def __init__(self, *, chapter: str, **kwargs: Any) -> None:
        """Say which chapter that is."""
        super().__init__(label="Help", icon="mdi-help-circle-outline", **kwargs)
        self.chapter = chapter

    def get_link(self, context: Context) -> str:
        """Return the address of the chapter."""
        return static(f"{APP_NAME}/docs/user/{self.chapter}.html")


class HelpOfList(TemplateExtension):
    """The same button on a list."""

    chapter = ""

    def list_buttons(self) -> str:
        """Return the button."""
        return format_html(
            '<a href="{}" class="btn btn-secondary"><span aria-hidden="true" class="mdi mdi-help-circle-outline me-4">'
            "</span>Help</a>",
            static(f"{APP_NAME}/docs/user/{self.chapter}.html"),
        )


def helped(model: type[Model], chapter: str) -> type[TemplateExtension]:
    """Return what adds the button to the list and the pages of a model."""
    told = {
        "model": model._meta.label_lower,
        "chapter": chapter,
        "object_detail_buttons": (HelpButton(weight=900, chapter=chapter),),
    }
    return type(f"{model.__name__}Help", (HelpOfList,), told)


def on_list_of(model: type[Model]) -> type[TemplateExtension]:
    """Return what adds the button to a list of the registry's own."""
    return type(f"{model.__name__}List", (ReconcileNowButton,), {"model": model._meta.label_lower})


RIGHT, FULL = SectionChoices.RIGHT_HALF, SectionChoices.FULL_WIDTH
SUSPENDED = SuspensionOfDependentPanel(weight=300, section=RIGHT, label="Suspended with its job")
JOBS_OF_REPOSITORY = OfRepositoryTablePanel(
    weight=300,
    section=FULL,
    table_title="Registered jobs",
    table=tables.RegisteredJobTable,
    rows=lambda repository: repository.registered_jobs.select_related("git_repository"),
    exclude_columns=["pk", "source", "tags"],
    required_permissions=[get_permission_for_model(models.RegisteredJob, "view")],
)
LOAD_ERRORS_OF_REPOSITORY = OfRepositoryTablePanel(
    weight=400,
    section=FULL,
    table_title="Open job load errors",
    table=tables.JobLoadErrorTable,
    rows=open_load_errors_of,
    exclude_columns=["pk"],
    list_parameters={"resolved": "false"},
    required_permissions=[get_permission_for_model(models.JobLoadError, "view")],
)
template_extensions = [
    on_page_of(Job, RegisteredJobOfCorePanel(weight=300, section=RIGHT, label="Job Registry")),
    on_page_of(JobResult, AnchorOfRunPanel(weight=300, section=RIGHT, label="Job Registry")),
    on_page_of(ScheduledJob, AnchorOfSchedulePanel(weight=250, section=RIGHT, label="Job Registry"), SUSPENDED),
    on_page_of(JobHook, SUSPENDED),
    on_page_of(JobButton, SUSPENDED),
    on_page_of(
        GitRepository,
        LastReconciliationPanel(weight=300, section=RIGHT, label="Last reconcile of its jobs"),
        JOBS_OF_REPOSITORY,
        LOAD_ERRORS_OF_REPOSITORY,
    ),
    on_list_of(models.RegisteredJob),
    on_list_of(models.Reconciliation),
    *(helped(model, chapter) for model, chapter in CHAPTERS.items()),
]
