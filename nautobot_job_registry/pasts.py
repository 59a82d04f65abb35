"""What records tell about jobs that moved, and what is proposed about it (rule 21)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.db.models import Case, JSONField, Q, When
from django.db.models.fields.json import KeyTransform

from nautobot_job_registry.choices import AbsenceChoices
from nautobot_job_registry.constants import BATCH_SIZE
from nautobot_job_registry.engine.fields import shorten
from nautobot_job_registry.engine.predecessors import Proposal
from nautobot_job_registry.engine.records import JobKey, Past
from nautobot_job_registry.models import RegisteredJob

COLUMNS = (
    "module_name",
    "job_class_name",
    "uninstalled_at",
    "predecessor__module_name",
    "predecessor__job_class_name",
    "predecessor_grounds",
    "dismissed_predecessors",
    "said_name",
)


def read(declaring: Collection[str]) -> dict[JobKey, Past]:
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
        | Q(job_class_name__in=declaring)
    )
    # The metadata of a revision are large: they are read only where the name of the record is not the source's.
    said_name = Case(
        When(name_override=True, then=KeyTransform("name", "current_revision__metadata")), output_field=JSONField()
    )
    rows = RegisteredJob.objects.order_by().filter(concerned).annotate(said_name=said_name)
    found = {}
    for row in rows.values_list(*COLUMNS):
        module, name, gone, old_module, old_name, grounds, dismissed, said = row
        found[module, name] = Past(
            gone=gone,
            said_name=shorten("name", said),
            predecessor=(old_module, old_name) if old_module is not None else None,
            grounds=grounds,
            dismissed=frozenset(dismissed),
        )
    return found


def write(proposals: Iterable[Proposal]) -> None:
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
