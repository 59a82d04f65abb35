"""The dashboard: what needs somebody now, how each source stands, and how reconciles ended."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from nautobot.apps.views import GenericView
from nautobot.extras.models import GitRepository

from nautobot_job_registry import models
from nautobot_job_registry.metrics import needs, sources
from nautobot_job_registry.models.choices import ReconciliationStatusChoices
from nautobot_job_registry.reconcile import on_request
from nautobot_job_registry.tables import display

TITLE = "Job Registry dashboard"
NOTHING_TO_SEE = "You have not the right to view anything that this page tells of."
# How many of each need are named.
NAMED = 3
SEVERITIES = ("danger", "warning", "info")
SEVERITY_WORDS = {"danger": "Urgent", "warning": "Look at it", "info": "Soon"}
STATE_CLASSES = {
    sources.IN_STEP: "success",
    sources.DIFFERS: "warning",
    sources.HAS_ERRORS: "danger",
    sources.REJECTED: "danger",
    sources.UNREACHABLE: "danger",
}
# The colours of the parts of a bar, in the order of `needs.JOB_STATES`.
BAR_CLASSES = ("bg-success", "bg-secondary", "bg-danger", "bg-warning", "bg-warning")


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
        counted = counted_needs(request.user)
        return render(
            request,
            self.template_name,
            {
                "title": TITLE,
                "days": needs.DAYS_OF_RECONCILES,
                "needs": [item for item in counted if item["count"]],
                "without": [item for item in counted if not item["count"]],
                "hidden": len(needs.NEEDS) - len(counted),
                "sources": source_rows(request.user),
                "reconciles": reconciles(request.user),
                "may_reconcile": on_request.may_begin_reconcile(request.user),
            },
        )


def counted_needs(user: Any) -> list[dict[str, Any]]:
    """Return each kind of need that a user may view, with the number of them and the first ones, the worst first."""
    visible = needs.visible_to(user)
    counts = needs.count_all(visible, user)
    counted = [_counted(need, counts[need.key], user) for need in visible]
    return sorted(counted, key=lambda item: SEVERITIES.index(item["need"].severity))


def _counted(need: needs.Need, count: int, user: Any) -> dict[str, Any]:
    first = [
        (need.name(row), row.get_absolute_url(), display.relative_time(getattr(row, need.moment)))
        for row in (need.first(user, NAMED) if count else ())
    ]
    return {
        "need": need,
        "count": count,
        "url": need.url,
        "first": first,
        "more": count - len(first),
        "word": SEVERITY_WORDS[need.severity],
        "badge": display.badge_class(need.severity),
    }


def source_rows(user: Any) -> list[dict[str, Any]] | None:
    """Return how each source stands and how many jobs it has of each state, if the user may view jobs."""
    jobs = _visible(user, models.RegisteredJob)
    if jobs is None:
        return None
    errors = _visible(user, models.JobLoadError)
    repositories = _visible(user, GitRepository)
    states = sources.source_states(
        jobs,
        models.JobLoadError.objects.none() if errors is None else errors,
        GitRepository.objects.none() if repositories is None else repositories,
    )
    return [_source_row(state, user.has_perm(on_request.ADD)) for state in states]


def _source_row(state: sources.SourceState, may_reconcile: bool) -> dict[str, Any]:
    total = sum(state.counts[count.key] for count in needs.JOB_STATES)
    return {
        "name": state.name,
        "kind": state.source.type.value,
        "url": state.repository.get_absolute_url() if state.repository else "",
        "state": display.label(state.state, STATE_CLASSES[state.state]),
        "errors": _cell(models.JobLoadError, state.errors, {**state.filters, "resolved": "false"}),
        "jobs": _cell(models.RegisteredJob, total, state.filters),
        "parts": [
            {
                **_cell(models.RegisteredJob, state.counts[count.key], {**state.filters, **count.parameters}),
                "label": count.label.lower(),
                "css_class": css_class,
                "percent": f"{100 * state.counts[count.key] / total:.2f}",
            }
            for count, css_class in zip(needs.JOB_STATES, BAR_CLASSES, strict=True)
            if state.counts[count.key]
        ],
        "others": [
            {
                **_cell(models.RegisteredJob, state.counts[count.key], {**state.filters, **count.parameters}),
                "label": count.label.lower(),
            }
            for count in (needs.NOT_ENABLED, needs.WITH_OVERRIDES)
            if state.counts[count.key]
        ],
        "plan": on_request.plan_address(state.source.label) if may_reconcile else "",
    }


def _cell(model: type[Model], count: int, parameters: dict[str, str]) -> dict[str, Any]:
    return {"count": count, "url": needs.list_url(model, parameters)}


def reconciles(user: Any) -> dict[str, Any] | None:
    """Return the reconciles of the last days and the last one, if the user may view reconciliations."""
    rows = _visible(user, models.Reconciliation)
    if rows is None:
        return None
    last = needs.last_reconciliation(rows)
    return {
        "last": last,
        "last_status": last and display.reconciliation_status(last),
        "last_started": last and display.relative_time(last.started),
        "days": [_day(day) for day in needs.reconciles_by_day(rows)],
    }


def _day(day: needs.Day) -> dict[str, Any]:
    counted = [
        {
            "count": day.counts[status],
            "url": day.url(status),
            "label": label.lower(),
            "badge": display.badge_class(ReconciliationStatusChoices.CSS_CLASSES[status]),
        }
        for status, label in ReconciliationStatusChoices.CHOICES
        if day.counts[status]
    ]
    return {"label": day.label, "counted": counted}


def _visible(user: Any, model: type[Model]) -> QuerySet | None:
    """Return the rows of a model that a user may view; nothing where the user may not view any."""
    return model.objects.restrict(user, "view") if needs.may_view(user, model) else None
