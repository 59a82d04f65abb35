"""How far a source could be loaded, before its classes are read (rules 2 and 3)."""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from git import Repo
from nautobot.extras.models import GitRepository

from nautobot_job_registry.engine.descriptor import LoadFailure, ScanStatus, Source, SourceType
from nautobot_job_registry.sources import files as source_files
from nautobot_job_registry.sources import loaded_code
from nautobot_job_registry.sources.origins import Repositories, listed_jobs, real_folder

if TYPE_CHECKING:
    from nautobot.apps.jobs import Job


class RepositoryUnavailableError(Exception):
    """The clone of a Git repository is missing or not at the commit that Nautobot expects."""


class JobsModuleMissingError(Exception):
    """A Git repository that should provide jobs has no `jobs` module that Nautobot can find."""


class JobDroppedError(Exception):
    """A job that an app registered was dropped again by Nautobot's reload of `JOBS_ROOT`."""


@dataclass(frozen=True)
class Examination:
    """How far a source could be loaded, before its classes are read."""

    status: ScanStatus = ScanStatus.COMPLETE
    version: str = ""
    git_repository_id: UUID | None = None
    failures: tuple[LoadFailure, ...] = ()


def examine(source: Source, repositories: Repositories, registered: Container[str]) -> Examination:
    """Find out how far a source could be loaded, and load on its own what core gave up on.

    Args:
        source: The source.
        repositories: The Git repositories that provide jobs.
        registered: The class paths of the jobs that Nautobot has loaded.
    """
    if source.type is SourceType.SYSTEM:
        return Examination(version=settings.VERSION)
    if source.type is SourceType.APP:
        return _examine_app(source, registered)
    if source.type is SourceType.GIT:
        return _examine_repository(source, repositories[source.name])
    return _examine_local(source)


def _examine_app(source: Source, registered: Container[str]) -> Examination:
    app = apps.get_app_config(source.name)
    failures = tuple(_dropped_job(source, app.version, job_class) for job_class in _dropped_jobs(app, registered))
    status = ScanStatus.FAILED if failures else ScanStatus.COMPLETE
    return Examination(status, app.version or "", failures=failures)


def _dropped_jobs(app: Any, registered: Container[str]) -> Iterator[type[Job]]:
    """Yield the jobs of an app that live outside its package and that core's reload of JOBS_ROOT has dropped."""
    for job_class in listed_jobs(app):
        is_outside = not job_class.__module__.startswith(f"{app.name}.")
        if is_outside and job_class.class_path not in registered:
            yield job_class


def _dropped_job(source: Source, version: str, job_class: type) -> LoadFailure:
    error = JobDroppedError(
        f"The app registers this job from a module outside its package, and Nautobot dropped it when it reloaded "
        f"JOBS_ROOT. Move the class into the package {source.name!r}."
    )
    return source_files.describe_class_failure(error, source, version or "", job_class)


def _examine_local(source: Source) -> Examination:
    folder = real_folder(settings.JOBS_ROOT)
    try:
        os.listdir(folder)
    except OSError:
        # It is not mounted, or may not be read now.
        return Examination(ScanStatus.UNAVAILABLE)
    unreadable = source_files.unreadable_packages(folder)
    return _load_missing(source, folder, source_files.module_names(folder), Examination(), unreadable)


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
    return Examination(status, found.version, found.git_repository_id, tuple(failures))


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
