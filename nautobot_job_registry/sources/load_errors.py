"""Failures and known load errors in, what is to be done to the load errors out (rules 2 and 12)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.descriptor import Discovery, LoadFailure, ScanStatus, Source, SourceType
from nautobot_job_registry.engine.fields import shorten
from nautobot_job_registry.engine.records import ErrorRecord

# What a message may say otherwise each time that the same thing goes wrong: UUIDs, memory addresses, names that
# `tempfile` makes, random hexadecimal numbers, and any other numbers.
VOLATILE: Final = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|0x[0-9a-f]+"
    r"|\b(?-i:tmp[a-z0-9_]{8})\b"
    r"|(?<![0-9a-z])[0-9a-f]{8,}(?![0-9a-z])"
    r"|[0-9]+",
    re.IGNORECASE,
)

ErrorKey = tuple[str, str, str, str]
# Author and subject of a commit.
Commit = tuple[str, str]


class ErrorActionKind(str, Enum):
    """What is done to a load error; one is only confirmed where a Git sync was rejected."""

    OPEN = "open"
    UPDATE = "update"
    CONFIRM = "confirm"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class ErrorAction:
    """What is to be done to one load error.

    Attributes:
        kind: What it amounts to.
        failure: What was found, or None where the error is gone.
        error_id: The primary key of the error's row, or None where it is to be made.
        label: The dotted name of the module or class.
        source: The label of its source.
    """

    kind: ErrorActionKind
    failure: LoadFailure | None = None
    error_id: UUID | None = None
    label: str = ""
    source: str = ""


def error_actions(discovery: Discovery, known: Mapping[ErrorKey, ErrorRecord]) -> Iterator[ErrorAction]:
    """Yield what a reconcile does to the load errors, in a fixed order.

    Args:
        discovery: What the sources in scope said.
        known: The errors that are open, by their key.
    """
    failures = {failure.key: failure for failure in discovery.failures}
    # An error of a commit that is ahead says more than the same one of the commit that was read.
    ahead = {key for key, record in known.items() if _is_ahead(discovery, record)}
    yield from _found({key: failure for key, failure in failures.items() if key not in ahead}, known)
    for key in sorted(known.keys() - ahead):
        if key not in failures and _was_read(discovery, key[:2]):
            yield _action(ErrorActionKind.RESOLVE, key, None, known[key])


def with_authors(actions: Iterable[ErrorAction], authors: Mapping[ErrorKey, Commit]) -> tuple[ErrorAction, ...]:
    """Return what is done to load errors with author and subject of the last commit that touched the file of each.

    Args:
        actions: What is done to them.
        authors: Author and subject, by the key of the failure; what is not known stays empty.
    """
    return tuple(_with_author(action, authors) for action in actions)


def _with_author(action: ErrorAction, authors: Mapping[ErrorKey, Commit]) -> ErrorAction:
    if action.failure is None or action.failure.key not in authors:
        return action
    author, subject = authors[action.failure.key]
    return replace(action, failure=replace(action.failure, commit_author=author, commit_subject=subject))


def rejected_error_actions(
    failures: Iterable[LoadFailure],
    known: Mapping[ErrorKey, ErrorRecord],
    source: Source,
    effective_version: str,
    *,
    is_whole: bool = True,
) -> Iterator[ErrorAction]:
    """Yield what the rejected sync of a Git repository does to its load errors, in a fixed order (rule 12).

    An error that an earlier rejected commit had and this one has not is gone. One of the commit in effect stays; where
    there is none yet, all are of rejected ones.

    Args:
        failures: What could not be read of the rejected commit.
        known: The errors that are open, of any source, by their key.
        source: The repository.
        effective_version: The commit that stays in effect, or empty where there is none yet.
        is_whole: Whether all modules were looked at, so that what is not among the failures can be loaded.
    """
    found = {
        failure.key: replace(failure, effective_version=effective_version)
        for failure in failures
        if not (effective_version and _is_in_effect(failure, known.get(failure.key)))
    }
    yield from _found(found, known, confirm=True)
    for key in sorted(known) if is_whole else ():
        is_of_source = key[:2] == (source.type.value, source.name)
        is_of_rejected = known[key].effective_version or not effective_version
        if key not in found and is_of_source and is_of_rejected:
            yield _action(ErrorActionKind.RESOLVE, key, None, known[key])


def _is_in_effect(failure: LoadFailure, record: ErrorRecord | None) -> bool:
    """Say whether the commit in effect has an error already that a rejected one has, too: it is told as it is."""
    if record is None or record.effective_version:
        return False
    # The line may have moved.
    return all(told(failure) == told(record) for told in (_message, attrgetter("exception_type", "file_path")))


def _message(error: LoadFailure | ErrorRecord) -> str:
    """Return what an error says, without what it says otherwise each time."""
    return VOLATILE.sub("0", error.message)


def _found(
    failures: Mapping[ErrorKey, LoadFailure], known: Mapping[ErrorKey, ErrorRecord], *, confirm: bool = False
) -> Iterator[ErrorAction]:
    for key in sorted(failures):
        failure, record = failures[key], known.get(key)
        if record is None:
            yield _action(ErrorActionKind.OPEN, key, failure)
        elif _facts(failure) != _facts(record):
            yield _action(ErrorActionKind.UPDATE, key, failure, record)
        elif confirm:
            yield _action(ErrorActionKind.CONFIRM, key, failure, record)


def _action(
    kind: ErrorActionKind, key: ErrorKey, failure: LoadFailure | None, record: ErrorRecord | None = None
) -> ErrorAction:
    label = ".".join(part for part in key[2:] if part)
    source = Source(SourceType(key[0]), key[1]).label
    return ErrorAction(kind, failure, record.id if record else None, label, source)


def _facts(error: LoadFailure | ErrorRecord) -> tuple[Any, ...]:
    """Return what makes an error another one (rule 5): what its message says otherwise at each reading does not."""
    version = shorten("source_version", error.source_version)
    return version, error.effective_version, error.file_path, error.line, error.exception_type, _message(error)


def _was_read(discovery: Discovery, source: tuple[str, str]) -> bool:
    """Say whether a source was read, so that an error which it no longer shows is mended; a source that went is."""
    for scan in discovery.scans:
        if (scan.source.type.value, scan.source.name) == source:
            return scan.status is not ScanStatus.UNAVAILABLE
    scope = discovery.scope
    return scope is None or (scope.type.value, scope.name) == source


def _is_ahead(discovery: Discovery, error: ErrorRecord) -> bool:
    """Say whether an error is of a rejected commit, and what was read is still the commit before it (rule 12).

    A Git sync reads the latest commit that there is, so that nothing is ahead of it.
    """
    if not error.effective_version or discovery.is_latest:
        return False
    scan = discovery.by_source.get(Source(SourceType(error.key[0]), error.key[1]))
    return scan is not None and scan.version == error.effective_version
