"""The charts of the dashboard, made with Nautobot's own component; each shows the numbers of the table below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nautobot.apps.ui import EChartsBase, EChartsTypeChoices

from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models.choices import ReconciliationStatusChoices, SourceTypeChoices

GREEN = {"light": "#1f8a45", "dark": "#3fae68"}
RED = {"light": "#cf2b36", "dark": "#f0626b"}
AMBER = {"light": "#e0a100", "dark": "#f2bd3a"}
GREY = {"light": "#8a94a0", "dark": "#737d8a"}
# In the order of `needs.JOB_STATES`.
STATE_COLOURS = (GREEN, GREY, RED, AMBER)
STATUS_COLOURS = {ReconciliationStatusChoices.SUCCEEDED: GREEN, ReconciliationStatusChoices.FAILED: RED}


@dataclass(frozen=True)
class Chart:
    """A chart, as Nautobot's template tag `render_echart` takes it.

    Attributes:
        name: The ID of its element on the page.
        chart: The chart.
    """

    name: str
    chart: EChartsBase

    @property
    def config(self) -> dict[str, Any]:
        """What the script that draws it is given."""
        return self.chart.get_config()


def jobs_by_source(counted: Mapping[str, Mapping[str, int]]) -> Chart:
    """Return a chart of the jobs by type of source, stacked by state.

    Args:
        counted: How many jobs there are, by type of source and key of the state.
    """
    labels = dict(SourceTypeChoices.CHOICES)
    series = {state.label: [counts[state.key] for counts in counted.values()] for state in needs.JOB_STATES}
    return _stacked("registry-jobs-chart", [labels[kind] for kind in counted], series, STATE_COLOURS)


def reconciles_by_day(days: list[needs.Day]) -> Chart:
    """Return a chart of the reconciles by day, stacked by how they ended.

    Args:
        days: How many there were on each day.
    """
    statuses = dict(ReconciliationStatusChoices.CHOICES)
    series = {label: [day.counts[status] for day in days] for status, label in statuses.items()}
    colours = [STATUS_COLOURS.get(status, AMBER) for status in statuses]
    return _stacked("registry-reconciles-chart", [day.label for day in days], series, colours)


def _stacked(name: str, labels: list[str], series: Mapping[str, list[int]], colours: Iterable[dict[str, str]]) -> Chart:
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
    return Chart(name, chart)
