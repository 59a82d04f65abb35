"""Nautobot's change log: entries made in bulk, and the order of those of a bulk edit (rule 9)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.core import serializers
from django.db.models import prefetch_related_objects
from nautobot.extras.choices import ObjectChangeEventContextChoices
from nautobot.extras.constants import CHANGELOG_MAX_CHANGE_CONTEXT_DETAIL, CHANGELOG_MAX_OBJECT_REPR
from nautobot.extras.models import Job, ObjectChange
from nautobot.extras.signals import change_context_state

from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.models.known_tags import know_tags

KEY = "nautobot_job_registry: the end of a bulk edit"


class _End:
    """Stands among the objects whose changes are to be logged, and is asked for its own once all have been saved."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self.works: dict[Hashable, Callable[[], None]] = {}

    def to_objectchange(self, action: str) -> None:
        """Do what was left for the end; there is nothing to log of this object itself."""
        for work in self.works.values():
            work()


def is_bulk_edit() -> bool:
    """Say whether many objects are being edited, all or none of them."""
    context = change_context_state.get()
    return context is not None and context.defer_object_changes


@contextmanager
def logged_at_once() -> Iterator[None]:
    """Have what happens meanwhile logged as it happens.

    Nautobot's bulk deletion logs the objects that it was asked for and what hangs on them, and throws away all else
    that has been noted (rule 9).
    """
    context = change_context_state.get()
    if context is None or not context.defer_object_changes:
        yield
        return
    context.defer_object_changes = False
    try:
        yield
    finally:
        context.defer_object_changes = True


def at_the_end_of_bulk_edit(owner: Hashable, make_work: Callable[[], Any]) -> Any:
    """Leave something to be done once all objects of the bulk edit that is going on are saved, in its transaction.

    Args:
        owner: Whose work it is; each owner has one in a bulk edit.
        make_work: Makes the work, something that can be called, when the owner asks for the first time.

    Returns:
        The work of the owner in this bulk edit, to be told what it is about.
    """
    entry = {"action": "", "instance": _End(), "user": None}
    works = _noted().setdefault(KEY, [entry])[0]["instance"].works
    if owner not in works:
        works[owner] = make_work()
    return works[owner]


def take_out(instance: Any) -> dict[str, list[dict[str, Any]]]:
    """Take what is to be logged of an object, which has just been saved, out of what has been noted, and return it."""
    noted = _noted()
    key = next((key for key in reversed(noted) if noted[key][0]["instance"] is instance), None)
    return {} if key is None else {key: noted.pop(key)}


def put_back(entries: Mapping[str, list[dict[str, Any]]]) -> None:
    """Have what was taken out logged after all the other objects, where it has not been noted anew."""
    noted = _noted()
    for key, entry in entries.items():
        noted.setdefault(key, entry)


def _noted() -> dict[str, list[dict[str, Any]]]:
    """Return what is to be logged, in this order; `is_going_on()` has said that there is a context."""
    context = change_context_state.get()
    return context.deferred_object_changes


def serialized_records(rows: Sequence[RegisteredJob]) -> list[dict[str, Any]]:
    """Return records as core's change log holds them; core's own way asks the database several times for each.

    Args:
        rows: The records, with their tags and queues read beforehand.
    """
    data = [item["fields"] for item in json.loads(serializers.serialize("json", rows))]
    for row, fields in zip(rows, data, strict=True):
        fields["custom_fields"] = fields.pop("_custom_field_data", {})
        fields["tags"] = [tag.name for tag in row.tags.all()]
        del fields["core_decisions"]
    return data


class _LoggedLast:
    """Core's rows that a bulk edit has written, until their changes are logged."""

    def __init__(self) -> None:
        """Begin with none."""
        self.jobs: list[Job] = []
        self.entries: dict[str, list[dict[str, Any]]] = {}

    def take(self, job: Job) -> None:
        """Keep back what is to be logged of a row."""
        self.jobs.append(job)
        self.entries |= take_out(job)

    def __call__(self) -> None:
        """Let all that was kept back be logged."""
        prefetch_related_objects(self.jobs, "job_queues", "tags")
        know_tags(self.jobs)
        put_back(self.entries)


def log_last(job: Job) -> None:
    """Have the change of a row, in a bulk edit, logged after those of the records.

    Core asks for the webhooks and job hooks of a kind of object again and again where two kinds take turns in its log.

    Args:
        job: Core's row, as it has been written.
    """
    if is_bulk_edit():
        at_the_end_of_bulk_edit(_LoggedLast, _LoggedLast).take(job)


def log_changes(
    actions: Mapping[uuid.UUID, str],
    user: Any,
    detail: str,
    *,
    said: Mapping[uuid.UUID, Mapping[str, Any]] | None = None,
    in_context: bool = False,
) -> None:
    """Make one entry in the change log for each of many records.

    The rows are read and serialized all at once: core's own way would ask the database several times for each.

    Args:
        actions: What was done, one of `ObjectChangeActionChoices`, by the primary key of the record.
        user: Who is named, if anybody.
        detail: What is said about the occasion.
        said: What is told of a record beside what it says, by its primary key.
        in_context: Whether the entries belong to the request, or the run, that is going on.
    """
    rows = list(RegisteredJob.objects.filter(pk__in=actions).prefetch_related("tags", "job_queues")) if actions else []
    common = _occasion(user, detail, in_context)
    entries = [
        ObjectChange(
            changed_object=row,
            object_repr=str(row)[:CHANGELOG_MAX_OBJECT_REPR],
            action=actions[row.pk],
            object_data=data,
            # Nautobot compares this one with what an object was before, and has nothing else where there was no entry.
            object_data_v2=data,
            **common,
        )
        for row, data in zip(rows, _told(rows, said or {}), strict=True)
    ]
    ObjectChange.objects.bulk_create(entries, batch_size=BATCH_SIZE)


def _occasion(user: Any, detail: str, in_context: bool) -> dict[str, Any]:
    """Return what entries that are made together say of who made them, and when."""
    context = change_context_state.get() if in_context else None
    return {
        "request_id": context.change_id if context else uuid.uuid4(),
        "user": user,
        "user_name": user.username if user else "",
        "change_context": context.context if context else ObjectChangeEventContextChoices.CONTEXT_ORM,
        "change_context_detail": detail[:CHANGELOG_MAX_CHANGE_CONTEXT_DETAIL],
    }


def _told(rows: Sequence[RegisteredJob], said: Mapping[uuid.UUID, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row, data in zip(rows, serialized_records(rows), strict=True):
        yield {**data, **said.get(row.pk, {})}
