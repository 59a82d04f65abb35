"""Content of the page of a load error."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import placeholder
from nautobot.apps.ui import Button, ButtonColorChoices, ObjectDetailContent, ObjectFieldsPanel, SectionChoices
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import GitRepository

from nautobot_job_registry import models, tables
from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.models.choices import AbsenceChoices, SourceTypeChoices
from nautobot_job_registry.models.job_queries import stopped_jobs
from nautobot_job_registry.reconcile import on_request
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.excerpt import ExcerptPanel
from nautobot_job_registry.views.details.panels import RelatedRowsPanel, SourcePanel, WrappingMixin

OPEN = "The module, or the class in it, cannot be loaded, so that its jobs are not installed."
REJECTED = "Nautobot rejected the sync to this commit and rolled it back: {jobs} from commit {effective}."
STILL_RUN, NONE_RUN = "jobs still run", "none of the repository's jobs can be run"
RESOLVED = "The module or class can be loaded again, or is gone. This row stays as history."
# What an error means that keeps no job from running, or is none of the code.
MEANINGS = {
    "DescriptorError": "The class says something that is no valid value. Nautobot takes it as it is, and the job runs.",
    "OutdatedProcessError": "The process that reconciled runs other code than is on the disk: it changed nothing.",
}
RESTART = "Restart the process that the message names: it then loads the code that is on the disk."
ADVICE = {
    SourceTypeChoices.GIT: "Fix the file, push the change, and sync the repository.",
    SourceTypeChoices.LOCAL: "Fix the file in JOBS_ROOT on each host that has one, and reconcile this source.",
    SourceTypeChoices.APP: "Install a version of the app that works, restart Nautobot, and reconcile this source.",
    SourceTypeChoices.SYSTEM: "Look whether the installation of Nautobot is complete, and reconcile this source.",
}
ON_THE_COMMAND_LINE = "On the command line: nautobot-server reconcile_jobs --source {label}"
TRACEBACK = "registry-traceback"


def source_of(error: models.JobLoadError) -> Source:
    """Return the source in which something could not be loaded."""
    return Source(SourceType(error.source_type), error.source_name)


def meaning(error: models.JobLoadError) -> str:
    """Return what the state of a load error means."""
    if not error.is_open:
        return RESOLVED
    if not error.is_rejected:
        return MEANINGS.get(error.exception_type, OPEN)
    of_source = {"source_type": error.source_type, "source_name": error.source_name}
    runs = models.RegisteredJob.objects.filter(**of_source, installed=True).exists()
    return REJECTED.format(jobs=STILL_RUN if runs else NONE_RUN, effective=error.effective_version)


def advice(error: models.JobLoadError) -> str:
    """Return what to do about a load error."""
    if not error.is_open:
        return "Nothing."
    if error.exception_type == "OutdatedProcessError":
        return RESTART
    told = ADVICE[error.source_type]
    # A reconcile reads the commit that is in effect, which has not the error.
    return told if error.is_rejected else f"{told} {ON_THE_COMMAND_LINE.format(label=source_of(error).label)}"


def as_lines(text: str) -> SafeString:
    """Return a text with its lines kept, of which a long one goes on in the next."""
    return format_html('<pre class="mb-0 text-wrap">{}</pre>', text) if text else placeholder(None)


def place(error: models.JobLoadError) -> SafeString:
    """Return file and line, linked to where a browser shows them at that commit, if that is known."""
    if not error.file_path:
        return placeholder(None)
    shown = display.path_display(display.load_error_place(error))
    url = display.web_link(error.git_repository, error.source_version, error.file_path, error.line)
    if url is None:
        return shown
    return format_html(
        '<a href="{}" rel="noreferrer">{} <span class="mdi mdi-open-in-new" aria-hidden="true"></span></a>', url, shown
    )


class LoadErrorPanel(WrappingMixin, ObjectFieldsPanel):
    """Where something could not be loaded, and why."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Put the state in words first, then where it is."""
        error = get_obj_from_context(context)
        told = {"state": display.load_error_state(error), "what_it_means": meaning(error), "what_to_do": advice(error)}
        where = {"file_and_line": place(error), "source": display.source_display(error, context["request"].user)}
        return {**told, **where, **{name: value for name, value in super().get_data(context).items() if value}}


class CommitPanel(WrappingMixin, ObjectFieldsPanel):
    """Who touched the file last, where that is known."""

    def should_render(self, context: Context) -> bool:
        """Render where a commit is known."""
        error = get_obj_from_context(context)
        return bool(error.commit_author or error.commit_subject) and super().should_render(context)


class TracebackPanel(SourcePanel):
    """The traceback, with a button that copies it."""

    def render_body_content(self, context: Context) -> str:
        """Return the button and the text."""
        text = self.get_value(context)
        if not text:
            return super().render_body_content(context)
        return format_html(
            '<button type="button" class="btn btn-sm btn-secondary float-end" data-clipboard-target="#{}">'
            '<span class="mdi mdi-content-copy" aria-hidden="true"></span> Copy traceback</button>'
            '<pre class="mb-0" id="{}">{}</pre>',
            TRACEBACK,
            TRACEBACK,
            text,
        )


def jobs_that_cannot_run(error: models.JobLoadError) -> QuerySet:
    """Return the jobs that a load error keeps from running."""
    return stopped_jobs(models.RegisteredJob.objects.all(), error)


def jobs_not_found(error: models.JobLoadError) -> QuerySet:
    """Return the jobs of the same source that count as removed only once all of it can be loaded."""
    if not error.is_open:
        return models.RegisteredJob.objects.none()
    return models.RegisteredJob.objects.filter(
        source_type=error.source_type,
        source_name=error.source_name,
        installed=False,
        absence=AbsenceChoices.UNCONFIRMED,
    )


class JobsPanel(RelatedRowsPanel):
    """Jobs that are not there because of a load error."""

    def __init__(self, **kwargs: Any) -> None:
        """Show what tells them apart."""
        super().__init__(
            section=SectionChoices.FULL_WIDTH,
            table=tables.RegisteredJobTable,
            exclude_columns=["pk", "actions", "source", "overridden"],
            required_permissions=[get_permission_for_model(models.RegisteredJob, "view")],
            **kwargs,
        )


class OpenErrorButton(Button):
    """A button that is there while the error is."""

    def should_render(self, context: Context) -> bool:
        """Render while the error is open."""
        return super().should_render(context) and get_obj_from_context(context).is_open


class SyncButton(OpenErrorButton):
    """Begins Nautobot's own sync of the repository, for those who may change it there."""

    def should_render(self, context: Context) -> bool:
        """Render where there is a repository that the user may sync."""
        pk = get_obj_from_context(context).git_repository_id
        if pk is None or not super().should_render(context):
            return False
        user = context["request"].user
        return bool(GitRepository.objects.restrict(user, "change").filter(pk=pk).exists())

    def get_link(self, context: Context) -> str:
        """Return the address of the sync."""
        pk = get_obj_from_context(context).git_repository_id
        return reverse("extras:gitrepository_sync", kwargs={"pk": pk})


class ReconcileButton(OpenErrorButton):
    """Leads to the plan for the source, for those who may have it reconciled."""

    def should_render(self, context: Context) -> bool:
        """Render where a reconcile reads what has the error, and not an earlier commit."""
        return not get_obj_from_context(context).is_rejected and super().should_render(context)

    def get_link(self, context: Context) -> str:
        """Return the address of the plan."""
        return on_request.plan_address(source_of(get_obj_from_context(context)).label)


JOB_LOAD_ERROR = ObjectDetailContent(
    panels=[
        LoadErrorPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            label="Load error",
            fields=[
                "exception_type",
                "message",
                "module_name",
                "job_class_name",
                "source_version",
                "effective_version",
            ],
            value_transforms={"message": [as_lines], "module_name": [display.class_path_display]},
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="When",
            fields=["first_seen", "last_seen", "resolved_at"],
            value_transforms={name: [display.relative_time] for name in ("first_seen", "last_seen", "resolved_at")},
        ),
        CommitPanel(
            weight=200,
            section=SectionChoices.RIGHT_HALF,
            label="Last commit that touched the file",
            fields=["commit_author", "commit_subject"],
        ),
        ExcerptPanel(weight=50, section=SectionChoices.FULL_WIDTH, label="Code"),
        JobsPanel(
            weight=100, table_title="Jobs that cannot run", rows=jobs_that_cannot_run, related_field_name="load_error"
        ),
        JobsPanel(
            weight=150,
            table_title="Not found: they count as removed once all of this source can be loaded",
            rows=jobs_not_found,
            enable_related_link=False,
        ),
        TracebackPanel(weight=200, section=SectionChoices.FULL_WIDTH, label="Traceback", object_field="traceback"),
    ],
    extra_buttons=[
        SyncButton(
            weight=100,
            label="Sync repository",
            icon="mdi-source-branch-sync",
            color=ButtonColorChoices.BLUE,
            template_path="nautobot_job_registry/inc/post_button.html",
        ),
        ReconcileButton(
            weight=200, label="Reconcile this source", icon="mdi-sync", required_permissions=[on_request.ADD]
        ),
    ],
)
