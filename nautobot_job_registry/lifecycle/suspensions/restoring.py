"""What was suspended, switched on again by hand: whether it can be, who may, and why it does not come by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from nautobot.apps.utils import get_permission_for_model

from nautobot_job_registry.core_bridge import dependents as core_dependents
from nautobot_job_registry.core_bridge import locks
from nautobot_job_registry.core_bridge.permissions import NotPermittedError
from nautobot_job_registry.engine.dependents import Dependent, DependentKind
from nautobot_job_registry.lifecycle.suspensions import planning, suspending
from nautobot_job_registry.lifecycle.suspensions.rules import ONLY_AUTOMATIC, Obstacle, is_changed, obstacle
from nautobot_job_registry.models import RegisteredJob, Suspension
from nautobot_job_registry.models.choices import SuspensionOutcomeChoices

EXPLANATIONS = {
    Obstacle.GONE: "It has been deleted.",
    Obstacle.JOB_UNKNOWN: "The registry has no record of this job: it can be restored once the job is back.",
    Obstacle.JOB_ABSENT: (
        "The job is not installed. It is switched on again when the job returns: once its code is back, reconcile its "
        "source."
    ),
    Obstacle.NOT_IN_CORE: (
        "The class is back, and Nautobot has not taken it up yet. Run `nautobot-server post_upgrade`, or sync the Git "
        "repository: it is switched on again then."
    ),
    Obstacle.UNLINKED: "It points at no job any more, as Nautobot's own row of the job was deleted: link it first.",
    Obstacle.OTHER_JOB: "It has been pointed at another job since.",
    Obstacle.OTHER_KIND: "The job has come back as another kind, which this cannot run.",
    Obstacle.OVERDUE: (
        "Its only run was due while the job was away, so that it waits for a person: restored by hand, it runs at once."
    ),
    Obstacle.RECORD_DELETED: (
        "The record of the job was deleted meanwhile, so that nothing comes back by itself. Enable the job, and "
        "restore this by hand."
    ),
    Obstacle.SWITCHED_OFF: "The setting `restore_dependents` is off: it waits to be restored by hand.",
}
COMES_BACK = "It is switched on again by the next reconcile."
WILL_BE_LEFT = "It has been changed since it was switched off: the next reconcile leaves it as it is."
LEFT = "Somebody has changed it since it was switched off, so that it was left as it is. It can be restored by hand."
IS_ON = "It is switched on already."
ENDED = "This suspension has ended: {}."
BEING_CHANGED = "Somebody or something else is changing it just now: try again."
DETAIL = "Job Registry: restored by hand"


class NotRestorableError(Exception):
    """What was suspended cannot be restored now; the text names it and says why. Nothing was changed."""


@dataclass(frozen=True)
class Prospect:
    """What is to be expected of a suspension.

    Attributes:
        suspension: The suspension.
        job: The record of the job as it is now, if there is one.
        dependent: What was switched off as it is now, if it is there.
        obstacle: Why it does not come back by itself, if it does not.
    """

    suspension: Suspension
    job: RegisteredJob | None
    dependent: Dependent | None
    obstacle: Obstacle | None

    @property
    def refusal(self) -> str:
        """Why it cannot be restored by hand; nothing where it can."""
        if self.suspension.outcome not in (SuspensionOutcomeChoices.SUSPENDED, SuspensionOutcomeChoices.CHANGED):
            return ENDED.format(self.suspension.get_outcome_display().lower())
        if self.dependent is not None and self.dependent.enabled:
            return IS_ON
        if self.obstacle is not None and self.obstacle not in ONLY_AUTOMATIC:
            return EXPLANATIONS[self.obstacle]
        return ""

    @property
    def explanation(self) -> str:
        """What happens to it next, and what a person can do; nothing where it has ended for good."""
        if self.suspension.outcome == SuspensionOutcomeChoices.CHANGED:
            return LEFT if not self.refusal else self.refusal
        if not self.suspension.is_open:
            return ""
        if self.obstacle is not None:
            return EXPLANATIONS[self.obstacle]
        changed = self.dependent is not None and is_changed(self.suspension.suspended_state, self.dependent.state)
        return WILL_BE_LEFT if changed else COMES_BACK


def prospects(rows: Sequence[Suspension]) -> list[Prospect]:
    """Return what is to be expected of suspensions, in their order and in a number of statements that is fixed.

    Args:
        rows: The suspensions.
    """
    jobs = _jobs(rows)
    keys: dict[DependentKind, set[UUID]] = defaultdict(set)
    for row in rows:
        keys[_kind(row)].add(row.object_id)
    found = {dependent.id: dependent for dependent in core_dependents.read_dependents((), keys)}
    return [_prospect(row, jobs.get(row.pk), found.get(row.object_id)) for row in rows]


def _kind(row: Suspension) -> DependentKind:
    return DependentKind(row.object_type.model)


def _jobs(rows: Sequence[Suspension]) -> dict[UUID, RegisteredJob]:
    """Return the record of the job of each suspension: the one that it points at, or that of its class path."""
    wanted = Q(pk__in={row.job_id for row in rows if row.job_id})
    for class_path in {row.class_path for row in rows if not row.job_id}:
        module_name, _, job_class_name = class_path.rpartition(".")
        wanted |= Q(module_name=module_name, job_class_name=job_class_name)
    records = list(RegisteredJob.objects.filter(wanted).select_related("core_job"))
    by_id, by_path = {job.pk: job for job in records}, {job.class_path: job for job in records}
    found = {row.pk: by_id.get(row.job_id) if row.job_id else by_path.get(row.class_path) for row in rows}
    return {pk: job for pk, job in found.items() if job is not None}


def _prospect(row: Suspension, job: RegisteredJob | None, dependent: Dependent | None) -> Prospect:
    return Prospect(row, job, dependent, _obstacle(row, job, dependent))


def _obstacle(row: Suspension, job: RegisteredJob | None, dependent: Dependent | None) -> Obstacle | None:
    if dependent is None:
        return Obstacle.GONE
    if job is None:
        return Obstacle.JOB_UNKNOWN
    found = obstacle(planning.situation_of(job), dependent, restores=planning.restores_dependents())
    return Obstacle.RECORD_DELETED if found is None and row.job_id is None else found


def may_restore_anything(user: Any) -> bool:
    """Return whether a user has any of the rights that it takes, of whatever object."""
    kinds = [f"extras.change_{kind.value}" for kind in DependentKind]
    return user.has_perm(get_permission_for_model(RegisteredJob, "change")) and any(map(user.has_perm, kinds))


def restore(rows: Sequence[Suspension], user: Any) -> None:
    """Switch on again what was suspended: all of it, or nothing.

    Args:
        rows: The suspensions.
        user: Who asks: needs the right to change each schedule, hook or button, and the registered job of each.

    Raises:
        NotPermittedError: If the user has not the rights.
        NotRestorableError: If any of them cannot be restored now.
    """
    with transaction.atomic():
        # A reconcile writes schedules first and their suspensions then: it is not to come in between.
        locks.lock_registry()
        locked = Suspension.objects.select_for_update(of=("self",)).select_related("object_type")
        found = prospects(list(locked.filter(pk__in=[row.pk for row in rows]).order_by("pk")))
        _require_rights(found, user)
        refused = [f"{item.suspension.object_name}: {item.refusal}" for item in found if item.refusal]
        if refused:
            raise NotRestorableError(" ".join(refused))
        previous = {item.suspension.object_id: item.suspension.previous_state for item in found}
        dependents = {item.dependent.id: item.dependent for item in found if item.dependent is not None}
        done = core_dependents.switch_on(dependents.values(), previous, user=user, detail=DETAIL)
        busy = [dependent.name for pk, dependent in dependents.items() if pk not in done]
        if busy:
            raise NotRestorableError(f"{', '.join(busy)}: {BEING_CHANGED}")
        suspending.end_suspensions([item.suspension.pk for item in found], suspending.RESTORED, timezone.now(), user)


def may_restore(prospect: Prospect, user: Any) -> bool:
    """Return whether a user has the rights to restore one suspension."""
    return not _missing_rights([prospect], user)


def _require_rights(found: Sequence[Prospect], user: Any) -> None:
    missing = _missing_rights(found, user)
    if missing:
        what = "; ".join(f"{right} on {', '.join(sorted(names))}" for right, names in sorted(missing.items()))
        raise NotPermittedError(f"You have not the rights to restore this: {what}.")


def _missing_rights(found: Sequence[Prospect], user: Any) -> Mapping[str, set[str]]:
    """Return the rights that a user has not, with the names of what they are missing on."""
    if user.is_superuser:
        return {}
    keys: dict[DependentKind, set[UUID]] = defaultdict(set)
    for item in found:
        if item.dependent is not None:
            keys[item.dependent.kind].add(item.dependent.id)
    permitted = core_dependents.permitted_dependents(user, keys)
    jobs = {item.job.pk for item in found if item.job is not None}
    own = set(RegisteredJob.objects.restrict(user, "change").filter(pk__in=jobs).values_list("pk", flat=True))
    missing: dict[str, set[str]] = defaultdict(set)
    for item in found:
        if item.dependent is not None and item.dependent.id not in permitted:
            missing[f"extras.change_{item.dependent.kind.value}"].add(item.dependent.name)
        if item.job is not None and item.job.pk not in own:
            missing[get_permission_for_model(RegisteredJob, "change")].add(item.job.class_path)
    return missing
