"""The page that says what needs somebody now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from nautobot.apps.ui import EChartsBase, EChartsTypeChoices
from nautobot.apps.views import GenericView

from nautobot_job_registry import models
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models.choices import ReconciliationStatusChoices, SourceTypeChoices
from nautobot_job_registry.tables import display

TITLE = "What needs me now"
NOTHING_TO_SEE = "You have not the right to view anything that this page tells of."

GREEN = {"light": "#1f8a45", "dark": "#3fae68"}
RED = {"light": "#cf2b36", "dark": "#f0626b"}
AMBER = {"light": "#e0a100", "dark": "#f2bd3a"}
GREY = {"light": "#8a94a0", "dark": "#737d8a"}
# In the order of `needs.JOB_STATES`.
STATE_COLOURS = (GREEN, GREY, RED, AMBER)
STATUS_COLOURS = {ReconciliationStatusChoices.SUCCEEDED: GREEN, ReconciliationStatusChoices.FAILED: RED}


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
        "chart": _stacked(
            "registry-jobs-chart",
            [labels[kind] for kind in counted],
            {state.label: [counts[state.key] for counts in counted.values()] for state in needs.JOB_STATES},
            STATE_COLOURS,
        ),
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
        "last_status": last and display.status_label(last.status),
        "name": "registry-reconciles",
        "heading": "Ended",
        "columns": [(day.label, "") for day in days],
        "rows": [
            (label, [(day.counts[status], day.url(status)) for day in days])
            for status, label in ReconciliationStatusChoices.CHOICES
        ],
        "chart": _stacked(
            "registry-reconciles-chart",
            [day.label for day in days],
            {label: [day.counts[status] for day in days] for status, label in ReconciliationStatusChoices.CHOICES},
            [STATUS_COLOURS.get(status, AMBER) for status in ReconciliationStatusChoices.values()],
        ),
    }


def _visible(user: Any, model: type[Model]) -> QuerySet | None:
    """Return the rows of a model that a user may view; nothing where the user may not view any."""
    return model.objects.restrict(user, "view") if needs.may_view(user, model) else None


def _stacked(
    name: str, labels: list[str], series: Mapping[str, list[int]], colours: Iterable[dict[str, str]]
) -> dict[str, Any]:
    """Return a chart as Nautobot's template tag `render_echart` takes it, with the ID of its element on the page."""
    chart = EChartsBase(
        chart_type=EChartsTypeChoices.BAR,
        data={"x": labels, "series": [{"name": label, "data": data} for label, data in series.items()]},
        x_label="",
        y_label="",
        theme_colors=list(colours),
        show_toolbox=False,
        legend={"top": 0},
        additional_config={
            "series": [{"stack": name, "barMaxWidth": 48} for _ in series],
            "grid": {"left": 48, "right": 16, "top": 40, "bottom": 28},
            "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
            "yAxis": {"minInterval": 1},
        },
    )
    return {"name": name, "chart": chart, "config": chart.get_config()}
