"""What a plan comes to, as a digest: two plans that would do the same have the same one, wherever they were made.

Times are left out, and so is what another process says otherwise of the same code: messages of errors, paths of files,
and the defaults of inputs, which are worked out as a module is loaded. The code that a revision is made of counts.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from nautobot_job_registry.engine.errors import PlanMovedError
from nautobot_job_registry.engine.plan import JobAction
from nautobot_job_registry.reconcile import report
from nautobot_job_registry.reconcile.plan import Plan

# What of an entry is not compared, where it is a load error, and where it is anything else.
LEFT_OUT_OF_ERRORS: Final = frozenset({"message", "file_path", "commit_author", "commit_subject", "still_runs"})
LEFT_OUT: Final = frozenset({"message"})
NEXT_RUN: Final = "next_run"


def parts_of(plan: Plan) -> dict[str, str]:
    """Return a hash of what a plan does to each job and module, by its class path or name."""
    revisions = {action.class_path: _revision(action) for action in plan.jobs if action.revision is not None}
    told: dict[str, list[Any]] = defaultdict(list)
    for entry in report.plan_as_json(plan):
        name = entry.get("load_error") or entry["job"]
        told[name].append([_compared(entry), revisions.get(name) if "job" in entry else None])
    return {name: _hash(entries) for name, entries in told.items()}


def digest_of(parts: Mapping[str, str]) -> str:
    """Return the digest of a plan.

    Args:
        parts: What `parts_of` returns of it.
    """
    return _hash(sorted(parts.items()))


def require_unmoved(plan: Plan, digest: str) -> None:
    """Refuse a plan that is not the one that was shown.

    Args:
        plan: The plan as it has just been made.
        digest: The digest of the one that was shown; empty where none was, and any plan will do.

    Raises:
        PlanMovedError: If it is another one.
    """
    if digest:
        parts = parts_of(plan)
        if digest_of(parts) != digest:
            raise PlanMovedError(digest, parts)


def _compared(entry: Mapping[str, Any]) -> dict[str, Any]:
    left_out = LEFT_OUT_OF_ERRORS if "load_error" in entry else LEFT_OUT
    compared = {name: value for name, value in entry.items() if name not in left_out}
    for name, numbers in (compared.pop("dependents", None) or {}).items():
        compared[name] = {kind: number for kind, number in numbers.items() if kind != NEXT_RUN}
    return compared


def _revision(action: JobAction) -> list[Any]:
    """Return what a new revision is made of, without what is worked out as the module is loaded."""
    if action.descriptor is None:
        return [action.revision]
    metadata = dict(action.descriptor.metadata)
    inputs = [{**one, "default": None} for one in metadata.pop("variables", None) or ()]
    return [action.revision, action.descriptor.source_hash, metadata, inputs]


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
