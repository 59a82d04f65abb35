"""The past of removed jobs: read, proposed, and handed over to the jobs that they have become (rule 21)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    IntegerField,
    JSONField,
    Max,
    Model,
    Q,
    QuerySet,
    When,
    prefetch_related_objects,
)
from django.db.models.fields.json import KeyTransform

from nautobot_job_registry.core_bridge import dependents as core_dependents
from nautobot_job_registry.core_bridge import links as core_links
from nautobot_job_registry.core_bridge import rows as core_rows
from nautobot_job_registry.core_bridge.annotations import merge_custom_fields, merged_custom_fields, move_annotations
from nautobot_job_registry.engine.fields import VALUE_FIELDS, override_flag, shorten
from nautobot_job_registry.engine.names import is_numbered, numbered
from nautobot_job_registry.engine.records import JobKey, Past
from nautobot_job_registry.lifecycle import deletion
from nautobot_job_registry.lifecycle.moves.proposals import Proposal
from nautobot_job_registry.lifecycle.moves.rules import Decided, Inheritance, inherit
from nautobot_job_registry.models import FieldOverride, JobRevision, JobRun, JobSchedule, RegisteredJob, Suspension
from nautobot_job_registry.models.choices import AbsenceChoices, OverrideOriginChoices
from nautobot_job_registry.models.constants import BATCH_SIZE, CLASS_PATH_MAX_LENGTH
from nautobot_job_registry.models.sql import mapped

# Where revisions are put while their numbers change places, so that no two of a job ever have the same one.
PARKED = 1_000_000_000


@dataclass(frozen=True)
class Succession:
    """A job, and the record whose past it takes over."""

    successor: RegisteredJob
    predecessor: RegisteredJob

    @property
    def inheritance(self) -> Inheritance:
        """What the job takes over of what was decided."""
        return inherit(decided(self.successor), decided(self.predecessor))


def decided(job: RegisteredJob) -> Decided:
    """Return what was decided about a job; what is overridden only because core cannot store it is no decision."""
    collisions = {row.field for row in job.field_overrides.all() if row.origin == OverrideOriginChoices.COLLISION}
    overrides = {field: value for field, value in job.overrides.items() if field not in collisions}
    return Decided(job.enabled, overrides, _has_numbered_name(job))


def _has_numbered_name(job: RegisteredJob) -> bool:
    """Say whether a name is overridden only because another job had it, and not because a person chose it."""
    if not job.name_override:
        return False
    origins = {row.origin for row in job.field_overrides.all() if row.field == "name"}
    source_name = job.source_values.get("name")
    is_chosen = OverrideOriginChoices.OPERATOR in origins or OverrideOriginChoices.POLICY in origins
    return source_name is not None and not is_chosen and is_numbered(job.name, source_name)


def records_to_hand_over(**which: Any) -> QuerySet[RegisteredJob]:
    """Return the query for records with all that a succession reads of them."""
    jobs = RegisteredJob.objects.filter(**which).select_related("current_revision", "default_job_queue")
    return jobs.defer("current_revision__source_code").prefetch_related("job_queues", "field_overrides")


def hand_over(successions: Sequence[Succession], *, now: datetime, by: str = "", declared: bool = False) -> None:
    """Hand over the past of each predecessor to its successor, and delete the predecessor with its core job.

    Has to run in a transaction in which the records are locked. No record may be in two of the successions. What is
    handed over costs a number of statements that does not depend on how many runs there are.

    Args:
        successions: The jobs. Both of each have been found fit, and the successor has a core job.
        now: The time that is written.
        by: The name of who adopts, if anybody.
        declared: Whether the code says so.
    """
    pairs = {item.predecessor.pk: item.successor.pk for item in successions}
    core_jobs = {
        item.predecessor.core_job_id: item.successor.core_job_id for item in successions if item.predecessor.core_job_id
    }
    deletion.anchor_what_hangs_on([item.predecessor for item in successions])
    inheritances = {item.successor.pk: item.inheritance for item in successions}
    moved = _moved(pairs, core_jobs)
    _move_anchors(successions, pairs)
    _move_revisions(pairs)
    _move_annotations(successions, pairs, core_jobs)
    _move_ledger(successions, inheritances)
    core_links.move_dependents(core_jobs)
    both = {job.core_job_id for item in successions for job in (item.predecessor, item.successor)} - {None}
    core_links.let_schedules_follow(pairs.values(), both)
    core_links.link_runs_and_schedules(pairs.values())
    _delete(successions, pairs, core_jobs)
    told = {"adopted_at": now.isoformat(), "adopted_by": by, "declared": declared}
    for item in successions:
        numbers = {kind: counts[item.predecessor.pk] for kind, counts in moved.items()}
        entry = {**_told(item, inheritances[item.successor.pk]), **told, "moved": numbers}
        item.successor.adopted_records = [*item.successor.adopted_records, entry]
    _write_decisions(successions, inheritances, now)


def _told(item: Succession, inheritance: Inheritance) -> dict[str, Any]:
    """Return what a job keeps of the record whose past it took over."""
    return {
        "id": str(item.predecessor.pk),
        "class_path": item.predecessor.class_path,
        "overrides": sorted(inheritance.taken),
        "not_taken": sorted(inheritance.not_taken),
    }


def _moved(pairs: Mapping[UUID, UUID], core_jobs: Mapping[UUID, UUID]) -> dict[str, Counter[UUID]]:
    """Return how much of each kind moves, by the primary key of the predecessor."""
    counted: dict[str, type[Model]] = {
        "runs": JobRun,
        "schedules": JobSchedule,
        "revisions": JobRevision,
        "suspensions": Suspension,
    }
    moved = {kind: Counter(dict(_count(model.objects.filter(job__in=pairs), "job"))) for kind, model in counted.items()}
    owners = dict(RegisteredJob.objects.filter(core_job__in=core_jobs).order_by().values_list("core_job", "pk"))
    for kind, by_job in core_dependents.dependents_by_job(list(core_jobs)).items():
        if kind in ("job_hooks", "job_buttons"):
            moved[kind] = Counter({owners[core]: number for core, number in by_job.items()})
    return moved


def _count(rows: QuerySet, link: str) -> QuerySet:
    return rows.order_by().values_list(link).annotate(number=Count("pk"))


def _move_anchors(successions: Sequence[Succession], pairs: Mapping[UUID, UUID]) -> None:
    """Move the anchors; that of a run goes on naming the class that ran, the others name what is to run now."""
    paths = {item.predecessor.pk: item.successor.class_path for item in successions}
    JobRun.objects.filter(job__in=pairs).update(job=mapped("job", pairs))
    for model in (JobSchedule, Suspension):
        path = mapped("job", paths, CharField(max_length=CLASS_PATH_MAX_LENGTH))
        model.objects.filter(job__in=pairs).update(job=mapped("job", pairs), class_path=path)


def _move_revisions(pairs: Mapping[UUID, UUID]) -> None:
    """Put the revisions of the predecessor, as they are, before those of the successor, which count on from them.

    It is the one case in which a number changes: both have a first revision, and the history is read by numbers.
    """
    last = dict(JobRevision.objects.filter(job__in=pairs).order_by().values_list("job").annotate(number=Max("number")))
    offsets = {pairs[job]: number for job, number in last.items()}
    if not offsets:
        return
    own = JobRevision.objects.filter(job__in=offsets)
    # The query set of the model refuses what is done here, as nobody else may do it (rule 7).
    back = {job: number - PARKED for job, number in offsets.items()}
    QuerySet.update(own, number=F("number") + PARKED)
    QuerySet.update(own, number=F("number") + mapped("job", back, IntegerField()))
    QuerySet.update(JobRevision.objects.filter(job__in=last), job=mapped("job", pairs))


def _move_ledger(successions: Sequence[Succession], inheritances: Mapping[UUID, Inheritance]) -> None:
    """Move the rows of the overrides that are taken over, with their reasons, owners and ends."""
    pairs: dict[UUID, UUID] = {}
    gone: list[UUID] = []
    for item in successions:
        taken = inheritances[item.successor.pk].taken
        pairs |= {row.pk: item.successor.pk for row in item.predecessor.field_overrides.all() if row.field in taken}
        gone += [row.pk for row in item.successor.field_overrides.all() if row.field in taken]
    if gone:
        FieldOverride.objects.filter(pk__in=gone).delete()
    if pairs:
        FieldOverride.objects.filter(pk__in=pairs).update(job=mapped("pk", pairs))


def _delete(successions: Sequence[Succession], pairs: Mapping[UUID, UUID], core_jobs: Mapping[UUID, UUID]) -> None:
    """Delete the predecessors, on which nothing hangs any more, so that their names are free."""
    with deletion.nothing_left_to_prepare():
        RegisteredJob.objects.filter(predecessor__in=pairs).update(predecessor=None, predecessor_grounds="")
        core_dependents.delete_core_rows(core_jobs.keys())
        RegisteredJob.objects.filter(pk__in=pairs).delete()
    for item in successions:
        item.successor.predecessor_id, item.successor.predecessor_grounds = None, ""


def _write_decisions(
    successions: Sequence[Succession], inheritances: Mapping[UUID, Inheritance], now: datetime
) -> None:
    """Write to both sides what is decided about the successors now."""
    changed: dict[RegisteredJob, set[str]] = {}
    numbers, freed = _names(successions, inheritances)
    names = {"enabled", "core_decisions", "predecessor", "predecessor_grounds", "adopted_records", "last_updated"}
    for item in successions:
        job, inheritance = item.successor, inheritances[item.successor.pk]
        job.enabled, job.last_updated = inheritance.enabled, now
        changed[job] = set(inheritance.taken)
        for field in inheritance.taken:
            _take_over(job, item.predecessor, field)
        job.name = numbers.get(job.pk, job.name)
        if job.pk in freed:
            job.name, job.name_override = freed[job.pk], False
            changed[job].add("name")
        names |= changed[job] | {override_flag(field) for field in changed[job]}
    names |= {"_custom_field_data"}
    _take_over_queues([item for item in successions if "job_queues" in changed[item.successor]])
    _include_default_queues([job for job, fields in changed.items() if "default_job_queue" in fields])
    for job, fields in changed.items():
        fields |= {"job_queues"} if "default_job_queue" in fields and job.job_queues_override else set()
    core_rows.write_decisions(changed, now)
    RegisteredJob.objects.bulk_update(changed, sorted(names - {"job_queues"}), batch_size=BATCH_SIZE)
    FieldOverride.objects.filter(job__in=freed, field="name").delete()
    queues = {job.pk: job.value_of("job_queues") for job, fields in changed.items() if "job_queues" in fields}
    for field, values in (("name", numbers), ("job_queues", queues)):
        if values:
            rows = FieldOverride.objects.filter(job__in=values, field=field)
            rows.update(value=mapped("job", values, JSONField()))


def _names(
    successions: Sequence[Succession], inheritances: Mapping[UUID, Inheritance]
) -> tuple[dict[UUID, str], dict[UUID, str]]:
    """Return the names that are taken over with a number, and those of their sources that numbered jobs can have now.

    Core knows each name once only, and may have given one that is taken over to another job since.
    """
    own = {item.successor.pk: inheritances[item.successor.pk] for item in successions}
    wanted = {pk: inheritance.taken["name"] for pk, inheritance in own.items() if "name" in inheritance.taken}
    said = {
        item.successor.pk: shorten("name", item.successor.source_values["name"])
        for item in successions
        if own[item.successor.pk].drops_number
    }
    if not wanted and not said:
        return {}, {}
    renamed = [item.successor.core_job_id for item in successions if item.successor.pk in wanted]
    taken = core_rows.taken_names(renamed)
    numbers = {}
    for pk, name in wanted.items():
        free = numbered(name, taken)
        taken.add(free)
        if free != name:
            numbers[pk] = free
    counts = Counter(said.values())
    return numbers, {pk: name for pk, name in said.items() if name not in taken and counts[name] == 1}


def _take_over(job: RegisteredJob, predecessor: RegisteredJob, field: str) -> None:
    setattr(job, override_flag(field), True)
    if field in VALUE_FIELDS:
        setattr(job, field, getattr(predecessor, field))
    elif field == "default_job_queue":
        job.default_job_queue = predecessor.default_job_queue


def _take_over_queues(successions: Sequence[Succession]) -> None:
    """Give successors the queues of their predecessors, and keep the default one among them."""
    if not successions:
        return
    through = RegisteredJob.job_queues.through
    queues = {
        item.successor.pk: {
            *(queue.pk for queue in item.predecessor.job_queues.all()),
            item.successor.default_job_queue_id,
        }
        - {None}
        for item in successions
    }
    through.objects.filter(registeredjob_id__in=queues).delete()
    rows = [through(registeredjob_id=job, jobqueue_id=queue) for job, keys in queues.items() for queue in keys]
    through.objects.bulk_create(rows, batch_size=BATCH_SIZE)
    for item in successions:
        item.successor._prefetched_objects_cache.pop("job_queues", None)


def _include_default_queues(jobs: Sequence[RegisteredJob]) -> None:
    """Have the default queue that was taken over among the queues, as core has."""
    through = RegisteredJob.job_queues.through
    rows = [through(registeredjob_id=job.pk, jobqueue_id=job.default_job_queue_id) for job in jobs]
    through.objects.bulk_create([row for row in rows if row.jobqueue_id], batch_size=BATCH_SIZE, ignore_conflicts=True)
    for job in jobs:
        job._prefetched_objects_cache.pop("job_queues", None)
    prefetch_related_objects(jobs, "job_queues")


def _move_annotations(
    successions: Sequence[Succession], pairs: Mapping[UUID, UUID], core_jobs: Mapping[UUID, UUID]
) -> None:
    """Move what people attached to the records and to core's jobs."""
    move_annotations(ContentType.objects.get_for_model(RegisteredJob), pairs)
    move_annotations(ContentType.objects.get_by_natural_key("extras", "job"), core_jobs)
    merge_custom_fields(core_jobs)
    for item in successions:
        own, past = item.successor._custom_field_data, item.predecessor._custom_field_data
        item.successor._custom_field_data = merged_custom_fields(own, past)


PAST_COLUMNS = (
    "module_name",
    "job_class_name",
    "uninstalled_at",
    "predecessor__module_name",
    "predecessor__job_class_name",
    "predecessor_grounds",
    "dismissed_predecessors",
    "said_name",
    "adopted_records",
)


def read_pasts(declaring: Collection[str]) -> dict[JobKey, Past]:
    """Read, in one statement, those records that have anything to tell about a move.

    Args:
        declaring: The names of the classes whose code says what they have been before.
    """
    concerned = (
        Q(installed=False, absence=AbsenceChoices.REMOVED)
        | Q(name_override=True)
        | Q(predecessor__isnull=False)
        | ~Q(predecessor_grounds="")
        | ~Q(dismissed_predecessors=[])
        | ~Q(adopted_records=[])
        | Q(job_class_name__in=declaring)
    )
    # The metadata of a revision are large: they are read only where the name of the record is not the source's.
    said_name = Case(
        When(name_override=True, then=KeyTransform("name", "current_revision__metadata")), output_field=JSONField()
    )
    rows = RegisteredJob.objects.order_by().filter(concerned).annotate(said_name=said_name)
    found = {}
    for row in rows.values_list(*PAST_COLUMNS):
        module, name, gone, old_module, old_name, grounds, dismissed, said, adopted = row
        found[module, name] = Past(
            gone=gone,
            said_name=shorten("name", said),
            predecessor=(old_module, old_name) if old_module is not None else None,
            grounds=grounds,
            dismissed=frozenset(dismissed),
            adopted=max((datetime.fromisoformat(entry["adopted_at"]) for entry in adopted), default=None),
        )
    return found


def write_proposals(proposals: Iterable[Proposal]) -> None:
    """Store what is proposed, and what no longer is, in a number of statements that grows with batches.

    Args:
        proposals: The proposals. Their records are there.
    """
    found = {proposal.key: proposal for proposal in proposals}
    if not found:
        return
    names = {key[1] for proposal in found.values() for key in (proposal.key, proposal.predecessor) if key}
    jobs = RegisteredJob.objects.filter(job_class_name__in=names).only("module_name", "job_class_name")
    rows = {(job.module_name, job.job_class_name): job for job in jobs}
    changed = []
    for key, proposal in found.items():
        job = rows[key]
        job.predecessor_id = _key_of(proposal.predecessor, rows)
        job.predecessor_grounds = proposal.grounds
        changed.append(job)
    RegisteredJob.objects.bulk_update(changed, ["predecessor", "predecessor_grounds"], batch_size=BATCH_SIZE)


def _key_of(key: JobKey | None, rows: Mapping[JobKey, RegisteredJob]) -> UUID | None:
    return rows[key].pk if key else None
