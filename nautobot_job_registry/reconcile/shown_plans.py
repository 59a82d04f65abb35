"""Plans that were shown to a person, kept for a while: for the rest of a long page, and to tell what has moved since.

They are in Nautobot's cache, under whoever looked, and go by themselves. Without the cache a plan can be carried out as
it was shown all the same: its digest says whether it still is the one.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.core.cache import cache
from django.utils import timezone

from nautobot_job_registry.engine.errors import PlanMovedError
from nautobot_job_registry.engine.text import visible_text
from nautobot_job_registry.history.sentences import one_or_many
from nautobot_job_registry.models.constants import APP_NAME
from nautobot_job_registry.reconcile import digest, report
from nautobot_job_registry.reconcile.plan import Plan

logger = logging.getLogger(__name__)

KEPT_SECONDS: Final = 3600
NAMED: Final = 3


@dataclass(frozen=True)
class ShownPlan:
    """A plan as a person has seen it.

    Attributes:
        source: The label of the source that it is of, or `all`.
        digest: What says whether another plan is the same.
        made_at: When it was made.
        changes: What it does, as `Reconciliation.changes` would have it.
        counts: How much of each kind it does.
        is_empty: Whether there is nothing to do.
        parts: A hash of what it does to each job and module.
        schedules: The keys of Nautobot's own rows of the schedules that will fail, by the class path of their job.
        code_hashes: The hash of the new text of the module of each changed job, by class path.
        metadata: What each of these jobs says of itself, by class path.
        code: Those texts, compressed, by their hash; only those whose old text the person may see.
    """

    source: str
    digest: str
    made_at: datetime
    changes: Sequence[Mapping[str, Any]]
    counts: Mapping[str, int]
    is_empty: bool
    parts: Mapping[str, str] = field(repr=False)
    schedules: Mapping[str, Sequence[Any]] = field(default_factory=dict, repr=False)
    code_hashes: Mapping[str, str] = field(default_factory=dict, repr=False)
    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    code: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def new_code(self, class_path: str) -> str | None:
        """Return the new text of the module of a job, or None where it is not kept."""
        found = self.code.get(self.code_hashes.get(class_path, ""))
        return zlib.decompress(found).decode("utf-8", "surrogatepass") if found is not None else None


def shown(plan: Plan, source: str) -> ShownPlan:
    """Return a plan as it is shown, without the texts of its code.

    Args:
        plan: The plan.
        source: The label of the source that it is of, or `all`.
    """
    parts = digest.parts_of(plan)
    schedules: dict[str, list[Any]] = {}
    for misfit in plan.misfits:
        schedules.setdefault(misfit.class_path, []).append(misfit.schedule_id)
    revised = (action for action in plan.jobs if action.record_id and action.revision)
    said = {action.class_path: action.descriptor for action in revised if action.descriptor}
    return ShownPlan(
        source=source,
        digest=digest.digest_of(parts),
        made_at=timezone.now(),
        changes=report.plan_as_json(plan),
        counts=plan.counts(),
        is_empty=plan.is_empty,
        parts=parts,
        schedules=schedules,
        code_hashes={path: descriptor.source_hash for path, descriptor in said.items()},
        metadata={path: dict(descriptor.metadata) for path, descriptor in said.items()},
    )


def code_of(plan: Plan, class_paths: Collection[str]) -> dict[str, bytes]:
    """Return the new texts of the modules of some jobs, compressed, by their hash.

    Args:
        plan: The plan.
        class_paths: The jobs whose code may be seen.
    """
    texts = {
        action.descriptor.source_hash: action.descriptor.source_code
        for action in plan.jobs
        if action.descriptor and action.class_path in class_paths
    }
    return {number: zlib.compress(text.text.encode("utf-8", "surrogatepass"), 1) for number, text in texts.items()}


def keep(plan: ShownPlan, user: Any) -> None:
    """Keep a plan for a while for the person who has seen it; a cache that is away harms nothing."""
    try:
        cache.set(_key(plan.digest, user), plan, KEPT_SECONDS)
    except Exception:
        logger.exception("The plan that was shown could not be kept.")


def kept(number: str, user: Any) -> ShownPlan | None:
    """Return a plan that a person has seen lately, or None where it is kept no more.

    Args:
        number: Its digest.
        user: Who saw it.
    """
    try:
        found = cache.get(_key(number, user))
    except Exception:
        logger.exception("The plan that was shown could not be read.")
        return None
    return found if isinstance(found, ShownPlan) else None


def _key(number: str, user: Any) -> str:
    return f"{APP_NAME}.shown_plan.{getattr(user, 'pk', None)}.{number}"


def what_moved(error: PlanMovedError, user: Any) -> str:
    """Return in words what has moved since a person saw a plan, as far as that is known.

    Args:
        error: What a reconcile raised.
        user: Who saw the plan.
    """
    before = kept(error.digest, user)
    if before is None:
        return str(error)
    now, old = error.parts, before.parts
    told = [
        _named([name for name in now if name not in old], "new in it"),
        _named([name for name in old if name not in now], "no longer in it"),
        _named([name for name in now if name in old and now[name] != old[name]], "otherwise now"),
    ]
    return f"The plan has moved since it was shown: {'; '.join(filter(None, told))}. Nothing was written."


def _named(names: list[str], what: str) -> str:
    if not names:
        return ""
    more = len(names) - NAMED
    rest = f" and {one_or_many(more, '{} other', '{} others')}" if more > 0 else ""
    return visible_text(f"{what}: {', '.join(names[:NAMED])}{rest}")
