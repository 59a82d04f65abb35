"""What the sources say about jobs, as frozen data (rules 1 to 4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from nautobot_job_registry.engine.fields import COLUMN_LENGTHS
from nautobot_job_registry.engine.text import decoded, storable_text


class SourceType(str, Enum):
    """Where the code of a job comes from."""

    SYSTEM = "system"
    APP = "app"
    GIT = "git"
    LOCAL = "local"


class ScanStatus(str, Enum):
    """How much of a source could be read (rule 3)."""

    COMPLETE = "complete"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class Absence(str, Enum):
    """Why a job that was known is not installed now; only a removal is final (rule 3)."""

    REMOVED = "removed"
    LOAD_ERROR = "load_error"
    UNCONFIRMED = "unconfirmed"
    SOURCE_UNAVAILABLE = "source_unavailable"


class Registrar(str, Enum):
    """What is known of the file that registered a job which is not there now."""

    LOADED = "loaded"
    BROKEN = "broken"
    GONE = "gone"
    OUT_OF_REACH = "out_of_reach"


@dataclass(frozen=True, order=True)
class Source:
    """One source of jobs: Nautobot itself, an installed app, a Git repository, or `JOBS_ROOT`."""

    type: SourceType
    name: str

    @property
    def label(self) -> str:
        """The source as the command line names it: `system`, `local`, `app:NAME` or `git:SLUG`."""
        if self.type in (SourceType.SYSTEM, SourceType.LOCAL):
            return str(self.type.value)
        return f"{self.type.value}:{self.name}"


# Metadata are made anew for each class, and hold nothing that holds itself.
_canonical_json: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode


def digest(text: str) -> str:
    """Return the SHA-256 of a text, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def identity(column: str, value: str) -> str:
    """Return a module or class name that fits its column and stays unique (rule 4).

    A name that fits is kept. A longer one keeps its beginning and ends in a digest of the whole.

    Args:
        column: `module_name` or `job_class_name`.
        value: The whole name.
    """
    length = COLUMN_LENGTHS[column]
    if len(value) <= length:
        return value
    return f"{value[: length - 13]}~{digest(value)[:12]}"


@dataclass(frozen=True)
class SourceText:
    """The text of a module, as its file holds it: hashed once for all the classes in it, decoded only to be stored.

    Attributes:
        content: The content of the file.
        is_text: Whether it is a text: a compiled module can come without the one that it was made from.
    """

    content: bytes = field(repr=False, default=b"")
    is_text: bool = True

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, as `sha256sum` tells it of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def text(self) -> str:
        """The content as a text that a database can store; empty where it is none."""
        return storable_text(decoded(self.content)) if self.is_text else ""


@dataclass(frozen=True)
class JobDescriptor:
    """What the source says about one job class.

    Attributes:
        module_name: The dotted name of the module, whole.
        job_class_name: The name of the class, whole.
        source: Where the class comes from.
        source_version: Version of Nautobot or of the app, commit of the repository, or empty.
        metadata: What goes into a revision: overridable values, flags, input variables.
        source_code: The text of the module of the class, shared by all the classes in it.
        registered_in: The file of the source that registers the class, relative to the source's folder; empty where it
            is one of an app or of Nautobot.
        is_runnable: Whether Nautobot has the class when it runs a job, and not we alone (rule 3).
        key: The identity of the record: module and class name, as the columns hold them.
        metadata_hash: SHA-256 of the metadata, whatever the order of their keys.
    """

    module_name: str
    job_class_name: str
    source: Source
    source_version: str
    metadata: Mapping[str, Any]
    source_code: SourceText = field(repr=False, default=SourceText())
    registered_in: str = field(repr=False, default="")
    is_runnable: bool = field(repr=False, default=True)
    key: tuple[str, str] = field(init=False, repr=False, compare=False)
    metadata_hash: str = field(init=False, repr=False, compare=False)

    @property
    def class_path(self) -> str:
        """The dotted path of the class."""
        return f"{self.module_name}.{self.job_class_name}"

    def __post_init__(self) -> None:
        """Compute what is asked for of every class, while what it is made from is at hand."""
        key = identity("module_name", self.module_name), identity("job_class_name", self.job_class_name)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "metadata_hash", digest(_canonical_json(self.metadata)))

    @property
    def source_hash(self) -> str:
        """SHA-256 of the text of the module."""
        return self.source_code.hash


@dataclass(frozen=True)
class LoadFailure:
    """A module, or a class in it, that could not be read (rule 2).

    Attributes:
        source: The source that holds the module.
        source_version: Version or commit of the source in which the failure is.
        module_name: The dotted name of the module.
        job_class_name: The name of the class, or empty where the module itself could not be loaded.
        file_path: The file in which the error was raised.
        line: The line in which it was raised, if that is known.
        exception_type: The class of the exception.
        message: What the exception says.
        traceback: Where it was raised and through which calls.
        effective_version: The commit that stayed in effect, where the one of the failure was rejected (rule 12).
        commit_author: Who made the last commit that touched the file, where that was asked.
        commit_subject: The first line of the message of that commit.
        still_runs: Whether any job of the source can be run from the commit that stayed in effect.
    """

    source: Source
    source_version: str
    module_name: str
    job_class_name: str
    file_path: str
    line: int | None
    exception_type: str
    message: str
    traceback: str
    effective_version: str = ""
    commit_author: str = ""
    commit_subject: str = ""
    still_runs: bool = True

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What the failure is about: source, module and class."""
        return (
            self.source.type.value,
            self.source.name,
            identity("module_name", self.module_name),
            identity("job_class_name", self.job_class_name),
        )


@dataclass(frozen=True)
class SourceScan:
    """What one source said when it was read.

    Attributes:
        source: The source.
        status: Whether all of it could be read.
        version: Version of the source, as in `JobDescriptor.source_version`.
        git_repository_id: The primary key of the Git repository, where the source is one.
        descriptors: One for each job class that was read.
        failures: One for each module or class that was not.
        is_empty: Whether there is no module at all in the folder of the source.
        is_outdated: Whether the process has loaded other code than is on the disk, so that it does not speak for the
            source: nothing that is known of it is changed.
        outdated: The keys of single classes of which that is so.
    """

    source: Source
    status: ScanStatus
    version: str = ""
    git_repository_id: UUID | None = None
    descriptors: tuple[JobDescriptor, ...] = ()
    failures: tuple[LoadFailure, ...] = ()
    is_empty: bool = False
    is_outdated: bool = False
    outdated: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Discovery:
    """What all sources in scope said.

    Attributes:
        scans: One for each source that exists now and is in scope.
        scope: The one source that was read, or None where all of them were.
        git_slugs: The slugs of all Git repositories that provide jobs, in scope or not.
        is_latest: Whether what was read is known to be the latest that there is, as in a Git sync.
        origins: Where each job that only core knows would come from, by its key.
        registrars: What is known of the file that registered each job which is not there, where it was asked.
        confirms_empty: Whether a person says that an empty folder is meant to be empty.
    """

    scans: tuple[SourceScan, ...]
    scope: Source | None = None
    git_slugs: frozenset[str] = frozenset()
    is_latest: bool = False
    origins: Mapping[tuple[str, str], Source] = field(default_factory=dict)
    registrars: Mapping[tuple[str, str], Registrar] = field(default_factory=dict)
    confirms_empty: bool = False

    @cached_property
    def by_source(self) -> dict[Source, SourceScan]:
        """The scans by their source."""
        return {scan.source: scan for scan in self.scans}

    @property
    def descriptors(self) -> tuple[JobDescriptor, ...]:
        """The descriptors of all scans."""
        return tuple(descriptor for scan in self.scans for descriptor in scan.descriptors)

    @property
    def failures(self) -> tuple[LoadFailure, ...]:
        """The failures of all scans."""
        return tuple(failure for scan in self.scans for failure in scan.failures)

    @cached_property
    def declaring(self) -> tuple[JobDescriptor, ...]:
        """The descriptors of the classes that say what they have been before (rule 21)."""
        return tuple(item for item in self.descriptors if item.metadata.get("previous_class_paths"))

    @cached_property
    def failed_classes(self) -> frozenset[tuple[str, str]]:
        """The keys of the classes that could not be read, though their module could."""
        return frozenset(failure.key[2:] for failure in self.failures if failure.job_class_name)
