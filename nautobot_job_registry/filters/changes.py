"""Filters by what a reconcile changed: on which job, from which source, of which kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db.models import Q

from nautobot_job_registry.engine.text import storable_text
from nautobot_job_registry.history import sentences

NAMES = ("job", "source", "kind")
# How many each job has: see `_subjects`.
SUBJECTS = 3
MAX_PATTERNS = 500
TOO_WIDE = "Ask for fewer jobs, sources and kinds at once: their combinations are too many."


@dataclass(frozen=True)
class WantedChanges:
    """Which changes are asked for: those of any of the jobs, any of the sources, and any of the kinds.

    Attributes:
        jobs: Class paths; load errors of the class and of its module are of the job, too.
        sources: Labels of sources, such as `git:SLUG`.
        kinds: Keys of `sentences.GROUPS`.
    """

    jobs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> WantedChanges:
        """Return what the values of the filters `job`, `source` and `kind` ask for."""
        values = (dict.fromkeys(map(storable_text, data.get(name) or ())) for name in NAMES)
        return cls(*(tuple(wanted) for wanted in values))

    def __bool__(self) -> bool:
        """Say whether anything is asked for."""
        return bool(self.jobs or self.sources or self.kinds)

    @property
    def is_too_wide(self) -> bool:
        """Say whether it asks for so many combinations that the database would be busy with it."""
        kinds = sum(len(group.patterns) for group in sentences.GROUPS if group.key in self.kinds)
        return SUBJECTS * max(len(self.jobs), 1) * max(len(self.sources), 1) * max(kinds, 1) > MAX_PATTERNS

    @property
    def patterns(self) -> list[dict[str, Any]]:
        """What an entry of `Reconciliation.changes` may hold to be among those that are wanted."""
        subjects = [subject for job in self.jobs for subject in _subjects(job)] or [{}]
        sources = [{"source": source} for source in self.sources] or [{}]
        kinds = [found for group in sentences.GROUPS if group.key in self.kinds for found in group.patterns] or [{}]
        return [{**a, **b, **c} for a, b, c in product(subjects, sources, kinds)]

    def query(self) -> Q:
        """Return the query for the reconciliations that have such a change."""
        return Q(*(("changes__contains", [pattern]) for pattern in self.patterns), _connector=Q.OR)

    def among(self, changes: Iterable[sentences.Entry]) -> list[sentences.Entry]:
        """Return what the wanted entries tell of, in their order, as far as it is of a wanted kind."""
        names = {name for job in self.jobs for subject in _subjects(job) for name in subject.items()}
        return [
            entry
            for entry in sentences.facets(changes)
            if (not names or not names.isdisjoint((name, entry.get(name)) for name in ("job", "load_error")))
            and (not self.sources or entry.get("source") in self.sources)
            and (not self.kinds or sentences.group_of(entry).key in self.kinds)
        ]


def _subjects(job: str) -> list[dict[str, str]]:
    module_name = job.rpartition(".")[0]
    errors = [{"load_error": name} for name in (job, module_name) if name]
    return [{"job": job}, *errors]
