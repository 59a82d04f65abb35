"""What people attached to records, and to core's jobs, moves with the past of a job (rule 21)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
from nautobot.extras.choices import RelationshipTypeChoices
from nautobot.extras.models import (
    ContactAssociation,
    Job,
    Note,
    ObjectMetadata,
    RelationshipAssociation,
    StaticGroupAssociation,
    TaggedItem,
)

from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.models.sql import mapped


def merged_custom_fields(own: Mapping[str, Any], past: Mapping[str, Any]) -> dict[str, Any]:
    """Return the custom fields of an object that takes over those of another one: what it says itself counts (rule 21).

    No and 0 are said as well; only what is empty says nothing.

    Args:
        own: Its own values.
        past: Those of the other one.
    """
    return {**past, **{key: value for key, value in own.items() if value not in (None, "", [])}}


def merge_custom_fields(core_jobs: Mapping[UUID, UUID]) -> None:
    """Give core's jobs the values of custom fields that the old ones have and they have not, in two statements at most.

    Args:
        core_jobs: The primary key of core's row of the new job, by that of the old one.
    """
    rows = Job.objects.in_bulk([*core_jobs, *core_jobs.values()]) if core_jobs else {}
    changed = []
    for old, new in core_jobs.items():
        merged = merged_custom_fields(rows[new]._custom_field_data, rows[old]._custom_field_data)
        if merged != rows[new]._custom_field_data:
            rows[new]._custom_field_data = merged
            changed.append(rows[new])
    Job.objects.bulk_update(changed, ["_custom_field_data"], batch_size=BATCH_SIZE)


ONE_TO_ONE = frozenset({RelationshipTypeChoices.TYPE_ONE_TO_ONE, RelationshipTypeChoices.TYPE_ONE_TO_ONE_SYMMETRIC})
# The types of relationships of which an object has one source only.
FROM_ONE = ONE_TO_ONE | {RelationshipTypeChoices.TYPE_ONE_TO_MANY}
SYMMETRIC = frozenset(
    {RelationshipTypeChoices.TYPE_ONE_TO_ONE_SYMMETRIC, RelationshipTypeChoices.TYPE_MANY_TO_MANY_SYMMETRIC}
)


@dataclass(frozen=True)
class _Annotation:
    """Rows of one model that point at one object of any kind.

    Attributes:
        model: The model.
        kind: Its link to the content type of the object.
        key: Its column with the primary key of the object.
        same: The columns in which no two rows of one object are to agree.
        scope: The columns with lists of what of the object a row is about: rows that agree otherwise can both be there
            where these name nothing in common. None named are all.
    """

    model: type[Model]
    kind: str
    key: str
    same: tuple[str, ...]
    scope: tuple[str, ...] = ()


ANNOTATIONS = (
    _Annotation(TaggedItem, "content_type", "object_id", ("tag_id",)),
    _Annotation(Note, "assigned_object_type", "assigned_object_id", ("pk",)),
    _Annotation(
        ContactAssociation, "associated_object_type", "associated_object_id", ("contact_id", "team_id", "role_id")
    ),
    # The members of groups that have a filter are Nautobot's own business: this manager does not see them.
    _Annotation(StaticGroupAssociation, "associated_object_type", "associated_object_id", ("dynamic_group_id",)),
    # Nautobot refuses metadata of one type about the same fields: they would contradict each other.
    _Annotation(
        ObjectMetadata, "assigned_object_type", "assigned_object_id", ("metadata_type_id",), scope=("scoped_fields",)
    ),
)


def move_annotations(content_type: ContentType, keys: Mapping[UUID, UUID]) -> None:
    """Move tags, notes, contacts, groups, metadata and relationships; what the new object has already stays its own.

    Costs one or two statements for each of them, however many objects there are.

    Args:
        content_type: Of what kind the objects are.
        keys: The primary key of the new object by that of the old one. No object is in it twice.
    """
    if keys:
        for annotation in ANNOTATIONS:
            _move_rows(annotation, content_type, keys)
        _move_relationships(content_type, keys)


def _move_rows(annotation: _Annotation, content_type: ContentType, keys: Mapping[UUID, UUID]) -> None:
    """Point rows at other objects, but for those that would say the same twice."""
    of_model, key = annotation.model._default_manager.order_by(), annotation.key
    concerned = {annotation.kind: content_type, f"{key}__in": [*keys, *keys.values()]}
    rows = list(of_model.filter(**concerned).values_list("pk", key, *annotation.same, *annotation.scope))
    known: dict[tuple[Any, ...], list[set[str]]] = defaultdict(list)
    for _, owner, *what in rows:
        same, scope = _parted(annotation, what)
        said = (owner, *same)
        known[said].append(scope)
    moving = []
    for pk, owner, *what in rows:
        same, scope = _parted(annotation, what)
        if owner in keys and not any(_overlap(scope, there) for there in known.get((keys[owner], *same), ())):
            moving.append(pk)
    if moving:
        of_model.filter(pk__in=moving).update(**{key: mapped(key, keys)})


def _parted(annotation: _Annotation, what: list[Any]) -> tuple[list[Any], set[str]]:
    """Return what a row says, and the fields that it is about."""
    number = len(annotation.same)
    return what[:number], {name for names in what[number:] for name in names}


def _overlap(one: set[str], other: set[str]) -> bool:
    """Return whether two rows are about the same fields, as Nautobot sees it: one that names none is about all."""
    return not one or not other or not one.isdisjoint(other)


@dataclass
class _Taken:
    """The ends of relationships that are taken, as Nautobot allows each relationship so many of them."""

    pairs: set[tuple[UUID, ...]] = field(default_factory=set)
    sources: set[tuple[UUID, ...]] = field(default_factory=set)
    destinations: set[tuple[UUID, ...]] = field(default_factory=set)

    def add(self, row: RelationshipAssociation) -> None:
        """Take the ends of a row."""
        self.pairs.add((row.relationship_id, row.source_id, row.destination_id))
        self.sources.add((row.relationship_id, row.source_id))
        self.destinations.add((row.relationship_id, row.destination_id))

    def leaves_room_for(self, row: RelationshipAssociation) -> bool:
        """Say whether a row can be there beside the others."""
        relationship, source, destination = row.relationship_id, row.source_id, row.destination_id
        kind = row.relationship.type
        if source == destination or (relationship, source, destination) in self.pairs:
            return False
        if kind in SYMMETRIC and (relationship, destination, source) in self.pairs:
            return False
        if kind == RelationshipTypeChoices.TYPE_ONE_TO_ONE_SYMMETRIC:
            # The two ends are the same to Nautobot: neither may be at any end of another row.
            ends = {(relationship, source), (relationship, destination)}
            return ends.isdisjoint(self.sources) and ends.isdisjoint(self.destinations)
        if kind in ONE_TO_ONE and (relationship, source) in self.sources:
            return False
        return kind not in FROM_ONE or (relationship, destination) not in self.destinations


def _move_relationships(content_type: ContentType, keys: Mapping[UUID, UUID]) -> None:
    """Put other objects at the ends of relationships, but for those of which an object can have one and has it."""
    ends = [*keys, *keys.values()]
    concerned = Q(source_type=content_type, source_id__in=ends)
    concerned |= Q(destination_type=content_type, destination_id__in=ends)
    taken, moving = _Taken(), []
    for row in RelationshipAssociation.objects.order_by("pk").filter(concerned).select_related("relationship"):
        new = [
            keys.get(key, key) if kind == content_type.pk else key
            for kind, key in ((row.source_type_id, row.source_id), (row.destination_type_id, row.destination_id))
        ]
        if new == [row.source_id, row.destination_id]:
            taken.add(row)
        else:
            row.source_id, row.destination_id = new
            moving.append(row)
    moved = []
    for row in moving:
        if taken.leaves_room_for(row):
            taken.add(row)
            moved.append(row)
    RelationshipAssociation.objects.bulk_update(moved, ["source_id", "destination_id"], batch_size=BATCH_SIZE)
