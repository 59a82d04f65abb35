"""How far a source could be loaded, before its classes are read (rules 2 and 3)."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from git import Repo
from nautobot.extras.models import GitRepository

from nautobot_job_registry.engine.descriptor import LoadFailure, ScanStatus, Source, SourceType
from nautobot_job_registry.sources import files as source_files
from nautobot_job_registry.sources import loaded_code
from nautobot_job_registry.sources.origins import Repositories, real_folder
from nautobot_job_registry.sources.outdated import OutdatedProcessError

logger = logging.getLogger(__name__)


class RepositoryUnavailableError(Exception):
    """The clone of a Git repository is missing or not at the commit that Nautobot expects."""


class JobsModuleMissingError(Exception):
    """A Git repository that should provide jobs has no `jobs` module that Nautobot can find."""


@dataclass(frozen=True)
class Examination:
    """How far a source could be loaded, before its classes are read."""

    status: ScanStatus = ScanStatus.COMPLETE
    version: str = ""
    git_repository_id: UUID | None = None
    failures: tuple[LoadFailure, ...] = ()
    is_empty: bool = False
    is_outdated: bool = False


def examine(source: Source, repositories: Repositories, old: Mapping[str, tuple[str, str]]) -> Examination:
    """Find out how far a source could be loaded, and load on its own what core gave up on.

    Args:
        source: The source.
        repositories: The Git repositories that provide jobs.
        old: The packages of which this process has loaded other code than is on the disk; for each of them a file that
            has changed, and what there is to say.
    """
    if source.type is SourceType.GIT:
        return _examine_repository(source, repositories[source.name])
    if source.type is SourceType.LOCAL:
        return _examine_local(source)
    is_app = source.type is SourceType.APP
    found = Examination(version=(apps.get_app_config(source.name).version or "") if is_app else settings.VERSION)
    return _outdated(found, source, *old[source.name]) if source.name in old else found


def _outdated(found: Examination, source: Source, file: str, told: str) -> Examination:
    logger.warning("%s", told)
    error = OutdatedProcessError(told)
    failure = source_files.describe_failure(error, source, found.version, source.name, None)
    return replace(found, status=ScanStatus.UNAVAILABLE, is_outdated=True, failures=(replace(failure, file_path=file),))


def _examine_local(source: Source) -> Examination:
    folder = real_folder(settings.JOBS_ROOT)
    try:
        os.listdir(folder)
    except OSError:
        # It is not mounted, or may not be read now.
        return Examination(ScanStatus.UNAVAILABLE)
    unreadable = source_files.unreadable_packages(folder)
    names = source_files.module_names(folder)
    found = Examination(is_empty=not names and not unreadable)
    return _load_missing(source, folder, names, found, unreadable)


def _examine_repository(source: Source, repository: GitRepository) -> Examination:
    clone, jobs = real_folder(repository.filesystem_path), f"{repository.slug}.jobs"
    found = Examination(version=repository.current_head, git_repository_id=repository.pk)
    try:
        # A repository that was never synced well has no commit that Nautobot expects: what was read is named.
        found = replace(found, version=_checked_head(repository, clone))
    except RepositoryUnavailableError as error:
        return _failed(found, source, repository.slug, error, ScanStatus.UNAVAILABLE)
    try:
        _check_jobs_module(repository, clone)
    except JobsModuleMissingError as error:
        return _failed(found, source, jobs, error, ScanStatus.FAILED)
    names = [
        name for name in source_files.module_names(clone, f"{repository.slug}.") if f"{name}.".startswith(f"{jobs}.")
    ]
    unreadable = source_files.unreadable_packages(clone / "jobs", f"{jobs}.")
    return _load_missing(source, real_folder(settings.GIT_ROOT), [repository.slug, *names], found, unreadable)


def _failed(found: Examination, source: Source, module_name: str, error: Exception, status: ScanStatus) -> Examination:
    failure = source_files.describe_failure(error, source, found.version, module_name, None)
    return Examination(status, found.version, found.git_repository_id, (failure,))


def _checked_head(repository: GitRepository, clone: Path) -> str:
    """Return the commit of a clone, if it is the one that Nautobot expects."""
    try:
        with Repo(clone) as repo:
            head = str(repo.rev_parse("HEAD"))
    except source_files.UNUSABLE_CLONE as error:
        raise RepositoryUnavailableError(
            f"There is no usable clone of the repository at {clone}: it could not be fetched. Sync it to see why."
        ) from error
    if repository.current_head and head != repository.current_head:
        raise RepositoryUnavailableError(
            f"The clone at {clone} is at commit {head}, and Nautobot expects {repository.current_head}: "
            "it could not be fetched here. Sync the repository to see why."
        )
    return head


def _check_jobs_module(repository: GitRepository, clone: Path) -> None:
    if not ((clone / "jobs").is_dir() or (clone / "jobs.py").is_file()):
        raise JobsModuleMissingError(
            "The repository is said to provide jobs, and has no `jobs` package or `jobs.py` in its root. "
            "Add one, or take jobs out of what the repository provides."
        )
    if not (clone / "__init__.py").is_file():
        raise JobsModuleMissingError(
            f"The repository has no `__init__.py` in its root, so that Nautobot cannot find `{repository.slug}.jobs`."
        )
    if not ((clone / "jobs" / "__init__.py").is_file() or (clone / "jobs.py").is_file()):
        raise JobsModuleMissingError("The folder `jobs` has no `__init__.py`, so that Nautobot cannot import it.")


def _load_missing(
    source: Source, folder: Path, names: list[str], found: Examination, unreadable: Mapping[str, OSError]
) -> Examination:
    """Load each module on its own that core gave up on because another one had failed (rule 2)."""
    failures = [
        source_files.describe_failure(error, source, found.version, name, folder) for name, error in unreadable.items()
    ]
    broken = set(unreadable)
    with source_files.importable_from(folder):
        for name in names:
            # What is in a broken package cannot be run: only what is wrong with its own text can be told of it.
            is_in_broken = any(name.startswith(f"{package}.") for package in broken)
            error = source_files.text_failure(name, folder) if is_in_broken else _load(name, folder)
            if error is not None:
                broken.add(name)
                failures.append(source_files.describe_failure(error, source, found.version, name, folder))
    status = ScanStatus.FAILED if failures else ScanStatus.COMPLETE
    return replace(found, status=status, failures=tuple(failures))


def _load(name: str, folder: Path) -> BaseException | None:
    """Load one module and return what it raised; one that ends the process has failed like any other.

    In a transaction, as that of a Git sync, a module whose SQL fails spoils it for itself alone.
    """
    if loaded_code.is_half_loaded(name):
        del sys.modules[name]
    try:
        is_run = connection.in_atomic_block and name not in sys.modules
        with transaction.atomic() if is_run else nullcontext():
            source_files.load_module(name, folder)
    except BaseException as error:
        if source_files.is_interrupt(error):
            raise
        return error
    return None
