"""What a reconcile changed in one line, with the first jobs by name: for lists, which do not read all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nautobot_job_registry.engine.text import visible_text
from nautobot_job_registry.history.sentences import Entry, Group, facets, group_of, one_or_many, subject

NAMED: Final = 2
MISSING: Final = "missing"
UNLOADABLE: Final = "unloadable"
NEEDS_NO_NAMES: Final = "refreshed"
# What is said of the jobs of each group, in the order in which it is said.
SAID: Final = {
    "load_errors": "cannot be loaded: {}",
    "misfits": "schedules of {} will fail",
    "uninstalled": "removed {}",
    MISSING: "missing for now: {}",
    UNLOADABLE: "cannot be loaded for now: {}",
    "suspended": "schedules, hooks or buttons of {} switched off",
    "restored": "schedules, hooks or buttons of {} switched on again",
    "returned": "restored {}",
    "registered": "new: {}",
    "adopted": "moved or renamed: {}",
    "relinked": "linked again: {}",
    "changed": "changed {}",
    "drifted": "overrides of {} drifted, or in step again",
    "overrides_ended": "overrides of {} ended",
    "resolved": "fixed {}",
}


def summary_with_names(changes: Iterable[Entry]) -> str:
    """Return what the entries of `Reconciliation.changes` tell of, kind by kind, with two jobs of each by name.

    Args:
        changes: The entries; none give an empty text.
    """
    subjects: dict[str, dict[str, None]] = {}
    for entry in facets(changes):
        subjects.setdefault(_kind(entry, group_of(entry)), {})[subject(entry)] = None
    if "load_errors" in subjects:
        # What cannot be loaded is named already.
        subjects.pop(UNLOADABLE, None)
    told = [text.format(_names(list(subjects[kind]))) for kind, text in SAID.items() if kind in subjects]
    moved = len(subjects.get(NEEDS_NO_NAMES, ()))
    if moved:
        told.append(one_or_many(moved, "version moved for {} job", "version moved for {} jobs"))
    line = visible_text("; ".join(told))
    return f"{line[:1].upper()}{line[1:]}"


def _kind(entry: Entry, group: Group) -> str:
    if group.key != "uninstalled" or entry.get("absence") == "removed":
        return group.key
    return UNLOADABLE if entry.get("absence") == "load_error" else MISSING


def _names(found: list[str]) -> str:
    more = len(found) - NAMED
    if more > 0:
        return f"{', '.join(found[:NAMED])} and {more} more"
    return " and ".join(found)
