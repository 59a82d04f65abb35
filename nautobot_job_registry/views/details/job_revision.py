"""Content of the page of a job revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from nautobot.apps.ui import (
    Button,
    ButtonColorChoices,
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.history.changes import in_order
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.tables import display, revision_changes
from nautobot_job_registry.views.details.code import CodePanel
from nautobot_job_registry.views.details.comparison import COMPARISON_TAB
from nautobot_job_registry.views.details.panels import RowsPanel, VariablesPanel

MAX_RUNS_SHOWN = 25


class RevisionPanel(ObjectFieldsPanel):
    """Which revision it is, when and how it was made, and what it changed."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Put what it changed between what it is and its hashes."""
        revision = get_obj_from_context(context)
        data = super().get_data(context)
        hashes = {name: wrapped(data.pop(name)) for name in ("metadata_hash", "source_hash")}
        is_current = revision.pk == revision.job.current_revision_id
        return {
            **data,
            "is_current": is_current,
            "what_changed": wrapped(revision_changes.change_summary(revision)),
            "source_version": revision_changes.version_change(revision),
            "runs": revision_changes.run_count_display(revision),
            **hashes,
        }


def wrapped(text: str) -> SafeString:
    """Return a long text that goes on in the next line, where the column is narrow."""
    return format_html('<span class="text-break text-wrap">{}</span>', text)


class MetadataPanel(RowsPanel):
    """What the source says: a row for each field."""

    columns = ["field", "value"]
    column_headers = ["Field", "Source says"]

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield a row for each field but the inputs, which have a table of their own."""
        for name in in_order(obj.metadata):
            text = value_text(obj.metadata[name])
            shown = format_html('<span style="white-space: pre-wrap">{}</span>', text) if text else ""
            yield {"field": display.field_label(models.RegisteredJob, name), "value": shown}


class RunsOfRevisionPanel(RowsPanel):
    """The latest runs that used the code of a revision."""

    columns = ["run", "status", "worker", "source_version"]
    column_headers = ["Run", "Status", "Worker", "Version that the worker saw"]

    def visible_rows(self, obj: Any, user: Any) -> Iterable[dict[str, Any]]:
        """Return the rows of the runs that the user may view."""
        runs = obj.runs.restrict(user, "view").listed()
        return [self.row(run, obj.job.source_type) for run in runs[:MAX_RUNS_SHOWN]]

    def row(self, run: models.JobRun, source_type: str) -> dict[str, object]:
        """Return when a run was asked for, how it went, and where."""
        result = run.job_result
        made = f"{timezone.localtime(run.created):%Y-%m-%d %H:%M:%S}"
        return {
            "run": format_html('<a href="{}">{}</a>', result.get_absolute_url(), made),
            "status": result.status,
            "worker": run.worker,
            "source_version": display.version_display(run.source_version, source_type),
        }


class NeighbourButton(Button):
    """Leads to another revision of the job; not there where there is none."""

    def __init__(self, *, neighbour: str, **kwargs: Any) -> None:
        """Lead to the revision that `Neighbours` calls so."""
        self.neighbour = neighbour
        super().__init__(**kwargs)

    def should_render(self, context: Context) -> bool:
        """Render where there is such a revision."""
        return super().should_render(context) and self.other(context) is not None

    def other(self, context: Context) -> UUID | None:
        """Return the primary key of the other revision."""
        return getattr(context["neighbours"], self.neighbour)

    def get_link(self, context: Context) -> str:
        """Return the address of the other revision."""
        return models.JobRevision(pk=self.other(context)).get_absolute_url()


class CompareButton(NeighbourButton):
    """Leads to the comparison with another revision of the job."""

    def get_link(self, context: Context) -> str:
        """Return the address of the comparison."""
        url = reverse(COMPARISON_TAB.url_name, kwargs={"pk": get_obj_from_context(context).pk})
        return f"{url}?{urlencode({'against': self.other(context)})}"


JOB_REVISION = ObjectDetailContent(
    panels=[
        RevisionPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["job", "number", "reconciliation", "created", "metadata_hash", "source_hash"],
        ),
        MetadataPanel(weight=100, section=SectionChoices.RIGHT_HALF, label="What the source says"),
        VariablesPanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Input variables"),
        RunsOfRevisionPanel(
            weight=150,
            section=SectionChoices.FULL_WIDTH,
            label="Latest runs that used it",
            required_permissions=[get_permission_for_model(models.JobRun, "view")],
        ),
        CodePanel(weight=200, section=SectionChoices.FULL_WIDTH, label="Source code", object_field="source_code"),
    ],
    extra_buttons=[
        NeighbourButton(weight=100, label="Previous", neighbour="before", icon="mdi-chevron-left"),
        NeighbourButton(weight=200, label="Next", neighbour="after", icon="mdi-chevron-right"),
        CompareButton(
            weight=300,
            label="Compare with previous",
            neighbour="before",
            icon="mdi-compare-horizontal",
            color=ButtonColorChoices.BLUE,
        ),
        CompareButton(
            weight=400,
            label="Compare with current",
            neighbour="current",
            icon="mdi-compare-horizontal",
            color=ButtonColorChoices.BLUE,
        ),
    ],
    extra_tabs=[COMPARISON_TAB],
)
