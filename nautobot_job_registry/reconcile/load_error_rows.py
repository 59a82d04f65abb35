"""Rows of load errors: read into the engine's records, written in bulk from a plan (rules 2 and 12)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS

from nautobot_job_registry.engine.descriptor import LoadFailure, SourceType, identity
from nautobot_job_registry.engine.fields import shorten
from nautobot_job_registry.engine.records import ErrorRecord
from nautobot_job_registry.models import JobLoadError
from nautobot_job_registry.models.constants import BATCH_SIZE
from nautobot_job_registry.sources.load_errors import ErrorAction, ErrorActionKind, ErrorKey

FACTS = ("source_version", "effective_version", "file_path", "line", "exception_type", "message")
# What an error that is found again may say otherwise than before.
CHANGING = ("git_repository", *FACTS, "traceback", "commit_author", "commit_subject", "last_seen")


def open_load_errors(using: str = DEFAULT_DB_ALIAS) -> dict[ErrorKey, ErrorRecord]:
    """Return the load errors that are open, by their key.

    Args:
        using: The connection that reads.
    """
    rows = JobLoadError.objects.using(using).filter(resolved_at=None).order_by("first_seen")
    records = {}
    for row in rows.values("id", "source_type", "source_name", "module_name", "job_class_name", *FACTS):
        key = (row["source_type"], row["source_name"], row["module_name"], row["job_class_name"])
        records[key] = ErrorRecord(id=row["id"], key=key, **{name: row[name] for name in FACTS})
    return records


def write_load_errors(
    actions: Iterable[ErrorAction],
    repositories: Mapping[str, uuid.UUID],
    now: datetime,
    using: str = DEFAULT_DB_ALIAS,
) -> None:
    """Write what a plan does to load errors.

    Args:
        actions: What is to be done.
        repositories: The primary key of each Git repository that provides jobs, by its slug.
        now: The time that is written for all of it.
        using: The connection that writes.
    """
    rows = JobLoadError.objects.using(using)
    opened, updated, resolved = [], [], []
    for action in actions:
        if action.failure is None:
            resolved.append(action.error_id)
        elif action.kind is ErrorActionKind.OPEN:
            opened.append(_row(action.failure, repositories, now))
        else:
            updated.append(_row(action.failure, repositories, now, pk=action.error_id))
    rows.bulk_create(opened, batch_size=BATCH_SIZE)
    rows.bulk_update(updated, CHANGING, batch_size=BATCH_SIZE)
    if resolved:
        rows.filter(pk__in=resolved).update(resolved_at=now)


def _row(
    failure: LoadFailure, repositories: Mapping[str, uuid.UUID], now: datetime, pk: uuid.UUID | None = None
) -> JobLoadError:
    return JobLoadError(
        pk=pk or uuid.uuid4(),
        source_type=failure.source.type.value,
        source_name=failure.source.name,
        git_repository_id=repositories.get(failure.source.name) if failure.source.type is SourceType.GIT else None,
        source_version=shorten("source_version", failure.source_version),
        effective_version=shorten("source_version", failure.effective_version),
        module_name=identity("module_name", failure.module_name),
        job_class_name=identity("job_class_name", failure.job_class_name),
        file_path=failure.file_path,
        line=failure.line,
        exception_type=failure.exception_type,
        message=failure.message,
        traceback=failure.traceback,
        commit_author=failure.commit_author,
        commit_subject=failure.commit_subject,
        first_seen=now,
        last_seen=now,
    )
