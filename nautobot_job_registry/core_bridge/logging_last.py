"""The change log of core's rows in a bulk edit: after that of the records, with what it takes read for all at once."""

from __future__ import annotations

from typing import Any

from django.db.models import prefetch_related_objects
from nautobot.extras.models import Job

from nautobot_job_registry import bulk_edits
from nautobot_job_registry.models.known_tags import know_tags


class _LoggedLast:
    """Core's rows that a bulk edit has written, until their changes are logged."""

    def __init__(self) -> None:
        """Begin with none."""
        self.jobs: list[Job] = []
        self.entries: dict[str, list[dict[str, Any]]] = {}

    def take(self, job: Job) -> None:
        """Keep back what is to be logged of a row."""
        self.jobs.append(job)
        self.entries |= bulk_edits.take_out(job)

    def __call__(self) -> None:
        """Let all that was kept back be logged."""
        prefetch_related_objects(self.jobs, "job_queues", "tags")
        know_tags(self.jobs)
        bulk_edits.put_back(self.entries)


def log_last(job: Job) -> None:
    """Have the change of a row, in a bulk edit, logged after those of the records.

    Core asks for the webhooks and job hooks of a kind of object again and again where two kinds take turns in its log.

    Args:
        job: Core's row, as it has been written.
    """
    if bulk_edits.is_going_on():
        bulk_edits.at_the_end(_LoggedLast, _LoggedLast).take(job)
