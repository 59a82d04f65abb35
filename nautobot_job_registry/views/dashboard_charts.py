"""The charts of the dashboard, drawn by Nautobot's own component; where it has none, the page has the numbers only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.template import Context
from django.utils.safestring import SafeString
from nautobot.apps import ui

from nautobot_job_registry import needs
from nautobot_job_registry.choices import ReconciliationStatusChoices, SourceTypeChoices

# Nautobot 3.0 had no charts at its beginning.
PANEL = getattr(ui, "EChartsPanel", None)
HEIGHT = "18rem"
GREEN = {"light": "#1f8a45", "dark": "#3fae68"}
RED = {"light": "#cf2b36", "dark": "#f0626b"}
AMBER = {"light": "#e0a100", "dark": "#f2bd3a"}
GREY = {"light": "#8a94a0", "dark": "#737d8a"}
# In the order of `needs.JOB_STATES`.
STATE_COLOURS = (GREEN, GREY, RED, AMBER)
STATUS_COLOURS = {ReconciliationStatusChoices.SUCCEEDED: GREEN, ReconciliationStatusChoices.FAILED: RED}


def jobs_by_source(context: Context, counted: Mapping[str, Mapping[str, int]]) -> SafeString | str:
    """Return a chart of the jobs by type of source, stacked by state.

    Args:
        context: Where it is drawn.
        counted: How many jobs there are, by type of source and key of the state.
    """
    labels = dict(SourceTypeChoices.CHOICES)
    series = [
        {"name": state.label, "data": [counts[state.key] for counts in counted.values()]} for state in needs.JOB_STATES
    ]
    return _stacked(context, "registry-jobs-chart", [labels[kind] for kind in counted], series, STATE_COLOURS)


def reconciles_by_day(context: Context, days: list[needs.Day]) -> SafeString | str:
    """Return a chart of the reconciles by day, stacked by how they ended.

    Args:
        context: Where it is drawn.
        days: How many there were on each day.
    """
    series = [
        {"name": str(label), "data": [day.counts[status] for day in days]}
        for status, label in ReconciliationStatusChoices.CHOICES
    ]
    colours = [STATUS_COLOURS[status] for status in ReconciliationStatusChoices.values()]
    return _stacked(context, "registry-reconciles-chart", [day.label for day in days], series, colours)


def _stacked(
    context: Context, name: str, labels: list[str], series: list[dict[str, Any]], colours: Iterable[dict[str, str]]
) -> SafeString | str:
    if PANEL is None:
        return ""
    panel = PANEL(
        weight=100,
        chart_container_id=name,
        chart_height=HEIGHT,
        chart_kwargs={
            "chart_type": ui.EChartsTypeChoices.BAR,
            "data": {"x": labels, "series": series},
            "x_label": "",
            "y_label": "",
            "theme_colors": list(colours),
            "show_toolbox": False,
            "legend": {"top": 0},
            "additional_config": {
                "series": [{"stack": name, "barMaxWidth": 48} for _ in series],
                "grid": {"left": 48, "right": 16, "top": 40, "bottom": 28},
                "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
                "yAxis": {"minInterval": 1},
            },
        },
    )
    with context.update(panel.get_extra_context(context)):
        return panel.render_body(context)
