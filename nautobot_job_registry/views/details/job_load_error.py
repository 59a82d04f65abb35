"""Content of the page of a load error."""

from typing import Any

from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import placeholder
from nautobot.apps.ui import (
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.panels import SourcePanel

OPEN = (
    "The module, or the class in it, cannot be loaded, so that its jobs are not installed. Mend the file, and "
    "reconcile: sync the Git repository, or run nautobot-server reconcile_jobs."
)
REJECTED = (
    "Nautobot rejected the sync to this commit and rolled it back: {jobs} from commit {effective}. Mend the file, and "
    "sync the Git repository again."
)
STILL_RUN, NONE_RUN = "jobs still run", "none of the repository's jobs can be run"
RESOLVED = "The module or class can be loaded again, or is gone. This row stays as history."


def meaning(error: models.JobLoadError) -> str:
    """Return what the state of a load error means, and what to do."""
    if not error.is_open:
        return RESOLVED
    if not error.is_rejected:
        return OPEN
    of_source = {"source_type": error.source_type, "source_name": error.source_name}
    runs = models.RegisteredJob.objects.filter(**of_source, installed=True).exists()
    return REJECTED.format(jobs=STILL_RUN if runs else NONE_RUN, effective=error.effective_version)


def as_lines(text: str) -> SafeString:
    """Return a text with its lines kept."""
    return format_html("<pre>{}</pre>", text) if text else placeholder(None)


class LoadErrorPanel(ObjectFieldsPanel):
    """Where a module could not be loaded, and why."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Put the state in words, and the source, first."""
        error = get_obj_from_context(context)
        state = {"state": display.load_error_state(error), "what_it_means": meaning(error)}
        return {**state, "source": display.source_display(error), **super().get_data(context)}


JOB_LOAD_ERROR = ObjectDetailContent(
    panels=[
        LoadErrorPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=[
                "module_name",
                "job_class_name",
                "source_version",
                "effective_version",
                "file_path",
                "line",
                "exception_type",
                "message",
            ],
            hide_if_unset=["effective_version"],
            value_transforms={"message": [as_lines]},
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="History",
            fields=["first_seen", "last_seen", "resolved_at"],
        ),
        ObjectFieldsPanel(
            weight=200,
            section=SectionChoices.RIGHT_HALF,
            label="Last commit that touched the file",
            fields=["commit_author", "commit_subject"],
        ),
        SourcePanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Traceback", object_field="traceback"),
    ],
)
