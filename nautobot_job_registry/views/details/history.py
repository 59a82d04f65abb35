"""What changed on a job, and when: its revisions as a timeline."""

from typing import Any

from django.db.models import Model, QuerySet
from nautobot.apps.ui import DistinctViewTab, SectionChoices
from nautobot.apps.utils import get_permission_for_model, get_route_for_model

from nautobot_job_registry import models, tables
from nautobot_job_registry.views.details.panels import RelatedTablePanel

MAX_REVISIONS_SHOWN = 10


class RevisionsPanel(RelatedTablePanel):
    """The latest revisions of a job, without their source code."""

    exclude_columns = ["pk", "job"]
    max_display_count: int | None = MAX_REVISIONS_SHOWN
    related_field_name = "job"
    related_table_class = tables.JobRevisionTable
    table_title = "Revisions"

    def visible_queryset(self, obj: Model, user: Any) -> QuerySet:
        """Return the revisions that a user may view, with what each of them changed."""
        return super().visible_queryset(obj, user).with_history(user)

    def related_queryset(self, obj: Model) -> QuerySet:
        """Return the revisions of a registered job, or those that a reconcile made."""
        told = obj.revisions.select_related("job", "reconciliation")
        return told.defer("source_code", "reconciliation__changes", "reconciliation__error")


class TimelinePanel(RevisionsPanel):
    """All revisions of a job, page by page: what changed, from where to where, by which reconcile, and what ran it."""

    exclude_columns = ["pk", "job", "source_version", "metadata_hash", "source_hash"]
    include_columns = ["versions", "reconciliation"]
    include_paginator = True
    max_display_count = None
    table_title = "History"


class RevisionsOfReconciliationPanel(RevisionsPanel):
    """The revisions that a reconcile made; all of them are in the list of revisions."""

    exclude_columns = ["pk"]
    related_field_name = "reconciliation"
    table_title = "Revisions that it made"


HISTORY_TAB = DistinctViewTab(
    weight=150,
    tab_id="history",
    label="History",
    url_name=get_route_for_model(models.RegisteredJob, "history"),
    required_permissions=[get_permission_for_model(models.JobRevision, "view")],
    panels=(TimelinePanel(weight=100, section=SectionChoices.FULL_WIDTH),),
)
