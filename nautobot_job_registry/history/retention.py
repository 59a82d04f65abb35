"""How long the history of the registry is kept, and what is dropped once it is too old."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from nautobot_job_registry.models import JobLoadError, JobRevision, JobRun, Reconciliation, RegisteredJob
from nautobot_job_registry.models.attempts import try_again
from nautobot_job_registry.models.constants import APP_NAME, BATCH_SIZE


@dataclass(frozen=True)
class Retention:
    """How long one kind of rows is kept.

    Attributes:
        what: What is kept, for people.
        setting: The setting that says for how many days; 0 is for ever.
        expired: What returns the rows that are older than a moment and may go, the oldest first, without long texts.
    """

    what: str
    setting: str
    expired: Callable[[datetime], QuerySet]

    @property
    def days(self) -> int:
        """For how many days rows are kept; 0 is for ever."""
        return settings.PLUGINS_CONFIG[APP_NAME][self.setting]


@dataclass(frozen=True)
class Dropped:
    """What was dropped of one kind of rows, or would be.

    Attributes:
        retention: The kind of rows.
        count: How many.
    """

    retention: Retention
    count: int

    def text(self, *, dry_run: bool = False) -> str:
        """Return the same in words."""
        what, days = self.retention.what, self.retention.days
        if not days:
            return f"Kept all {what}: {self.retention.setting} is 0."
        done = "Would drop" if dry_run else "Dropped"
        return f"{done} {self.count} {what} older than {days} days."


def expired_reconciliations(before: datetime) -> QuerySet:
    """Return the old reconciliations, but for the last success and the last failure of each source."""
    return Reconciliation.objects.replaced().filter(started__lt=before).order_by("started").defer("changes", "error")


def expired_errors(before: datetime) -> QuerySet:
    """Return the load errors that were resolved long ago."""
    return JobLoadError.objects.filter(resolved_at__lt=before).order_by("resolved_at").defer("traceback")


def expired_revisions(before: datetime) -> QuerySet:
    """Return the old revisions that are not the current one of their job, and that no run points to."""
    return (
        JobRevision.objects.filter(
            ~Exists(RegisteredJob.objects.filter(current_revision=OuterRef("pk"))),
            ~Exists(JobRun.objects.filter(revision=OuterRef("pk"))),
            created__lt=before,
        )
        .order_by("created")
        .defer("metadata", "source_code")
    )


RETENTIONS = (
    Retention("reconciliations", "reconciliation_retention_days", expired_reconciliations),
    Retention("resolved load errors", "resolved_error_retention_days", expired_errors),
    Retention("revisions", "revision_retention_days", expired_revisions),
)


def clean_up(*, dry_run: bool = False) -> Iterator[Dropped]:
    """Drop what is older than the settings say, and yield how much of each kind it was.

    What has been dropped stays so if a later batch fails: each is a transaction of its own.

    Args:
        dry_run: Whether it is only counted, and nothing is written.
    """
    now = timezone.now()
    for retention in RETENTIONS:
        rows = retention.expired(now - timedelta(days=retention.days)) if retention.days else None
        if rows is None:
            yield Dropped(retention, 0)
        else:
            yield Dropped(retention, rows.order_by().count() if dry_run else _drop(rows))


def _drop(rows: QuerySet) -> int:
    dropped = 0
    while (batch := try_again(lambda: _drop_batch(rows), what="the dropping of old rows")) is not None:
        dropped += batch
    return dropped


def _drop_batch(rows: QuerySet) -> int | None:
    """Drop some of the rows, and return how many; None where there are none."""
    with transaction.atomic():
        locked = _lock_batch(rows)
        if not locked:
            return None
        # Asked for once more, as a run may have begun to point to one of them since.
        _, by_model = rows.filter(pk__in=locked).delete()
    return by_model.get(rows.model._meta.label, 0)


def _lock_batch(rows: QuerySet) -> list[uuid.UUID]:
    """Lock some of the rows, other ones than a clean-up at the same time has, and return their primary keys."""
    skip_locked = connection.features.has_select_for_update_skip_locked
    return list(rows.select_for_update(skip_locked=skip_locked).values_list("pk", flat=True)[:BATCH_SIZE])
