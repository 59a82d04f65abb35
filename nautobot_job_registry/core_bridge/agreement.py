"""What is decided on one side is in force on the other, in the same transaction (rule 16).

Whoever saves a job locks core's row first and the record then, so that two people who edit the two sides at once wait
for each other: each finds what the other has decided, and the sides agree afterwards. Who wins where they differ is
said by `engine.agreement`; here the two sides are read, as they are stored and locked, and written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from nautobot.extras.models import Job

from nautobot_job_registry.core_bridge import both_sides
from nautobot_job_registry.core_bridge.change_log import log_last
from nautobot_job_registry.core_bridge.host import all_or_nothing
from nautobot_job_registry.core_bridge.links import link_runs_and_schedules
from nautobot_job_registry.core_bridge.locks import lock_assigned_queues
from nautobot_job_registry.core_bridge.rows import (
    SHARED_FIELDS,
    SHARED_FLAGS,
    SHARED_VALUES,
    is_our_own_write,
    our_own_writes,
    queues_by_name,
)
from nautobot_job_registry.engine.agreement import ENABLED, Agreement, Decisions, SideEvent, changed_fields, settle
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.engine.names import is_cores_doing, numbered
from nautobot_job_registry.engine.overrides import with_default_queue
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.models.saving import Saving
from nautobot_job_registry.models.sql import read_locked

# What an instance of core's row keeps in mind: what it said when it was read, and what its save is known to decide.
NOTED = "_registry_noted"
NEWS = "_registry_news"
# What the record remembered of the row as somebody began to save it.
KNOWN = "_registry_known"
# The columns of core's row that say what is decided about a field, the flag first.
COLUMNS_OF = {
    name: (override_flag(name), "default_job_queue_id" if name == "default_job_queue" else name)
    for name in SHARED_FIELDS
    if name != "job_queues"
} | {ENABLED: (ENABLED,), "job_queues": ("job_queues_override",)}
DECIDED_COLUMNS = tuple(dict.fromkeys(column for columns in COLUMNS_OF.values() for column in columns))


def decisions_of_saved(record: RegisteredJob) -> Decisions:
    """Return what is decided in a record, with the default queue among the queues, where it is once it is saved."""
    values = record.overrides
    if "job_queues" in values:
        values["job_queues"] = _with_default(record, values["job_queues"])
    return Decisions(record.enabled, values)


def _with_default(record: RegisteredJob, queues: Iterable[str]) -> tuple[str, ...]:
    """Return the names of some queues with that of a record's default queue among them."""
    return with_default_queue(queues, record.default_job_queue.name if record.default_job_queue else None)


# From the registry to core


def agree_before_saving(record: RegisteredJob, saving: Saving) -> None:
    """Lock both sides before a record is saved, and take over what nobody told us of core.

    Args:
        record: The record, before it is saved.
        saving: The save, which learns what was found.
    """
    if is_our_own_write() or record._state.adding:
        return
    if record.core_job_id and record.may_write_queues:
        lock_assigned_queues(record.core_job_id)
    # Whatever is saved: the queues of the record may be written next, and what is noted of its overrides with it.
    read, (job, stored) = record.core_decisions, both_sides.lock_both(record)
    if stored is None:
        # Somebody has deleted it: the save itself says so.
        return
    record.take_stored(stored)
    record.restore_source_values()
    if job is None and record.core_job_id:
        # It is being pointed at another row.
        job = both_sides.core_row(record.core_job_id)
    if job is None:
        # Somebody has deleted core's row meanwhile: the next reconcile finds or makes another one.
        record.core_job = None
        return
    ours, known = decisions_of_saved(record), Agreement.of(stored.core_decisions)
    core = both_sides.state(job, stored).decisions
    saving.is_ledger_known = core == known.agreed and read == stored.core_decisions
    if ours == core == known.agreed:
        return
    saving.core_row = job
    saving.is_requeued = _concerns_queues(changed_fields(known.agreed, ours) | changed_fields(known.agreed, core))
    settled = settle(ours, known, core, SideEvent.RECORD_SAVED)
    if settled.of_core:
        _decide(record, settled.decisions)
        saving.of_core = settled.of_core
        if "job_queues" in settled.of_core and record.job_queues_override:
            saving.queues = list(settled.decisions.values["job_queues"])
    _keep_name_free(record, job, saving)
    record.core_decisions = _renewed(known, record, saving, core)


def _renewed(known: Agreement, record: RegisteredJob, saving: Saving, core: Decisions) -> dict[str, Any]:
    """Return what a record is to remember of core's row once both have been saved."""
    decisions = decisions_of_saved(record)
    if saving.queues is not None:
        queues = _with_default(record, saving.queues)
        decisions = Decisions(record.enabled, {**decisions.values, "job_queues": queues})
    source = record.source_values.get("job_queues")
    # Whoever had read the row before its queues were chosen gives it those of the source, though it says otherwise.
    unchosen: dict[str, Any] = {} if source is None else {"job_queues": list(_with_default(record, source))}
    return known.renewed(decisions, core, unchosen=unchosen).as_json()


def _keep_name_free(record: RegisteredJob, job: Job, saving: Saving) -> None:
    """Number a name that core has given to another job, as core does: it knows each name once only."""
    name = record.name
    if name == job.name:
        return
    others = Job.objects.exclude(pk=job.pk)
    if not others.filter(name=name).exists():
        return
    taken = set(others.filter(name__startswith=name[:90]).values_list("name", flat=True))
    if not record.name_override:
        saving.colliding |= {"name"}
    record.name, record.name_override = numbered(name, taken), True


def push_decisions(record: RegisteredJob, saving: Saving) -> None:
    """Write to core's row what a record has decided otherwise; no job code is loaded.

    Args:
        record: The record, as it has been saved.
        saving: Its save.
    """
    if is_our_own_write() or saving.core_row is None:
        return
    with our_own_writes():
        _agree(saving.core_row, record, requeued=saving.is_requeued)
    log_last(saving.core_row)


def _concerns_queues(fields: Collection[str]) -> bool:
    return not {"job_queues", "default_job_queue"}.isdisjoint(fields)


def _agree(job: Job, record: RegisteredJob, stored: Job | None = None, *, requeued: bool = False) -> None:
    """Write to core's row each column that it has otherwise than the record, and its queues where they may differ.

    Args:
        job: The row, as somebody has it, who is to have it as it is then.
        record: The record.
        stored: The row as it is stored, where that may be something else.
        requeued: Whether the queues may differ.
    """
    names = [*SHARED_VALUES, *SHARED_FLAGS, "enabled"]
    if record.default_job_queue_id:
        names.append("default_job_queue_id")
    there, columns = stored or job, {}
    for name in names:
        column, value = name.removesuffix("_id"), getattr(record, name)
        if getattr(there, name) != value:
            columns[column] = getattr(record, column)
        elif getattr(job, name) != value:
            setattr(job, column, getattr(record, column))
    if columns:
        _write(job, columns)
    if requeued or record.job_queues_override or {"job_queues_override", "default_job_queue"} & columns.keys():
        wanted = record.job_queues.all()
        if wanted:
            job.job_queues.set(wanted)


def _write(job: Job, columns: Mapping[str, Any]) -> None:
    """Write some columns as `Job.save()` does, so that all who listen are told, without what it does beside that.

    It would switch off what hangs on a job that is not installed, of which the removal decides alone (rule 18), write
    the columns that somebody else may have changed, and read the row twice more before.
    """
    for name, value in columns.items():
        setattr(job, name, value)
    job.last_updated = job._meta.get_field("last_updated").pre_save(job, add=False)
    Job.objects.filter(pk=job.pk).update(**columns, last_updated=job.last_updated)
    fields = frozenset({*columns, "last_updated"})
    post_save.send(sender=Job, instance=job, created=False, raw=False, using=job._state.db, update_fields=fields)


# From core to the registry


@dataclass(frozen=True)
class _News:
    """What the save of a row of core's is known to decide.

    Attributes:
        decided: The fields that somebody decides with it.
        is_news: Whether the row says anything else, once it is saved, than what was agreed.
    """

    decided: frozenset[str]
    is_news: bool


def note_core_row(job: Job, written: Collection[str] | None = None) -> None:
    """Keep in mind what a row of core's says as it is read, without reading more of it.

    Args:
        job: The row.
        written: The names of the columns that have just been written; None for all.
    """
    values = job.__dict__
    noted = {name: values[name] for name in DECIDED_COLUMNS if name in values and _is_among(name, written)}
    values[NOTED] = noted if written is None else {**values.get(NOTED, {}), **noted}


def look_at_core_row(job: Job, written: Collection[str] | None = None) -> None:
    """Lock core's row before somebody saves it, and find out what is decided with it.

    Whoever has read the row as it is stored now decides whatever is said otherwise. Whoever has read it before decides
    what is said otherwise than it was read; the other columns are only old, and are made to say what is stored. Of
    columns of which it is not known how they were read, what is stored decides later.

    Args:
        job: Core's row, before it is saved.
        written: The names of the columns that are written; None for all.
    """
    columns = ("last_updated", "default_job_queue__name", "registered_job__core_decisions", *DECIDED_COLUMNS)
    rows = Job.objects.filter(pk=job.pk)
    rows = rows.order_by().values(*columns)
    is_locked = transaction.get_connection(job._state.db).in_atomic_block
    stored = read_locked(rows, is_there=True) if is_locked else rows.first()
    if stored is None:
        return
    is_fresh = job.__dict__.get("last_updated") == stored["last_updated"]
    decided, is_changed = set(), False
    for name, of_field in COLUMNS_OF.items():
        says_otherwise = _said(_saved(job, stored, written), of_field) != _said(stored, of_field)
        # What somebody has chosen counts even if an old picture of the row, stored meanwhile, says the same already.
        is_touched = _is_touched(job, of_field) and any(_is_among(column, written) for column in of_field)
        if is_touched or (is_fresh and says_otherwise):
            decided.add(name)
            is_changed = is_changed or says_otherwise
        elif says_otherwise and job.__dict__[NOTED].keys() >= {*of_field}:
            for column in of_field:
                setattr(job, column, stored[column])
    is_news = is_changed or _tells_news(_saved(job, stored, written), stored)
    job.__dict__[NEWS] = _News(frozenset(decided), is_news)
    job.__dict__[KNOWN] = stored["registered_job__core_decisions"]


def look_at_bulk_edit(job: Job) -> frozenset[str]:
    """Return the fields that are decided by one of many rows that are edited at once, without asking the database."""
    return frozenset(name for name, of_field in COLUMNS_OF.items() if _is_touched(job, of_field))


def _saved(job: Job, stored: Mapping[str, Any], written: Collection[str] | None) -> dict[str, Any]:
    """Return what the columns of a row are going to say when it has been saved."""
    values = job.__dict__
    own = {name: values[name] for name in DECIDED_COLUMNS if name in values and _is_among(name, written)}
    return {**stored, **own}


def _is_among(column: str, written: Collection[str] | None) -> bool:
    return written is None or column in written or column.removesuffix("_id") in written


def _said(values: Mapping[str, Any], of_field: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what is decided about a field; the queues, which are rows of their own, are only said to be chosen."""
    flag, *rest = of_field
    if flag == ENABLED:
        return (values[ENABLED],)
    return tuple(values[name] for name in rest or (flag,)) if values[flag] else ()


def _is_touched(job: Job, of_field: tuple[str, ...]) -> bool:
    """Say whether a field says anything else than when the row was read, as far as that is known."""
    noted, values = job.__dict__.get(NOTED, {}), job.__dict__
    is_known = noted.keys() >= {*of_field} and values.keys() >= {*of_field}
    return is_known and _said(noted, of_field) != _said(values, of_field)


def _tells_news(saved: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Say whether a row is going to say anything else than what was agreed; nothing was about one nobody knows."""
    if stored["registered_job__core_decisions"] is None:
        return False
    agreed = Agreement.of(stored["registered_job__core_decisions"]).agreed.by_field
    if saved["default_job_queue_id"] != stored["default_job_queue_id"]:
        return True
    for name, of_field in COLUMNS_OF.items():
        said = _said(saved, of_field)
        if name == "default_job_queue" and said:
            said = (stored["default_job_queue__name"],)
        if name == "job_queues" and said:
            said = agreed.get(name, said)
        if said != agreed.get(name, ()):
            return True
    return False


def take_news(job: Job) -> frozenset[str] | None:
    """Return what somebody has decided with the save of a row of core's, once; None where it says nothing new."""
    news = job.__dict__.pop(NEWS, None)
    return news.decided if news is not None and news.is_news else None


def pull_decisions(job: Job, *, decided: Collection[str] = (), source_name: str | None = None) -> None:
    """Take over what was decided in core's row, with the record's own decisions kept.

    Args:
        job: Core's row, as it has been saved.
        decided: The fields of which it is known that somebody decides them.
        source_name: The name that the class has as it is loaded, by which core goes; None where it is not loaded.
    """
    if is_our_own_write():
        return
    with all_or_nothing():
        # What is stored counts: not all that the instance says has been saved, and somebody may have been quicker.
        stored = both_sides.core_row(job.pk)
        if stored is None:
            return
        record = both_sides.locked_record(core_job=job.pk)
        is_met = record is None
        if record is None:
            record = _meet(job)
        if record is None:
            return
        if _take_over(record, job, stored, decided, source_name) and is_met:
            link_runs_and_schedules({record.pk})


def _meet(job: Job) -> RegisteredJob | None:
    """Return the record of a row that core has made anew, pointed at it: what is decided there now is a person's."""
    record = both_sides.locked_record(core_job=None, module_name=job.module_name, job_class_name=job.job_class_name)
    if record is not None:
        record.core_job, record.core_decisions = job, {}
    return record


def _take_over(record: RegisteredJob, job: Job, stored: Job, decided: Collection[str], source_name: str | None) -> bool:
    """Have both sides say what is settled, and return whether there was anything to settle."""
    known, present = Agreement.of(record.core_decisions), both_sides.state(stored, record).decisions
    decided = set(decided) - _overtaken(job, known)
    core = both_sides.with_decided(present, job, known, decided)
    changed = changed_fields(known.agreed, core)
    if not changed:
        return False
    ours = Decisions(record.enabled, record.overrides)
    settled = settle(ours, known, core, SideEvent.CORE_SAVED, decided=decided)
    said = record.source_values.get("name", "") if source_name is None else source_name
    is_collision = not record.name_override and is_cores_doing(job.name, said, record.name)
    is_collision = is_collision and "name" in settled.decisions.values
    saving = Saving(of_core=settled.of_core, is_of_core=True, colliding=frozenset({"name"} if is_collision else ()))
    _decide(record, settled.decisions)
    _keep_name_free(record, job, saving)
    if "job_queues" in settled.decisions.values:
        saving.queues = list(settled.decisions.values["job_queues"])
        queues_by_name(saving.queues)
    record.core_decisions = _renewed(known, record, saving, present)
    # Core leaves a queue among the others that is not the default one any more.
    requeued = _concerns_queues(changed)
    with our_own_writes():
        record.save(saving=saving)
        _agree(job, record, stored, requeued=requeued)
    return True


def _overtaken(job: Job, known: Agreement) -> frozenset[str]:
    """Return the fields that somebody has decided since a save of core's row began: there the later word counts.

    The queues are rows of their own, which are written after the save, one by one.
    """
    if KNOWN not in job.__dict__:
        return frozenset()
    return changed_fields(Agreement.of(job.__dict__.pop(KNOWN)).agreed, known.agreed) - {"job_queues"}


def _decide(record: RegisteredJob, decisions: Decisions) -> None:
    """Let a record say what was decided; its queues are rows of their own."""
    record.enabled = decisions.enabled
    for field in OVERRIDABLE_FIELDS:
        setattr(record, override_flag(field), field in decisions.values)
    for field, value in decisions.values.items():
        if field == "default_job_queue":
            record.default_job_queue = queues_by_name([value]).get(value) if value else None
        elif field != "job_queues":
            setattr(record, field, value)
    record.restore_source_values()
