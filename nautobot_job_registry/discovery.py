"""Nautobot's loaded job classes in, descriptors and load failures out (rules 1 to 4).

The only module that touches core's job registry, its lock and its import functions.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from git import Repo
from nautobot.core.celery import import_jobs
from nautobot.extras import registry as core_registry
from nautobot.extras.models import GitRepository

from nautobot_job_registry import describe, loaded_code, source_files
from nautobot_job_registry.engine.descriptor import (
    Discovery,
    JobDescriptor,
    LoadFailure,
    ScanStatus,
    Source,
    SourceScan,
    SourceText,
    SourceType,
)
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.records import JobKey

logger = logging.getLogger(__name__)

SYSTEM = Source(SourceType.SYSTEM, "nautobot")
LOCAL = Source(SourceType.LOCAL, "JOBS_ROOT")

# Nautobot has the lock since 3.1; before that, nothing guards the registry.
_jobs_lock = getattr(core_registry, "registry_jobs_lock", None) or threading.RLock()


class RepositoryUnavailableError(Exception):
    """The clone of a Git repository is missing or not at the commit that Nautobot expects."""


class JobsModuleMissingError(Exception):
    """A Git repository that should provide jobs has no `jobs` module that Nautobot can find."""


class JobDroppedError(Exception):
    """A job that an app registered was dropped again by Nautobot's reload of `JOBS_ROOT`."""


class SameNameError(Exception):
    """Two classes that Nautobot has registered have one module and one name, so that it has one record for both."""


class BothReceiversError(TypeError):
    """A class inherits from both receivers, so that Nautobot makes no record of it and cannot run it."""


Repositories = Mapping[str, GitRepository]


@dataclass(frozen=True)
class _Examination:
    """How far a source could be loaded, before its classes are read."""

    status: ScanStatus = ScanStatus.COMPLETE
    version: str = ""
    git_repository_id: UUID | None = None
    failures: tuple[LoadFailure, ...] = ()


def discover(scope: str | None = None, *, reload: bool = True) -> Discovery:
    """Read what all sources, or one of them, say about their jobs.

    Args:
        scope: The label of the only source to read (`system`, `local`, `app:NAME`, `git:SLUG`), or None for all.
        reload: Whether Nautobot's job code is loaded anew first. Not wanted where core has just done so.

    Returns:
        A scan for each source in scope.

    Raises:
        UnknownSourceError: If there is no such source.
    """
    with _jobs_lock:
        repositories = _reload_jobs() if reload else _job_repositories()
        sources = _sources(repositories)
        only = _parse_scope(scope, sources) if scope else None
        # All sources are examined before the first class is read, as that may load modules that core gave up on.
        examined = {source: _examine(source, repositories) for source in sources if only in (None, source)}
        classes = _classes_by_source(repositories)
        if only is None:
            examined.update({source: _Examination() for source in classes if source not in examined})
        scans = tuple(_scan(source, found, classes[source]) for source, found in examined.items())
    return Discovery(scans=scans, scope=only, git_slugs=frozenset(repositories))


def discover_nothing(slug: str) -> Discovery:
    """Return the discovery of a Git repository that provides no jobs any more: its source is gone."""
    return Discovery(scans=(), scope=Source(SourceType.GIT, slug))


def locate(found: Discovery, keys: Iterable[JobKey]) -> Discovery:
    """Return a discovery that says, too, where jobs that only core knows would come from, as far as they are in scope.

    Args:
        found: What the sources said.
        keys: Module and class names of the jobs.
    """
    wanted = list(keys)
    if not wanted:
        return found
    read = {descriptor.key for descriptor in found.descriptors}
    folders = _job_folders()
    origins = {key: _source_of(key[0].partition(".")[0], found.git_slugs, folders) for key in wanted if key not in read}
    in_scope = {key: source for key, source in origins.items() if found.scope in (None, source)}
    return replace(found, origins=in_scope)


def loaded_class(class_path: str) -> type | None:
    """Return a job class as this process has it loaded now, without loading anything."""
    return core_registry.registry["jobs"].get(class_path)


def loaded_name(class_path: str) -> str | None:
    """Return the name that a job class has as this process has it loaded now; None where it has none, or says none."""
    job_class = loaded_class(class_path)
    try:
        return None if job_class is None else str(job_class.name)
    except Exception:
        # A Meta of a wrong type is told as a load error; it does not keep anybody from saving core's row.
        return None


def loaded_classes() -> list[type]:
    """Return all job classes that this process has loaded."""
    with _jobs_lock:
        return list(core_registry.registry["jobs"].values())


def known_sources() -> tuple[str, ...]:
    """Return the labels of all sources of jobs that exist now."""
    return tuple(source.label for source in _sources(_job_repositories()))


def _job_repositories() -> dict[str, GitRepository]:
    repositories = GitRepository.objects.filter(provided_contents__contains="extras.job")
    return {repository.slug: repository for repository in repositories}


def _sources(repositories: Repositories) -> list[Source]:
    """Return all sources of jobs, in core's order of precedence."""
    found = [SYSTEM, *(Source(SourceType.APP, name) for name in settings.PLUGINS)]
    found += [Source(SourceType.GIT, slug) for slug in sorted(repositories)]
    return [*found, LOCAL] if settings.JOBS_ROOT else found


def _parse_scope(label: str, sources: list[Source]) -> Source:
    for source in sources:
        if source.label == label:
            return source
    raise UnknownSourceError(label, tuple(source.label for source in sources))


def _reload_jobs() -> Repositories:
    """Have core import all job code, with a number of statements that does not grow with the number of jobs.

    Core asks the database, for each class outside Nautobot and its apps, whether a Git repository provides it. The
    classes are therefore set aside first; those that core would have kept are put back after.

    Returns:
        The Git repositories that provide jobs, as the import left them.
    """
    jobs = core_registry.registry["jobs"]
    app_prefixes = tuple(f"{name}." for name in ("nautobot", *settings.PLUGINS))
    aside = {path: job_class for path, job_class in jobs.items() if not path.startswith(app_prefixes)}
    modules = {path: sys.modules.get(job_class.__module__) for path, job_class in aside.items()}
    for path in aside:
        del jobs[path]
    importlib.invalidate_caches()
    is_loaded = False
    repositories: Repositories = {}
    try:
        _import_jobs()
        repositories = _job_repositories()
        is_loaded = True
    finally:
        for path, job_class in aside.items():
            if path not in jobs and (not is_loaded or _is_kept(path, job_class, modules[path], repositories)):
                jobs[path] = job_class
    return repositories


def _is_kept(path: str, job_class: type, module: ModuleType | None, repositories: Repositories) -> bool:
    """Say whether core would have kept a class that it has not loaded anew.

    Of a Git repository those are left that core could not read again. Of other classes it lets go only where it finds
    the folder in which it looks for them; those of a repository that provides no jobs any more have no source at all.

    Args:
        path: The dotted path of the class.
        job_class: The class.
        module: Its module as it was before.
        repositories: The Git repositories that provide jobs.
    """
    if path.partition(".")[0] in repositories:
        return module is not None and sys.modules.get(job_class.__module__) is module
    if settings.JOBS_ROOT and os.path.isdir(settings.JOBS_ROOT):
        return False
    file = source_files.class_file(job_class)
    return not (settings.GIT_ROOT and source_files.is_below(file, _folder(settings.GIT_ROOT)))


def _import_jobs() -> None:
    before = sys.modules.copy()
    try:
        import_jobs()
    except SystemExit as error:
        # Core takes a module that ends the process for the end of it; each one is loaded on its own next (rule 2).
        logger.error("A job module would have ended the process: %r", error)
        if settings.JOBS_ROOT:
            _forget_jobs_root(before)


def _forget_jobs_root(modules: Mapping[str, ModuleType]) -> None:
    """Let go of what an import that came to an end left loaded: Nautobot 3.0 does when it comes to the module."""
    folder = _folder(settings.JOBS_ROOT)
    for name in source_files.module_names(folder):
        module = sys.modules.get(name)
        is_ours = source_files.is_below(getattr(module, "__file__", None), folder)
        if is_ours and module is modules.get(name):
            del sys.modules[name]


def _folder(path: str) -> Path:
    return Path(os.path.realpath(path))


def _examine(source: Source, repositories: Repositories) -> _Examination:
    if source.type is SourceType.SYSTEM:
        return _Examination(version=settings.VERSION)
    if source.type is SourceType.APP:
        return _examine_app(source)
    if source.type is SourceType.GIT:
        return _examine_repository(source, repositories[source.name])
    return _examine_local(source)


def _examine_app(source: Source) -> _Examination:
    app = apps.get_app_config(source.name)
    failures = tuple(_dropped_job(source, app.version, job_class) for job_class in _dropped_jobs(app))
    status = ScanStatus.FAILED if failures else ScanStatus.COMPLETE
    return _Examination(status, app.version or "", failures=failures)


def _dropped_jobs(app: Any) -> Iterator[type]:
    """Yield the jobs of an app that live outside its package and that core's reload of JOBS_ROOT has dropped."""
    for job_class in _listed_jobs(app):
        is_outside = not job_class.__module__.startswith(f"{app.name}.")
        if is_outside and job_class.class_path not in core_registry.registry["jobs"]:
            yield job_class


def _listed_jobs(app: Any) -> tuple[type, ...]:
    return tuple(getattr(app, "features", {}).get("jobs") or ())


def _dropped_job(source: Source, version: str, job_class: type) -> LoadFailure:
    error = JobDroppedError(
        f"The app registers this job from a module outside its package, and Nautobot dropped it when it reloaded "
        f"JOBS_ROOT. Move the class into the package {source.name!r}."
    )
    return source_files.describe_class_failure(error, source, version or "", job_class)


def _examine_local(source: Source) -> _Examination:
    folder = _folder(settings.JOBS_ROOT)
    try:
        os.listdir(folder)
    except OSError:
        # It is not mounted, or may not be read now.
        return _Examination(ScanStatus.UNAVAILABLE)
    unreadable = source_files.unreadable_packages(folder)
    return _load_missing(source, folder, source_files.module_names(folder), _Examination(), unreadable)


def _examine_repository(source: Source, repository: GitRepository) -> _Examination:
    clone, jobs = _folder(repository.filesystem_path), f"{repository.slug}.jobs"
    found = _Examination(version=repository.current_head, git_repository_id=repository.pk)
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
    return _load_missing(source, _folder(settings.GIT_ROOT), [repository.slug, *names], found, unreadable)


def _failed(
    found: _Examination, source: Source, module_name: str, error: Exception, status: ScanStatus
) -> _Examination:
    failure = source_files.describe_failure(error, source, found.version, module_name, None)
    return _Examination(status, found.version, found.git_repository_id, (failure,))


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
    source: Source, folder: Path, names: list[str], found: _Examination, unreadable: Mapping[str, OSError]
) -> _Examination:
    """Load each module on its own that core gave up on because another one had failed (rule 2)."""
    failures = [
        source_files.describe_failure(error, source, found.version, name, folder) for name, error in unreadable.items()
    ]
    with source_files.importable_from(folder):
        for name in names:
            error = _load(name, folder)
            if error is not None:
                failures.append(source_files.describe_failure(error, source, found.version, name, folder))
    status = ScanStatus.FAILED if failures else ScanStatus.COMPLETE
    return _Examination(status, found.version, found.git_repository_id, tuple(failures))


def _load(name: str, folder: Path) -> BaseException | None:
    """Load one module and return what it raised; one that ends the process has failed like any other."""
    if loaded_code.is_half_loaded(name):
        del sys.modules[name]
    try:
        source_files.load_module(name, folder)
    except (Exception, SystemExit) as error:
        return error
    return None


def _classes_by_source(repositories: Repositories) -> dict[Source, list[type]]:
    # By identity, as a class need not have a hash.
    registered_by = {
        id(job_class): name for name in settings.PLUGINS for job_class in _listed_jobs(apps.get_app_config(name))
    }
    by_root: dict[str, list[type]] = defaultdict(list)
    classes: dict[Source, list[type]] = defaultdict(list)
    for job_class in core_registry.registry["jobs"].values():
        if id(job_class) in registered_by:
            classes[Source(SourceType.APP, registered_by[id(job_class)])].append(job_class)
        else:
            by_root[str(job_class.__module__).partition(".")[0]].append(job_class)
    folders = _job_folders()
    for root, found in by_root.items():
        classes[_source_of(root, repositories, folders)].extend(found)
    return classes


def _job_folders() -> tuple[Path, ...]:
    """Return the folders that hold the modules of jobs outside of installed packages."""
    return tuple(_folder(path) for path in (settings.JOBS_ROOT, settings.GIT_ROOT) if path)


def _source_of(root: str, git_slugs: Container[str], folders: Iterable[Path]) -> Source:
    """Return the source that a top-level module belongs to by its name, in core's order of precedence."""
    if root == SYSTEM.name:
        return SYSTEM
    if root in settings.PLUGINS:
        return Source(SourceType.APP, root)
    if root in git_slugs:
        return Source(SourceType.GIT, root)
    return Source(SourceType.APP, root) if _is_installed_package(root, folders) else LOCAL


def _is_installed_package(name: str, folders: Iterable[Path]) -> bool:
    origin = _origin(name)
    return origin is not None and not any(source_files.is_below(origin, folder) for folder in folders)


def _origin(name: str) -> str | None:
    """Return the file of a top-level module, loaded or not."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None


def _scan(source: Source, found: _Examination, classes: list[type]) -> SourceScan:
    failures = list(found.failures)
    descriptors: dict[JobKey, JobDescriptor] = {}
    if found.status is not ScanStatus.UNAVAILABLE:
        texts: dict[str | None, SourceText] = {}
        for job_class in classes:
            descriptor, problem = _read_class(job_class, source, found.version, texts)
            if descriptor and descriptor.key in descriptors:
                problem = _same_name(descriptor, job_class)
            if descriptor:
                # As in core's own refresh, what is read last counts.
                descriptors[descriptor.key] = descriptor
            if problem:
                failures.append(problem)
    read = tuple(descriptors.values())
    return SourceScan(source, found.status, found.version, found.git_repository_id, read, tuple(failures))


def _read_class(
    job_class: type, source: Source, version: str, texts: dict[str | None, SourceText]
) -> tuple[JobDescriptor | None, LoadFailure | None]:
    try:
        path = source_files.class_file(job_class)
        if path not in texts:
            texts[path] = source_files.module_text(path)
        descriptor = describe.describe(job_class, source, version, texts[path])
        flaw = _flaw(descriptor, job_class)
    except (Exception, SystemExit) as error:
        return None, source_files.describe_class_failure(error, source, version, job_class)
    return descriptor, source_files.describe_class_failure(flaw, source, version, job_class) if flaw else None


def _flaw(descriptor: JobDescriptor, job_class: type) -> Exception | None:
    """Return what is wrong with a class that can be read nevertheless."""
    if descriptor.metadata["is_job_hook_receiver"] and descriptor.metadata["is_job_button_receiver"]:
        return BothReceiversError(
            "The class inherits from both JobHookReceiver and JobButtonReceiver: Nautobot refuses to run it. "
            "Inherit one."
        )
    return describe.declaration_problem(job_class)


def _same_name(descriptor: JobDescriptor, job_class: type) -> LoadFailure:
    error = SameNameError(
        f"Nautobot has registered two classes as {descriptor.class_path}, and has one record for both: "
        "the one that was registered last is what is shown. Give each class a name of its own."
    )
    return source_files.describe_class_failure(error, descriptor.source, descriptor.source_version, job_class)
