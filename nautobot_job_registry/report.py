"""A plan in words and in JSON: for the log, the command line and the reconciliation's row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.engine.plan import JobAction, Plan

SHOWN_LENGTH = 60
ERROR_SUMMARY = "load errors: {errors_opened} new, {errors_updated} changed, {errors_resolved} resolved"
ERROR_FACTS = (
    "message",
    "exception_type",
    "file_path",
    "line",
    "source_version",
    "effective_version",
    "commit_author",
    "commit_subject",
)
JOB_SUMMARY = "{registered} registered, {returned} returned, {changed} changed, {uninstalled} uninstalled"


def plan_as_json(plan: Plan) -> list[dict[str, Any]]:
    """Return the actions of a plan as data that JSON can hold: job by job, field by field."""
    return [*map(_job_as_json, plan.jobs), *_errors_as_json(plan)]


def _job_as_json(action: JobAction) -> dict[str, Any]:
    fields = {
        change.field: {"old": change.old, "new": change.new}
        for change in action.changes
        if change.field != "core_decisions"
    }
    return {
        "job": action.class_path,
        "source": _source(action).label,
        "action": action.kind.value,
        "absence": action.columns["absence"],
        "fields": fields,
    }


def _source(action: JobAction) -> Source:
    return Source(SourceType(action.columns["source_type"]), action.columns["source_name"])


def _errors_as_json(plan: Plan) -> Iterator[dict[str, Any]]:
    for action in plan.errors:
        facts = {name: getattr(action.failure, name) for name in ERROR_FACTS} if action.failure else {"message": ""}
        yield {"load_error": action.label, "source": action.source, "action": action.kind.value, **facts}


def summary(plan: Plan) -> str:
    """Return one line with the counts of a plan."""
    counts = plan.counts()
    jobs = JOB_SUMMARY.format(**counts)
    return (
        f"{jobs}, {counts['refreshed']} refreshed, {counts['unchanged']} unchanged; {ERROR_SUMMARY.format(**counts)}."
    )


def plan_as_table(plan: Plan) -> str:
    """Return a plan as a table for a terminal, with the summary as its last line."""
    rows = [("Action", "Job", "Field", "Old", "New"), *_rows(plan)]
    if len(rows) == 1:
        return f"Nothing to do. {summary(plan)}"
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], "", summary(plan)])


def _rows(plan: Plan) -> Iterator[tuple[str, str, str, str, str]]:
    for entry in plan_as_json(plan):
        if "load_error" in entry:
            yield f"{entry['action']} error", entry["load_error"], "", "", _shown(entry["message"])
        elif not entry["fields"]:
            yield entry["action"], entry["job"], "", "", ""
        for field, change in entry.get("fields", {}).items():
            yield entry["action"], entry["job"], field, _shown(change["old"]), _shown(change["new"])


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 1]}…"
