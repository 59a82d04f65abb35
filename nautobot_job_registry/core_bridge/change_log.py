"""Nautobot's change log: entries made in bulk, and the order of those of a bulk edit (rule 9)."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.core.serializers.python import Serializer as PythonSerializer
from django.db.models import prefetch_related_objects
from nautobot.extras.choices import ObjectChangeEventContextChoices
from nautobot.extras.constants import CHANGELOG_MAX_CHANGE_CONTEXT_DETAIL, CHANGELOG_MAX_OBJECT_REPR
from nautobot.extras.models import Job, ObjectChange, TaggedItem
from nautobot.extras.signals import change_context_state

from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.models.known_tags import know_tags

# How an entry begins to tell of its occasion where the registry made it, and not a person.
OWN_OCCASION = "Job Registry: "
# How many records are read, and told of, at once.
LOGGED_AT_ONCE = 1000
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


class _Columns(PythonSerializer):
    """Core's serializer without what is in other tables: it would make a query for each row, to ask it or not."""

    def handle_m2m_field(self, obj: Any, field: Any) -> None:
        """Leave it out: it is read for all rows at once."""


def serialized_records(rows: Sequence[RegisteredJob]) -> list[dict[str, Any]]:
    """Return records as core's change log holds them; core's own way asks the database several times for each.

    Costs two statements.

    Args:
        rows: The records.
    """
    keys = [row.pk for row in rows]
    assigned = RegisteredJob.job_queues.through.objects.filter(registeredjob__in=keys).order_by("jobqueue__name")
    queues = _by_record(assigned.values_list("registeredjob", "jobqueue"))
    content_type = ContentType.objects.get_for_model(RegisteredJob)
    tagged = TaggedItem.objects.filter(content_type=content_type, object_id__in=keys).order_by("tag__name")
    tags = _by_record(tagged.values_list("object_id", "tag__name"))
    data = json.loads(json.dumps([item["fields"] for item in _Columns().serialize(rows)], cls=DjangoJSONEncoder))
    for key, fields in zip(keys, data, strict=True):
        fields["custom_fields"] = fields.pop("_custom_field_data", {})
        fields["job_queues"], fields["tags"] = queues.get(key, []), tags.get(key, [])
        del fields["core_decisions"]
    return data


def _by_record(pairs: Iterable[tuple[uuid.UUID, Any]]) -> dict[uuid.UUID, list[str]]:
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(str(value))
    return found


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


def is_own_occasion(entry: ObjectChange) -> bool:
    """Say whether the registry itself made an entry, in a reconcile for instance, and not a person."""
    return entry.change_context_detail.startswith(OWN_OCCASION)


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
    common, keys = _occasion(user, detail, in_context), list(actions)
    content_type = ContentType.objects.get_for_model(RegisteredJob)
    # Batch by batch, as all that an entry says of thousands of records is much at once.
    for start in range(0, len(keys), LOGGED_AT_ONCE):
        rows = list(RegisteredJob.objects.filter(pk__in=keys[start : start + LOGGED_AT_ONCE]))
        entries = [
            ObjectChange(
                changed_object_type=content_type,
                changed_object_id=row.pk,
                object_repr=str(row)[:CHANGELOG_MAX_OBJECT_REPR],
                action=actions[row.pk],
                object_data=data,
                # Nautobot compares this one with what an object was before, and has nothing else without an entry.
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
