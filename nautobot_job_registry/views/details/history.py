"""What changed on a job, and when: its revisions as a timeline."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from nautobot.apps.ui import DistinctViewTab, SectionChoices
from nautobot.apps.utils import get_permission_for_model, get_route_for_model

from nautobot_job_registry import models, tables
from nautobot_job_registry.views.details.panels import RelatedTablePanel
from nautobot_job_registry.views.details.timeline import TimelinePanel

MAX_REVISIONS_SHOWN = 10
VIEW = [get_permission_for_model(models.JobRevision, "view")]


def revisions_of(obj: models.RegisteredJob | models.Reconciliation) -> QuerySet:
    """Return the revisions of a registered job, or those that a reconcile made, without their source code."""
    told = obj.revisions.select_related("job", "reconciliation")
    return told.defer("source_code", "reconciliation__changes", "reconciliation__error")


class RevisionsPanel(RelatedTablePanel):
    """Revisions, with what each of them changed."""

    def __init__(self, **kwargs: Any) -> None:
        """Show them to those who may view them."""
        own = {"table": tables.JobRevisionTable, "rows": revisions_of, "section": SectionChoices.FULL_WIDTH}
        super().__init__(required_permissions=VIEW, **own, **kwargs)

    def visible_rows(self, obj: Any, user: Any) -> QuerySet:
        """Return the revisions that a user may view, with what each of them changed."""
        return super().visible_rows(obj, user).with_history(user)


LATEST_REVISIONS = RevisionsPanel(
    weight=400,
    table_title="Revisions",
    related_field_name="job",
    exclude_columns=["pk", "job"],
    max_display_count=MAX_REVISIONS_SHOWN,
)
# Page by page: what changed, from where to where, by which reconcile, and what ran it.
TIMELINE = RevisionsPanel(
    weight=100,
    table_title="Revisions",
    related_field_name="job",
    exclude_columns=["pk", "job", "source_version", "metadata_hash", "source_hash"],
    include_columns=["versions", "reconciliation"],
    include_paginator=True,
)
HISTORY_TAB = DistinctViewTab(
    weight=150,
    tab_id="history",
    label="History",
    url_name=get_route_for_model(models.RegisteredJob, "history"),
    required_permissions=VIEW,
    panels=(TimelinePanel(weight=50, label="All that happened"), TIMELINE),
)
