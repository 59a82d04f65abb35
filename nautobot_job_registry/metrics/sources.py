"""How each source of jobs stands, in one word: what the dashboard says of every repository, app and folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from nautobot.extras.models import GitRepository

from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.metrics.needs import job_counts, jobs_by_key
from nautobot_job_registry.models.choices import AbsenceChoices, SourceTypeChoices

IN_STEP, DIFFERS, HAS_ERRORS, REJECTED, UNREACHABLE = (
    "in step",
    "differs",
    "has load errors",
    "sync rejected",
    "unreachable",
)


@dataclass(frozen=True)
class SourceState:
    """One source, and how it stands.

    Attributes:
        source: The source.
        counts: How many of its jobs there are of each of `JOB_COUNTS`, by its key.
        repository: Its Git repository, if it is one, and who looks may view it.
        errors: How many open load errors it has, as far as who looks may view them.
        rejected: How many of them are of a sync that Nautobot rejected.
        is_behind: Whether its repository was synced to another commit than the one that its jobs were read from.
    """

    source: Source
    counts: Mapping[str, int]
    repository: GitRepository | None = None
    errors: int = 0
    rejected: int = 0
    is_behind: bool = False

    @property
    def state(self) -> str:
        """How it stands, in a word or two; the worst that is so."""
        if self.counts[AbsenceChoices.SOURCE_UNAVAILABLE]:
            return UNREACHABLE
        if self.rejected:
            return REJECTED
        if self.errors:
            return HAS_ERRORS
        return DIFFERS if self.is_behind else IN_STEP

    @property
    def name(self) -> str:
        """What people call it."""
        if self.source.type in (SourceType.SYSTEM, SourceType.LOCAL):
            return str(SourceTypeChoices.as_dict()[self.source.type.value])
        return self.source.name

    @property
    def filters(self) -> dict[str, str]:
        """What gives the filters of a list with which it shows what is of the source."""
        return {"source_type": self.source.type.value, "source_name": self.source.name}


def source_states(jobs: QuerySet, errors: QuerySet, repositories: QuerySet) -> list[SourceState]:
    """Return how each source stands that has registered jobs or open load errors, in four statements.

    Args:
        jobs: The registered jobs that count.
        errors: The load errors that count.
        repositories: The Git repositories that may be named.
    """
    keys = ("source_type", "source_name")
    counted = {_source(row): jobs_by_key(row) for row in jobs.order_by().values(*keys).annotate(**job_counts())}
    is_rejected = ~Q(effective_version="")
    found = errors.filter(resolved_at=None).order_by().values(*keys)
    opened = {
        _source(row): (row["errors"], row["rejected"])
        for row in found.annotate(errors=Count("pk"), rejected=Count("pk", filter=is_rejected))
    }
    read = jobs.filter(git_repository__isnull=False, installed=True).order_by()
    versions: dict[Any, set[str]] = {}
    for pk, version in read.values_list("git_repository", "source_version").distinct():
        versions.setdefault(pk, set()).add(version)
    by_slug = {row.slug: row for row in repositories.only("name", "slug", "current_head")}
    states = []
    for source in sorted({*counted, *opened}, key=_order):
        repository = by_slug.get(source.name) if source.type is SourceType.GIT else None
        errors_of, rejected_of = opened.get(source, (0, 0))
        states.append(
            SourceState(
                source,
                counted.get(source) or jobs_by_key({}),
                repository,
                errors_of,
                rejected_of,
                repository is not None and _is_behind(repository, versions.get(repository.pk, set())),
            )
        )
    return states


def _source(row: Mapping[str, Any]) -> Source:
    return Source(SourceType(row["source_type"]), row["source_name"])


def _order(source: Source) -> tuple[int, str]:
    return SourceTypeChoices.values().index(source.type.value), source.name


def _is_behind(repository: GitRepository, versions: set[str]) -> bool:
    return bool(versions and repository.current_head and versions != {repository.current_head})
