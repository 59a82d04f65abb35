"""Core's job queues."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from nautobot.extras.choices import JobQueueTypeChoices
from nautobot.extras.models import Job, JobQueue

from nautobot_job_registry.constants import BATCH_SIZE
from nautobot_job_registry.core_bridge.quiet import quietly


def queues_by_name(names: Iterable[str]) -> dict[str, JobQueue]:
    """Return the queues of the given names; those that the sources name and that are missing are made, as core does.

    Args:
        names: Names of queues.
    """
    wanted = set(names)
    found = {queue.name: queue for queue in JobQueue.objects.filter(name__in=wanted)}
    missing = [JobQueue(name=name, queue_type=JobQueueTypeChoices.TYPE_CELERY) for name in sorted(wanted - set(found))]
    if not missing:
        return found
    JobQueue.objects.bulk_create(missing, ignore_conflicts=True)
    return {queue.name: queue for queue in JobQueue.objects.filter(name__in=wanted)}


def assign_queues(queues: Mapping[UUID, Collection[UUID]], *, are_new: bool = False) -> None:
    """Have core's rows of jobs have these queues and no others, in bulk; the registry is not told, as it decided so.

    Args:
        queues: The primary keys of the queues, by that of the job.
        are_new: Whether the rows have just been made, so that they have none yet.
    """
    through = Job.job_queues.through
    if queues and not are_new:
        with quietly():
            through.objects.filter(job__in=queues).delete()
    rows = [through(job_id=job, job_queue_id=queue) for job, keys in queues.items() for queue in keys]
    through.objects.bulk_create(rows, batch_size=BATCH_SIZE, ignore_conflicts=True)
