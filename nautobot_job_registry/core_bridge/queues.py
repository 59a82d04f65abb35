"""Core's job queues."""

from __future__ import annotations

from collections.abc import Iterable

from nautobot.extras.choices import JobQueueTypeChoices
from nautobot.extras.models import JobQueue


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
