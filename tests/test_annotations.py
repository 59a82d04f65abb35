"""What people attached to a record, or to core's job, is not lost when another one takes over its past (rule 21)."""

import pytest
from django.contrib.contenttypes.models import ContentType
from nautobot.extras.models import (
    Contact,
    ContactAssociation,
    CustomField,
    DynamicGroup,
    Job,
    JobQueue,
    MetadataType,
    ObjectMetadata,
    Relationship,
    RelationshipAssociation,
    Role,
    Status,
    Tag,
)
from nautobot.tenancy.models import Tenant

from nautobot_job_registry.core_bridge import annotations
from nautobot_job_registry.factory import RegisteredJobFactory
from nautobot_job_registry.lifecycle.moves.adopting import adopt_declared
from nautobot_job_registry.lifecycle.moves.proposals import Adoption
from nautobot_job_registry.models import RegisteredJob
from tests.support import counted_statements

pytestmark = pytest.mark.django_db

GONE = {"installed": False, "absence": "removed"}
SIDES = pytest.mark.parametrize("side", ["record", "core_job"])


def make_job(**values):
    """Make the record of a job, and core's own."""
    job = RegisteredJobFactory.build(**values)
    job.core_job = Job.objects.create(
        module_name=job.module_name,
        job_class_name=job.job_class_name,
        name=job.name,
        grouping=job.grouping,
        installed=job.installed,
        default_job_queue=JobQueue.objects.get_or_create(name="default", queue_type="celery")[0],
    )
    job.save()
    return job


@pytest.fixture
def pair():
    """The record of a job that is gone, and of the one that it has become; both with a job of core's."""
    return make_job(**GONE), make_job()


def of_side(pair, side):
    return pair if side == "record" else tuple(job.core_job for job in pair)


def content_type(objects):
    return ContentType.objects.get_for_model(objects[0])


def move(objects):
    old, new = objects
    annotations.move_annotations(content_type(objects), {old.pk: new.pk})


def make_relationship(kind, source, destination):
    types = {
        "source_type": ContentType.objects.get_for_model(source),
        "destination_type": ContentType.objects.get_for_model(destination),
    }
    return Relationship.objects.create(label=f"is {kind}", key=f"is_{kind.replace('-', '_')}", type=kind, **types)


def associate(relationship, source, destination):
    return RelationshipAssociation.objects.create(relationship=relationship, source=source, destination=destination)


def ends(relationship):
    rows = RelationshipAssociation.objects.filter(relationship=relationship)
    return sorted((str(row.source), str(row.destination)) for row in rows)


def named(*pairs):
    return sorted((str(source), str(destination)) for source, destination in pairs)


@SIDES
def test_groups_metadata_contacts_and_tags_move_and_what_is_there_already_stays(pair, side):
    old, new = objects = of_side(pair, side)
    groups = [
        DynamicGroup.objects.create(name=name, content_type=content_type(objects), group_type="static")
        for name in ("nightly", "both")
    ]
    groups[0].add_members([old])
    groups[1].add_members([old, new])
    kinds = [MetadataType.objects.create(name=name, data_type="text") for name in ("ticket", "vendor")]
    for kind in kinds:
        kind.content_types.add(content_type(objects))
        ObjectMetadata.objects.create(metadata_type=kind, assigned_object=old, scoped_fields=[], _value="old")
    ObjectMetadata.objects.create(metadata_type=kinds[1], assigned_object=new, scoped_fields=[], _value="new")
    role = Role.objects.create(name="owner of jobs")
    status = Status.objects.create(name="in charge")
    ada = Contact.objects.create(name="Ada")
    ContactAssociation.objects.create(contact=ada, associated_object=old, role=role, status=status)
    old.tags.add(Tag.objects.create(name="kept"))
    move(objects)
    assert all(list(group.members) == [new] for group in groups[:1])
    assert set(groups[1].members) == {old, new}
    values = {row.metadata_type.name: row.value for row in new.associated_object_metadata.all()}
    assert values == {"ticket": "old", "vendor": "new"}
    assert [row.contact.name for row in new.associated_contacts.all()] == ["Ada"]
    assert [tag.name for tag in new.tags.all()] == ["kept"]


@pytest.mark.parametrize(
    ("of_old", "of_new", "moves"),
    [
        (["name"], ["description"], True),
        (["name"], ["name", "description"], False),
        (["name"], [], False),
        ([], ["name"], False),
        ([], [], False),
    ],
)
def test_metadata_of_one_type_moves_unless_both_are_about_the_same_fields(pair, of_old, of_new, moves):
    kind = MetadataType.objects.create(name="ticket", data_type="text")
    kind.content_types.add(content_type(pair))
    for job, fields in zip(pair, (of_old, of_new), strict=True):
        ObjectMetadata(metadata_type=kind, assigned_object=job, scoped_fields=fields, _value="T1").validated_save()
    move(pair)
    found = [row.scoped_fields for row in pair[1].associated_object_metadata.all()]
    assert sorted(found) == sorted([of_new, of_old] if moves else [of_new])
    for row in ObjectMetadata.objects.all():
        row.full_clean()


@SIDES
@pytest.mark.parametrize(
    ("kind", "is_source", "can_have_more"),
    [
        ("many-to-many", True, True),
        ("many-to-many", False, True),
        ("one-to-many", True, True),
        ("one-to-many", False, False),
        ("one-to-one", True, False),
        ("one-to-one", False, False),
    ],
)
def test_relationship_moves_unless_a_job_can_have_one_and_has_it(pair, side, kind, is_source, can_have_more):
    def in_order(job, tenant):
        return (job, tenant) if is_source else (tenant, job)

    old, new = objects = of_side(pair, side)
    tenants = [Tenant.objects.create(name=name) for name in ("first", "second")]
    relationship = make_relationship(kind, *in_order(old, tenants[0]))
    associate(relationship, *in_order(old, tenants[0]))
    move(objects)
    assert ends(relationship) == named(in_order(new, tenants[0]))
    associate(relationship, *in_order(old, tenants[1]))
    move(objects)
    left_at = new if can_have_more else old
    assert ends(relationship) == named(in_order(new, tenants[0]), in_order(left_at, tenants[1]))


def test_relationship_between_jobs_is_neither_doubled_nor_one_of_a_job_with_itself(pair):
    old, new = pair
    other = RegisteredJobFactory()
    symmetric, directed = (make_relationship(kind, *pair) for kind in ("symmetric-many-to-many", "many-to-many"))
    for relationship in (symmetric, directed):
        associate(relationship, old, new)
        associate(relationship, other, old)
        associate(relationship, new, other)
    move(pair)
    assert ends(symmetric) == named((old, new), (other, old), (new, other))
    assert ends(directed) == named((old, new), (other, new), (new, other))


@pytest.mark.parametrize("old_is_source", [True, False])
@pytest.mark.parametrize("new_is_source", [True, False])
def test_peer_moves_unless_the_job_has_one_at_either_end(pair, old_is_source, new_is_source):
    old, new = pair
    first, second = RegisteredJobFactory.create_batch(2)
    relationship = make_relationship("symmetric-one-to-one", *pair)
    peers = {True: lambda job, peer: (job, peer), False: lambda job, peer: (peer, job)}
    associate(relationship, *peers[old_is_source](old, first))
    move(pair)
    assert ends(relationship) == named(peers[old_is_source](new, first))
    RelationshipAssociation.objects.all().delete()
    associate(relationship, *peers[old_is_source](old, first))
    associate(relationship, *peers[new_is_source](new, second))
    move(pair)
    assert ends(relationship) == named(peers[old_is_source](old, first), peers[new_is_source](new, second))


def test_relationship_between_two_jobs_that_both_move_keeps_both(pair):
    (first, new_first), (second, new_second) = pair, (RegisteredJobFactory(**GONE), RegisteredJobFactory())
    relationship = make_relationship("many-to-many", *pair)
    associate(relationship, first, second)
    annotations.move_annotations(content_type(pair), {first.pk: new_first.pk, second.pk: new_second.pk})
    assert ends(relationship) == named((new_first, new_second))


def test_relationships_of_many_jobs_cost_what_those_of_one_do(pair):
    tenant = Tenant.objects.create(name="first")
    relationship = make_relationship("many-to-many", pair[0], tenant)
    counts = []
    for number in (1, 20):
        olds = RegisteredJobFactory.create_batch(number, **GONE)
        news = RegisteredJobFactory.create_batch(number)
        for old in olds:
            associate(relationship, old, tenant)
        with counted_statements() as statements:
            annotations.move_annotations(
                content_type(pair), {old.pk: new.pk for old, new in zip(olds, news, strict=True)}
            )
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 10


@SIDES
def test_custom_fields_of_both_sides_are_taken_over_by_an_adoption(pair, side):
    for key in ("ticket", "vendor"):
        field = CustomField.objects.create(key=key, label=key, type="text")
        field.content_types.set(ContentType.objects.get_for_model(model) for model in (RegisteredJob, Job))
    for target, values in zip(of_side(pair, side), ({"ticket": "T1", "vendor": "old"}, {"vendor": "new"}), strict=True):
        target._custom_field_data = values
        target.save()
    old, new = pair
    adopt_declared([Adoption(key_of(new), key_of(old))], now=new.created, user=None, detail="")
    new = RegisteredJob.objects.get(pk=new.pk)
    found = new if side == "record" else new.core_job
    assert found._custom_field_data == {"ticket": "T1", "vendor": "new"}
    assert not RegisteredJob.objects.filter(pk=old.pk).exists()


def key_of(job):
    return job.module_name, job.job_class_name
