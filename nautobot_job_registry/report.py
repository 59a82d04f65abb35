"""A plan in words and in JSON: for the log, the command line and the reconciliation's row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.engine.plan import JobAction, Plan
from nautobot_job_registry.engine.predecessors import Moves
from nautobot_job_registry.engine.records import JobKey

SHOWN_LENGTH = 60
OVERRIDE_ENDS = "end override"
ERROR_SUMMARY = "load errors: {errors_opened} new, {errors_updated} changed, {errors_resolved} resolved"
JOB_SUMMARY = (
    "{registered} registered, {returned} returned, {changed} changed, {uninstalled} uninstalled, {adopted} adopted"
)


def plan_as_json(plan: Plan) -> list[dict[str, Any]]:
    """Return the actions of a plan as data that JSON can hold: job by job, field by field."""
    return [*map(_job_as_json, plan.jobs), *_errors_as_json(plan), *_moves_as_json(plan.moves)]


def _job_as_json(action: JobAction) -> dict[str, Any]:
    fields = {
        change.field: {"old": change.old, "new": change.new}
        for change in action.changes
        if change.field != "core_decisions"
    }
    entry = {"job": action.class_path, "action": action.kind.value, "fields": fields}
    return {**entry, "overrides_ended": list(action.ended)} if action.ended else entry


def _errors_as_json(plan: Plan) -> Iterator[dict[str, Any]]:
    for action in plan.errors:
        yield {
            "load_error": action.label,
            "action": action.kind.value,
            "message": action.failure.message if action.failure else "",
        }


def _moves_as_json(moves: Moves) -> Iterator[dict[str, Any]]:
    for proposal in moves.proposals:
        fields = {"predecessor": {"old": _path(proposal.old), "new": _path(proposal.predecessor)}}
        action = "propose" if proposal.predecessor else "withdraw"
        yield {"job": _path(proposal.key), "action": action, "fields": fields, "message": proposal.grounds}
    for adoption in moves.adoptions:
        fields = {"predecessor": {"old": None, "new": _path(adoption.predecessor)}}
        yield {"job": _path(adoption.key), "action": "adopt", "fields": fields}
    for caution in moves.cautions:
        yield {"job": _path(caution.key), "action": "warning", "fields": {}, "message": caution.message}


def _path(key: JobKey | None) -> str | None:
    return ".".join(key) if key else None


def summary(plan: Plan) -> str:
    """Return one line with the counts of a plan."""
    counts = plan.counts()
    jobs = JOB_SUMMARY.format(**counts)
    ends = f"; overrides: {counts['overrides_ended']} ended" if counts["overrides_ended"] else ""
    errors = ERROR_SUMMARY.format(**counts)
    return f"{jobs}, {counts['refreshed']} refreshed, {counts['unchanged']} unchanged; {errors}{ends}."


def plan_as_table(plan: Plan) -> str:
    """Return a plan as a table for a terminal, with the summary as its last line."""
    rows = [("Action", "Job", "Field", "Old", "New"), *_rows(plan)]
    if len(rows) == 1:
        return f"Nothing to do. {summary(plan)}"
    return f"{as_table(rows)}\n\n{summary(plan)}"


def as_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as a table for a terminal, with a line below the first of them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _rows(plan: Plan) -> Iterator[tuple[str, str, str, str, str]]:
    for entry in plan_as_json(plan):
        if "load_error" in entry:
            yield f"{entry['action']} error", entry["load_error"], "", "", _shown(entry["message"])
        elif not entry["fields"] or entry.get("message"):
            yield entry["action"], entry["job"], "", "", _shown(entry.get("message", ""))
        for field, change in entry.get("fields", {}).items():
            action = field_action(entry, field)
            yield action, entry["job"], field, _shown(change["old"]), _shown(change["new"])


def field_action(entry: Mapping[str, Any], field: str) -> str:
    """Return what a reconcile does to one field of a job: an override that ends is told from a change of the source.

    Args:
        entry: What is told of the job in `Reconciliation.changes`.
        field: The field, or its flag.
    """
    ended = entry.get("overrides_ended", ())
    return OVERRIDE_ENDS if field.removesuffix(override_flag("")) in ended else entry.get("action", "")


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 1]}…"


def lines(plan: Plan) -> Iterator[str]:
    """Yield one line for each change of a plan: what, on which job, from which value to which."""
    for action, job, field, old, new in _rows(plan):
        what = f"{action}: {job}"
        if field:
            yield f"{what}: {field}: {old} → {new}"
        else:
            yield f"{what}: {new}" if new else what
