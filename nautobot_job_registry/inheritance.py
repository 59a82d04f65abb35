"""The past of removed jobs is handed over to the jobs that they have become, many at once (rule 21)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Count, F, IntegerField, JSONField, Max, QuerySet

from nautobot_job_registry import annotations, core_bridge, parting
from nautobot_job_registry.choices import OverrideOriginChoices
from nautobot_job_registry.constants import BATCH_SIZE, CLASS_PATH_MAX_LENGTH
from nautobot_job_registry.engine.fields import VALUE_FIELDS, override_flag, shorten
from nautobot_job_registry.engine.names import is_numbered, numbered
from nautobot_job_registry.engine.succession import Decided, Inheritance, inherit, merged_custom_fields
from nautobot_job_registry.expressions import mapped
from nautobot_job_registry.models import FieldOverride, JobRevision, JobRun, JobSchedule, RegisteredJob, Suspension

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


def records(**which: Any) -> QuerySet[RegisteredJob]:
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
    parting.anchor([item.predecessor for item in successions])
    inheritances = {item.successor.pk: item.inheritance for item in successions}
    moved = _moved(pairs, core_jobs)
    _move_anchors(successions, pairs)
    _move_revisions(pairs)
    _move_annotations(successions, pairs, core_jobs)
    _move_ledger(successions, inheritances)
    core_bridge.move_dependents(core_jobs)
    both = {job.core_job_id for item in successions for job in (item.predecessor, item.successor)} - {None}
    core_bridge.let_schedules_follow(pairs.values(), both)
    core_bridge.link_runs_and_schedules(pairs.values())
    _delete(successions, pairs, core_jobs)
    for item in successions:
        taken = inheritances[item.successor.pk]
        entry = {
            "id": str(item.predecessor.pk),
            "class_path": item.predecessor.class_path,
            "adopted_at": now.isoformat(),
            "adopted_by": by,
            "declared": declared,
            "moved": {kind: counts[item.predecessor.pk] for kind, counts in moved.items()},
            "overrides": sorted(taken.taken),
            "not_taken": sorted(taken.not_taken),
        }
        item.successor.adopted_records = [*item.successor.adopted_records, entry]
    _write_decisions(successions, inheritances, now)


def _moved(pairs: Mapping[UUID, UUID], core_jobs: Mapping[UUID, UUID]) -> dict[str, Counter[UUID]]:
    """Return how much of each kind moves, by the primary key of the predecessor."""
    counts = {"runs": JobRun, "schedules": JobSchedule, "revisions": JobRevision, "suspensions": Suspension}
    moved = {kind: Counter(dict(_count(model.objects.filter(job__in=pairs), "job"))) for kind, model in counts.items()}
    owners = dict(RegisteredJob.objects.filter(core_job__in=core_jobs).order_by().values_list("core_job", "pk"))
    for kind, by_job in core_bridge.dependents_by_job(list(core_jobs)).items():
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
    with parting.nothing_left_to_prepare():
        RegisteredJob.objects.filter(predecessor__in=pairs).update(predecessor=None, predecessor_grounds="")
        core_bridge.delete_jobs(core_jobs.keys())
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
    core_bridge.write_decisions(changed, now)
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
    taken = core_bridge.taken_names(renamed)
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


def _move_annotations(
    successions: Sequence[Succession], pairs: Mapping[UUID, UUID], core_jobs: Mapping[UUID, UUID]
) -> None:
    """Move what people attached to the records and to core's jobs."""
    annotations.move(ContentType.objects.get_for_model(RegisteredJob), pairs)
    annotations.move(ContentType.objects.get_by_natural_key("extras", "job"), core_jobs)
    core_bridge.merge_custom_fields(core_jobs)
    for item in successions:
        own, past = item.successor._custom_field_data, item.predecessor._custom_field_data
        item.successor._custom_field_data = merged_custom_fields(own, past)
