"""A job adopts the past of the job that it once was, or says that it was not (rule 21)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from nautobot.extras.choices import ObjectChangeActionChoices

from nautobot_job_registry.core_bridge import change_log, locks
from nautobot_job_registry.core_bridge.permissions import NotPermittedError, withheld, withheld_message
from nautobot_job_registry.engine.dependents import DependentAction
from nautobot_job_registry.engine.text import log_text
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.lifecycle.moves import handover, rules
from nautobot_job_registry.lifecycle.moves.handover import Succession
from nautobot_job_registry.lifecycle.moves.proposals import Adoption
from nautobot_job_registry.lifecycle.moves.rules import Inheritance, Party
from nautobot_job_registry.lifecycle.suspensions import suspending
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.acting_user import acting_user
from nautobot_job_registry.models.sql import locked

logger = logging.getLogger(__name__)

NOTHING_PROPOSED = "No predecessor is proposed for {job}: name the record whose past it is to adopt."
NOTHING_TO_DISMISS = "No predecessor is proposed for {job}, so that there is nothing to dismiss."
UNKNOWN = "There is no such record any more: it was deleted, or adopted by a job that you may not view."
CHANGE_NEEDED = "The permission nautobot_job_registry.change_registeredjob is needed on {predecessor}, too."


class AdoptionError(Exception):
    """A past cannot be adopted, or no proposal dismissed, as things are; the text says why."""


class UnknownPredecessorError(AdoptionError):
    """There is no such record, or none that the user may view."""


@dataclass(frozen=True)
class Preview:
    """What an adoption would do.

    Attributes:
        successor: The job.
        predecessor: The record whose past it would take over.
        refusal: Why it cannot; empty where it can.
        impact: What hangs on the predecessor, and moves.
        inheritance: What would be taken over of what was decided.
        revisions: How many revisions move.
    """

    successor: RegisteredJob
    predecessor: RegisteredJob
    refusal: str
    impact: deletion.Impact
    inheritance: Inheritance
    revisions: int


def party_of(job: RegisteredJob) -> Party:
    """Return what a record says of a job that adopts, or is adopted."""
    return Party(
        class_path=job.class_path,
        installed=job.installed,
        absence=job.absence,
        is_job_hook_receiver=job.is_job_hook_receiver,
        is_job_button_receiver=job.is_job_button_receiver,
        has_core_job=job.core_job_id is not None,
    )


def refusal_of_records(successor: RegisteredJob, predecessor: RegisteredJob) -> str:
    """Say why a job cannot adopt the past of another one; nothing where it can."""
    return rules.adoption_refusal(party_of(successor), party_of(predecessor))


def preview_adoption(successor: RegisteredJob, predecessor: RegisteredJob, user: Any) -> Preview:
    """Return what an adoption would do, without doing it.

    Args:
        successor: The job.
        predecessor: The record whose past it would take over.
        user: Who asks: what moves is named as far as the user may view it.
    """
    return Preview(
        successor=successor,
        predecessor=predecessor,
        refusal=refusal_of_records(successor, predecessor),
        impact=deletion.deletion_impact([predecessor], user),
        inheritance=Succession(successor, predecessor).inheritance,
        revisions=predecessor.revisions.count(),
    )


def predecessor_of(job: RegisteredJob, key: UUID | None, user: Any) -> RegisteredJob:
    """Return the record whose past a job is to adopt: the one that is named, or the one that is proposed.

    Args:
        job: The job.
        key: The primary key of the record, or None for the proposed one.
        user: Who asks.

    Raises:
        AdoptionError: If none is named, and none is proposed; or if another job adopted it, which the text names.
        UnknownPredecessorError: If there is none that the user may view.
    """
    wanted = key or job.predecessor_id
    if wanted is None:
        raise AdoptionError(NOTHING_PROPOSED.format(job=job.class_path))
    found = RegisteredJob.objects.restrict(user, "view").filter(pk=wanted).first()
    if found is None:
        raise _missing(wanted, user)
    return found


def _missing(key: UUID, user: Any) -> AdoptionError:
    """Return the error that says where a record went, as far as the user may know."""
    seen = RegisteredJob.objects.restrict(user, "view")
    adopter = seen.filter(adopted_records__contains=[{"id": str(key)}]).first()
    if adopter is None:
        return UnknownPredecessorError(UNKNOWN)
    path = next(entry["class_path"] for entry in adopter.adopted_records if entry["id"] == str(key))
    return AdoptionError(rules.ADOPTED.format(predecessor=path, adopter=adopter.class_path))


def adopt_past(job: RegisteredJob, predecessor: RegisteredJob, user: Any) -> RegisteredJob:
    """Hand over the past of a removed job to the job that it has become, as a whole or not at all.

    Args:
        job: The job.
        predecessor: The record whose past it takes over.
        user: Who adopts.

    Returns:
        The job as it is afterwards.

    Raises:
        AdoptionError: If the past cannot be adopted, or has been adopted meanwhile.
        UnknownPredecessorError: If the record has been deleted meanwhile.
        NotPermittedError: If a right is missing (rule 17).
    """
    with transaction.atomic():
        locks.lock_core_rows_of([job.pk, predecessor.pk])
        locks.lock_registry()
        rows = _locked([job.pk, predecessor.pk])
        if job.pk not in rows or predecessor.pk not in rows:
            raise _missing(predecessor.pk, user)
        found = Succession(rows[job.pk], rows[predecessor.pk])
        reason = refusal_of_records(found.successor, found.predecessor)
        if reason:
            raise AdoptionError(reason)
        _require_rights(found, user)
        now = timezone.now()
        handover.hand_over([found], now=now, by=user.username)
        detail = f"{change_log.OWN_OCCASION}adoption by {job.class_path}"
        suspending.bring_back([job.pk], now=now, user=user, detail=detail)
        # Saved once more in the ordinary way, so that the change log, webhooks and events tell of it.
        adopted = RegisteredJob.objects.get(pk=job.pk)
        adopted.save()
    return adopted


def _locked(keys: Iterable[UUID]) -> dict[UUID, RegisteredJob]:
    """Lock records and those to which any of them is proposed, and read all that a succession needs of the first."""
    wanted = sorted(keys)
    written = RegisteredJob.objects.filter(Q(pk__in=wanted) | Q(predecessor__in=wanted)).order_by("pk")
    list(locked(written).values_list("pk"))
    return {job.pk: job for job in handover.records_to_hand_over(pk__in=wanted)}


def _require_rights(found: Succession, user: Any) -> None:
    """Ask for the right to change both records and both of core's jobs, and to delete the old one.

    Raises:
        NotPermittedError: If one of them is missing.
    """
    both = [found.successor, found.predecessor]
    changeable = set(
        RegisteredJob.objects.restrict(user, "change")
        .filter(pk__in=[job.pk for job in both])
        .values_list("pk", flat=True)
    )
    for job in both:
        if job.pk not in changeable:
            raise NotPermittedError(CHANGE_NEEDED.format(predecessor=job.class_path))
    for action, jobs in (("change", both), ("delete", [found.predecessor])):
        missing = withheld(user, action, jobs)
        if missing:
            raise NotPermittedError(withheld_message(action, [job.class_path for job in jobs if job.pk in missing]))


def dismiss_proposal(job: RegisteredJob) -> None:
    """Say that a job has not been the one that is proposed; that is not proposed again.

    Args:
        job: The job.

    Raises:
        AdoptionError: If nothing is proposed.
    """
    if job.predecessor is None:
        raise AdoptionError(NOTHING_TO_DISMISS.format(job=job.class_path))
    job.dismissed_predecessors = sorted({*job.dismissed_predecessors, job.predecessor.class_path})
    job.predecessor, job.predecessor_grounds = None, ""
    job.save()


def adopt_declared(
    adoptions: Sequence[Adoption], *, now: datetime, user: Any, detail: str
) -> tuple[DependentAction, ...]:
    """Hand over what the code declares, in a reconcile, with a number of statements that grows with batches.

    Args:
        adoptions: The adoptions, as they were planned; their records are locked or made by the same transaction.
        now: The time that is written.
        user: Who started the reconcile, if anybody.
        detail: What is said in the change log about the occasion.

    Returns:
        What came back on of the schedules, hooks and buttons that moved.
    """
    if not adoptions:
        return ()
    by = user.username if user else ""
    adopters: set[UUID] = set()
    for found in _rounds(adoptions):
        if acting_user() is None:
            gone = {item.predecessor.pk: ObjectChangeActionChoices.ACTION_DELETE for item in found}
            change_log.log_changes(gone, user, detail)
        handover.hand_over(found, now=now, by=by, declared=True)
        adopters.update(item.successor.pk for item in found)
        changed = {item.successor.pk: ObjectChangeActionChoices.ACTION_UPDATE for item in found}
        change_log.log_changes(changed, user, detail)
        for item in found:
            names = (item.successor.class_path, item.predecessor.class_path)
            logger.info("%s adopted the past of %s.", *map(log_text, names))
    return suspending.bring_back(adopters, now=now, user=user, detail=detail)


def _rounds(adoptions: Sequence[Adoption]) -> Iterator[list[Succession]]:
    """Yield the adoptions in rounds in which each job takes part once, with the records as they are at its start."""
    left = list(adoptions)
    while left:
        taken: dict[Any, Adoption] = {}
        for adoption in left:
            taken.setdefault(adoption.key, adoption)
        left = [adoption for adoption in left if taken[adoption.key] is not adoption]
        names = {key[1] for adoption in taken.values() for key in (adoption.key, adoption.predecessor)}
        rows = {
            (job.module_name, job.job_class_name): job
            for job in handover.records_to_hand_over(job_class_name__in=names)
        }
        yield [Succession(rows[adoption.key], rows[adoption.predecessor]) for adoption in taken.values()]
