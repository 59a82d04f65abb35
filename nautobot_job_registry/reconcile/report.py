"""A plan in words and in JSON: for the log, the command line and the reconciliation's row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from nautobot_job_registry.engine.dependents import DependentAction, tally
from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.engine.overrides import SourceChange
from nautobot_job_registry.engine.plan import FieldChange, JobAction
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.engine.text import visible_text
from nautobot_job_registry.history.sentences import counts_summary
from nautobot_job_registry.history.values import MAX_SHOWN, told_apart, value_text
from nautobot_job_registry.lifecycle.moves.proposals import Moves
from nautobot_job_registry.reconcile.plan import Outcome, Plan

SHOWN_LENGTH = 60
OVERRIDE_ENDS = "override ends"
# The source changes beneath an override: it drifts, or says again what it said when the override was set.
DRIFT, IN_STEP = "drifts", "in step again"
MISFITS = "will fail"
# What is done to a job or to a load error, in a table; one that is missing for now is not removed.
ACTIONS = {
    "register": "new",
    "return": "restored",
    "change": "changed",
    "uninstall": "removed",
    "refresh": "version moved",
    "suspend": "switched off",
    "restore": "switched on",
    "close": "left as found",
    "open": "cannot be loaded",
    "update": "cannot be loaded",
    "confirm": "cannot be loaded",
    "resolve": "fixed",
    "adopt": "moved",
    "propose": "moved?",
    "withdraw": "not moved",
}
MISSING = "missing for now"
# What happens to dependents, by the key of `changes` that counts them: the action where nothing else happens to the
# job, what is said of their number, and what is said of the next run of a schedule.
DEPENDENTS = {
    "suspended": ("suspend", "switched off", "the next run would be"),
    "restored": ("restore", "switched on again", "the next run is"),
    "left": ("close", "left as it is: somebody has changed or deleted it since", ""),
}
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


def plan_as_json(plan: Plan) -> list[dict[str, Any]]:
    """Return the actions of a plan as data that JSON can hold: job by job, field by field.

    What happens to the schedules, hooks and buttons of a job is told by their numbers, under `dependents`.
    """
    return _as_json(plan, plan.dependents)


def outcome_as_json(outcome: Outcome) -> list[dict[str, Any]]:
    """Return what a reconcile did, in the form of `plan_as_json`, with what came back on beside the plan."""
    return _as_json(outcome.plan, (*outcome.plan.dependents, *outcome.came_back))


def _as_json(plan: Plan, actions: Sequence[DependentAction]) -> list[dict[str, Any]]:
    dependents = _dependents_as_json(actions)
    jobs = [_job_as_json(action) for action in plan.jobs]
    misfits = _misfits_as_json(plan)
    for entry in jobs:
        if entry["job"] in dependents:
            entry["dependents"] = dependents.pop(entry["job"])
        if entry["job"] in misfits:
            entry["misfits"] = misfits[entry["job"]]
    others = [
        {"job": job, "action": DEPENDENTS[next(iter(found))][0], "fields": {}, "dependents": found}
        for job, found in dependents.items()
    ]
    return [*jobs, *others, *_errors_as_json(plan), *_moves_as_json(plan.moves)]


def _dependents_as_json(actions: Sequence[DependentAction]) -> dict[str, dict[str, Any]]:
    by_job: dict[str, list[DependentAction]] = defaultdict(list)
    for action in actions:
        by_job[action.class_path].append(action)
    return {job: _tallies(found) for job, found in by_job.items()}


def _tallies(actions: list[DependentAction]) -> dict[str, Any]:
    """Return the numbers of what is switched off, on again, and left: those that are not zero."""
    parts = {
        "suspended": [action for action in actions if action.switches_off],
        "restored": [action for action in actions if action.switches_on],
        "left": [action for action in actions if not (action.switches_off or action.switches_on)],
    }
    return {name: asdict(tally(found)) for name, found in parts.items() if found}


def _misfits_as_json(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return how many schedules of each job will fail, and for which inputs: their names are not for everybody."""
    by_job: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for misfit in plan.misfits:
        by_job[misfit.class_path].append(misfit.missing)
    return {job: {"schedules": len(found), "missing": sorted({*chain(*found)})} for job, found in by_job.items()}


def _job_as_json(action: JobAction) -> dict[str, Any]:
    fields = {change.field: _change(change) for change in action.changes if change.field != "core_decisions"}
    entry = {
        "job": action.class_path,
        "source": _source(action).label,
        "action": action.kind.value,
        "absence": action.columns["absence"],
        "fields": fields,
    }
    if action.ended:
        entry["overrides_ended"] = list(action.ended)
    if action.beneath:
        entry["beneath_overrides"] = {
            change.field: {**_change(change), "value": _shown_of(change.value), "drifts": change.drifts}
            for change in action.beneath
        }
    return entry


def _change(change: FieldChange | SourceChange) -> dict[str, Any]:
    """Return what a field said and says; of a long text what a page shows of it, as revisions have it whole."""
    old, new = change.old, change.new
    if any(isinstance(value, str) and len(value) > MAX_SHOWN for value in (old, new)):
        old, new = told_apart(old, new)
    return {"old": old, "new": new}


def _shown_of(value: Any) -> Any:
    return value_text(value) if isinstance(value, str) else value


def _source(action: JobAction) -> Source:
    return Source(SourceType(action.columns["source_type"]), action.columns["source_name"])


def _errors_as_json(plan: Plan) -> Iterator[dict[str, Any]]:
    for action in plan.errors:
        facts: dict[str, Any] = {"message": ""}
        if action.failure:
            facts = {name: getattr(action.failure, name) for name in ERROR_FACTS}
        if action.failure and not action.failure.still_runs:
            facts["still_runs"] = False
        yield {"load_error": action.label, "source": action.source, "action": action.kind.value, **facts}


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


def summary_line(counts: Mapping[str, int]) -> str:
    """Return one line with the counts of a plan, or of what came of it; what there is none of is left out."""
    return f"{counts_summary(counts)}; {counts['unchanged']} unchanged."


def plan_as_table(plan: Plan) -> str:
    """Return a plan as a table for a terminal, with the summary as its last line."""
    rows = [
        (
            row.action,
            row.subject,
            row.field,
            *told_apart(row.old, row.new, SHOWN_LENGTH, _shown),
        )
        for row in change_rows(plan_as_json(plan))
    ]
    if not rows:
        return f"Nothing to do. {summary_line(plan.counts())}"
    table = as_table([("Action", "Job", "Field", "Old", "New"), *rows])
    return f"{table}\n\n{summary_line(plan.counts())}"


def as_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as a table for a terminal, with a line below the first of them."""
    rows = [tuple(map(visible_text, row)) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


@dataclass(frozen=True)
class ChangeRow:
    """One thing that a reconcile does, or did, for a table; the values are as they are stored.

    Attributes:
        subject: The class path, or the name of the module that a load error is of.
        action: What is done.
        field: The field of the job, or the kind of its dependents; empty where it is about the whole.
        old: What the field said.
        new: What it says now, or a message.
    """

    subject: str
    action: str
    field: str = ""
    old: Any = ""
    new: Any = ""


def change_rows(entries: Iterable[Mapping[str, Any]]) -> Iterator[ChangeRow]:
    """Yield what entries of `Reconciliation.changes` tell of, field by field."""
    for entry in entries:
        action, message = action_text(entry), entry.get("message", "")
        fields, dependents = entry.get("fields") or {}, entry.get("dependents") or {}
        if "load_error" in entry:
            yield ChangeRow(entry["load_error"], action, new=message)
            continue
        job = entry.get("job", "")
        if message or not (fields or dependents):
            yield ChangeRow(job, action, new=message)
        for field, change in fields.items():
            # An override that ends is told from a change of the source.
            ended = field.removesuffix(override_flag("")) in entry.get("overrides_ended", ())
            yield ChangeRow(job, OVERRIDE_ENDS if ended else action, field, change.get("old"), change.get("new"))
        for field, change in (entry.get("beneath_overrides") or {}).items():
            told = f"{value_text(change.get('new'))}; the override stays: {value_text(change.get('value'))}"
            yield ChangeRow(job, DRIFT if change.get("drifts") else IN_STEP, field, change.get("old"), told)
        misfits = entry.get("misfits")
        if misfits:
            missing = f"required, but not stored: {', '.join(misfits['missing'])}"
            yield ChangeRow(job, MISFITS, "schedules", misfits["schedules"], missing)
        for kind, text in dependent_texts(dependents):
            yield ChangeRow(job, action, kind, new=text)


def action_text(entry: Mapping[str, Any]) -> str:
    """Return what an entry of `Reconciliation.changes` does, in a word or two."""
    action = str(entry.get("action") or "")
    if action == "uninstall" and entry.get("absence") != "removed":
        return MISSING
    return ACTIONS.get(action, action)


def dependent_texts(dependents: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what happens to the dependents of a job: the kind of them, and a text.

    Args:
        dependents: As under `dependents` in an entry of `plan_as_json`, before or after it was stored.
    """
    for name, numbers in dependents.items():
        what, run = DEPENDENTS[name][1], next_run_text(name, numbers)
        for kind in ("schedules", "job_hooks", "job_buttons"):
            if numbers[kind]:
                text = f"{numbers[kind]} {what}"
                yield kind, f"{text}; {run}" if kind == "schedules" and run else text


def next_run_text(name: str, numbers: Mapping[str, Any]) -> str:
    """Return when a schedule runs next, or would have run; nothing where there is none.

    Args:
        name: What happens to the schedules: a key under `dependents` in an entry of `plan_as_json`.
        numbers: What is there.
    """
    run = DEPENDENTS[name][2]
    return f"{run} {_moment(numbers['next_run'])}" if run and numbers.get("next_run") else ""


def _moment(value: datetime | str) -> str:
    """Return a time to the minute, with its zone."""
    moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    return f"{moment:%Y-%m-%d %H:%M %Z}".strip()


def _shown(value: Any) -> str:
    return " ".join((", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)).split())
