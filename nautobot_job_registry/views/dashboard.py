"""The page that says what needs somebody now."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from nautobot.apps.views import GenericView

from nautobot_job_registry import models
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models.choices import ReconciliationStatusChoices, SourceTypeChoices
from nautobot_job_registry.tables import display
from nautobot_job_registry.views import dashboard_charts

TITLE = "What needs me now"
NOTHING_TO_SEE = "You have not the right to view anything that this page tells of."


class DashboardView(GenericView):
    """Counts of what needs a look, each with the list of exactly that, over what the user may view."""

    template_name = "nautobot_job_registry/dashboard.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page.

        Raises:
            PermissionDenied: If the user may view nothing of what it tells of.
        """
        if not any(needs.may_view(request.user, model) for model in needs.SHOWN):
            raise PermissionDenied(NOTHING_TO_SEE)
        return render(
            request,
            self.template_name,
            {
                "title": TITLE,
                "days": needs.DAYS_OF_RECONCILES,
                "needs": counted_needs(request.user),
                "jobs": jobs(request.user),
                "reconciles": reconciles(request.user),
            },
        )


def counted_needs(user: Any) -> list[dict[str, Any]]:
    """Return each kind of need that a user may view, with the number of them."""
    return [
        {"need": need, "count": need.count(user), "url": need.url}
        for need in needs.NEEDS
        if needs.may_view(user, need.model)
    ]


def jobs(user: Any) -> dict[str, Any] | None:
    """Return the jobs by type of source and state, as a table and as a chart, if the user may view jobs."""
    rows = _visible(user, models.RegisteredJob)
    if rows is None:
        return None
    counted = needs.count_jobs_by_source(rows)
    labels = dict(SourceTypeChoices.CHOICES)
    total = {count.key: sum(counts[count.key] for counts in counted.values()) for count in needs.JOB_COUNTS}
    return {
        "name": "registry-jobs",
        "heading": "Source",
        "columns": [(count.label, count.title) for count in needs.JOB_COUNTS],
        "rows": [
            *((labels[kind], _job_cells(counts, {"source_type": kind})) for kind, counts in counted.items()),
            ("All", _job_cells(total, {})),
        ],
        "chart": dashboard_charts.jobs_by_source(counted),
    }


def _job_cells(counts: dict[str, int], narrowed: dict[str, str]) -> list[tuple[int, str]]:
    return [
        (counts[count.key], needs.list_url(models.RegisteredJob, {**narrowed, **count.parameters}))
        for count in needs.JOB_COUNTS
    ]


def reconciles(user: Any) -> dict[str, Any] | None:
    """Return the reconciles of the last days and the last one, if the user may view reconciliations."""
    rows = _visible(user, models.Reconciliation)
    if rows is None:
        return None
    days = needs.reconciles_by_day(rows)
    last = needs.last_reconciliation(rows)
    return {
        "last": last,
        "last_status": last and display.status_label(last),
        "name": "registry-reconciles",
        "heading": "Ended",
        "columns": [(day.label, "") for day in days],
        "rows": [
            (label, [(day.counts[status], day.url(status)) for day in days])
            for status, label in ReconciliationStatusChoices.CHOICES
        ],
        "chart": dashboard_charts.reconciles_by_day(days),
    }


def _visible(user: Any, model: type[Model]) -> QuerySet | None:
    """Return the rows of a model that a user may view; nothing where the user may not view any."""
    return model.objects.restrict(user, "view") if needs.may_view(user, model) else None
