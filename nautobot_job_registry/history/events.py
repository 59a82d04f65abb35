"""What a reconcile changed, as events on Nautobot's event broker.

`event_of` turns one entry of `Reconciliation.changes` into topic and payload, and decides nothing else. `announce` has
them published once what they tell of is in the database; a broker that fails harms nothing (rule 11).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, transaction
from nautobot.apps.events import publish_event

from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import Reconciliation, RegisteredJob

logger = logging.getLogger(__name__)

PREFIX = "nautobot.job_registry.job"
# What is told of each action. The others are not news: a version that moved, an error that is still the same.
TOPICS = {
    "register": f"{PREFIX}.installed",
    "return": f"{PREFIX}.installed",
    "uninstall": f"{PREFIX}.uninstalled",
    "change": f"{PREFIX}.changed",
    "adopt": f"{PREFIX}.changed",
    "open": f"{PREFIX}.load_error",
    "update": f"{PREFIX}.load_error",
    "resolve": f"{PREFIX}.load_error",
    "end_override": f"{PREFIX}.override_ended",
    "drift": f"{PREFIX}.override_drifted",
    "in_step": f"{PREFIX}.override_drifted",
    "misfit": f"{PREFIX}.schedules_will_fail",
    "suspend": f"{PREFIX}.suspended",
    "restore": f"{PREFIX}.restored",
}
# A broker that is out of reach may make each attempt wait: after so many failures the rest is given up.
MAX_FAILURES = 3


@dataclass(frozen=True)
class Event:
    """One event: where it is published, and what it says; the payload is data that JSON can hold."""

    topic: str
    payload: dict[str, Any]


def topic_of(entry: sentences.Entry) -> str | None:
    """Return the topic of an entry of `Reconciliation.changes`, or None where it is no news."""
    if entry.get("action") == "register" and entry.get("absence"):
        return None
    return TOPICS.get(str(entry.get("action")))


def event_of(
    entry: sentences.Entry, job_ids: Mapping[str, UUID], reconciliation: Mapping[str, Any], context: Mapping[str, Any]
) -> Event | None:
    """Return the event that tells of an entry of `Reconciliation.changes`.

    Args:
        entry: The entry. Whatever else it holds is in the payload, too, under `change`.
        job_ids: The primary keys of registered jobs, by class path.
        reconciliation: What the payload says of the reconcile.
        context: Who did it, when and on what occasion, as in Nautobot's own events.

    Returns:
        The event, or None where the entry is no news.
    """
    topic = topic_of(entry)
    if topic is None:
        return None
    class_path = sentences.subject(entry)
    job_id = job_ids.get(class_path)
    payload = {
        "action": entry["action"],
        "message": sentences.sentence(entry),
        "job": {
            "id": str(job_id) if job_id else None,
            "class_path": class_path,
            "source": entry.get("source", ""),
        },
        "differences": _differences(_fields(entry)),
        "change": dict(entry),
        "reconciliation": dict(reconciliation),
        "context": dict(context),
    }
    return Event(topic, payload)


def _fields(entry: sentences.Entry) -> Mapping[str, Mapping[str, Any]]:
    """Return the fields that an entry tells of; of an override that drifts, what its source says."""
    beneath = entry.get("beneath")
    return {str(entry.get("field")): beneath} if beneath else entry.get("fields") or {}


def _differences(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the fields before and after, in the form that Nautobot's own events have."""
    return {
        "removed": {field: change.get("old") for field, change in fields.items()},
        "added": {field: change.get("new") for field, change in fields.items()},
    }


def events_of(row: Reconciliation, job_ids: Mapping[str, UUID]) -> Iterator[Event]:
    """Yield the events that tell of a reconcile, in the order of its changes."""
    reconciliation = {"id": str(row.pk), "trigger": row.trigger, "scope": row.scope, "status": row.status}
    context = {
        "change_context": row.get_trigger_display(),
        "change_context_detail": f"Job Registry: reconcile ({row.trigger}, {row.scope})",
        "user_name": row.user.username if row.user else "",
        "timestamp": str(row.finished or row.started),
    }
    for entry in sentences.facets(row.changes):
        event = event_of(entry, job_ids, reconciliation, context)
        if event is not None:
            yield event


def announce(row: Reconciliation, using: str = DEFAULT_DB_ALIAS) -> None:
    """Have the changes of a reconcile published as soon as the open transaction is committed.

    Args:
        row: The log row of the reconcile.
        using: The connection whose transaction is meant.
    """
    if any(map(topic_of, sentences.facets(row.changes))):
        transaction.on_commit(partial(_publish, row), using=using, robust=True)


def _publish(row: Reconciliation) -> None:
    failures = 0
    for event in events_of(row, _job_ids(row.changes)):
        try:
            publish_event(topic=event.topic, payload=event.payload)
        except Exception:
            failures += 1
            logger.exception("The event %s of %s could not be published.", event.topic, row)
            if failures >= MAX_FAILURES:
                logger.error("The event broker fails: the other events of %s are not published.", row)
                return


def _job_ids(changes: Iterable[sentences.Entry]) -> dict[str, UUID]:
    """Return the primary keys of the jobs that are told of, by class path, with one statement."""
    told = sentences.facets(changes)
    modules = {sentences.subject(entry).rpartition(".")[0] for entry in told if topic_of(entry)}
    rows = RegisteredJob.objects.filter(module_name__in=modules).values_list("module_name", "job_class_name", "pk")
    return {f"{module_name}.{job_class_name}": pk for module_name, job_class_name, pk in rows}
