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
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from django.conf import settings
from nautobot.core.celery import import_jobs
from nautobot.extras import registry as core_registry
from nautobot.extras.models import GitRepository

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
from nautobot_job_registry.engine.errors import DescriptorError
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.sources import describe
from nautobot_job_registry.sources import files as source_files
from nautobot_job_registry.sources.examining import Examination, examine
from nautobot_job_registry.sources.origins import (
    Repositories,
    all_sources,
    classes_by_source,
    job_folders,
    real_folder,
    source_of_label,
)

if TYPE_CHECKING:
    from nautobot.apps.jobs import Job

logger = logging.getLogger(__name__)

NO_CLASS = (
    "`register_jobs()` was given an object in place of a class. `nautobot-server migrate` of Nautobot itself ends with "
    "an error as long as it is: give it the class."
)
BOTH_RECEIVERS = (
    "The class inherits from both JobHookReceiver and JobButtonReceiver: Nautobot refuses to run it. Inherit one."
)
# Nautobot has the lock since 3.1; before that, nothing guards the registry.
_jobs_lock = getattr(core_registry, "registry_jobs_lock", None) or threading.RLock()


class SameNameError(Exception):
    """Two classes that Nautobot has registered have one module and one name, so that it has one record for both."""


class NotAClassError(TypeError):
    """What was registered as a job is no class, so that Nautobot cannot run it."""


class BothReceiversError(TypeError):
    """A class inherits from both receivers, so that Nautobot makes no record of it and cannot run it."""


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
        sources = all_sources(repositories)
        only = source_of_label(scope, sources) if scope else None
        # All sources are examined before the first class is read, as that may load modules that core gave up on.
        examined = {
            source: examine(source, repositories, core_registry.registry["jobs"])
            for source in sources
            if only in (None, source)
        }
        classes = classes_by_source(core_registry.registry["jobs"].values(), repositories)
        if only is None:
            examined.update({source: Examination() for source in classes if source not in examined})
        scans = tuple(_scan(source, found, classes[source]) for source, found in examined.items())
    return Discovery(scans=scans, scope=only, git_slugs=frozenset(repositories))


def discover_nothing(slug: str) -> Discovery:
    """Return the discovery of a Git repository that provides no jobs any more: its source is gone."""
    return Discovery(scans=(), scope=Source(SourceType.GIT, slug))


def loaded_class(class_path: str) -> type[Job] | None:
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


def loaded_classes() -> list[type[Job]]:
    """Return all job classes that this process has loaded."""
    with _jobs_lock:
        return [job_class for job_class in core_registry.registry["jobs"].values() if isinstance(job_class, type)]


def known_sources() -> tuple[str, ...]:
    """Return the labels of all sources of jobs that exist now."""
    return tuple(source.label for source in all_sources(_job_repositories()))


def _job_repositories() -> dict[str, GitRepository]:
    repositories = GitRepository.objects.filter(provided_contents__contains="extras.job")
    return {repository.slug: repository for repository in repositories}


def _reload_jobs() -> Repositories:
    """Have core import all job code, with a number of statements that does not grow with the number of jobs.

    Core asks the database, for each class outside Nautobot and its apps, whether a Git repository provides it. The
    classes are therefore set aside first; those that core would have kept are put back after.

    Returns:
        The Git repositories that provide jobs, as the import left them.
    """
    jobs = core_registry.registry["jobs"]
    for path in [path for path in jobs if not isinstance(path, str)]:
        # Core takes each path for a text as it imports, and comes to an end at one that is none; its file is read anew.
        del jobs[path]
    app_prefixes = tuple(f"{name}." for name in ("nautobot", *settings.PLUGINS))
    aside = {path: job_class for path, job_class in jobs.items() if not path.startswith(app_prefixes)}
    modules = {path: sys.modules.get(job_class.__module__) for path, job_class in aside.items()}
    for path in aside:
        del jobs[path]
    importlib.invalidate_caches()
    source_files.forget_replaced_modules(job_folders())
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
    return not (settings.GIT_ROOT and source_files.is_below(file, real_folder(settings.GIT_ROOT)))


def _import_jobs() -> None:
    before = sys.modules.copy()
    try:
        import_jobs()
    except BaseException as error:
        if isinstance(error, Exception) or source_files.is_interrupt(error):
            raise
        # Core takes a module that ends the process for the end of it; each one is loaded on its own next (rule 2).
        logger.error("A job module would have ended the process with %s.", type(error).__name__)
        if settings.JOBS_ROOT:
            _forget_jobs_root(before)


def _forget_jobs_root(modules: Mapping[str, ModuleType]) -> None:
    """Let go of what an import that came to an end left loaded: Nautobot 3.0 does when it comes to the module."""
    folder = real_folder(settings.JOBS_ROOT)
    for name in source_files.module_names(folder):
        module = sys.modules.get(name)
        is_ours = source_files.is_below(source_files.file_of(module), folder)
        if is_ours and module is modules.get(name):
            del sys.modules[name]


def _scan(source: Source, found: Examination, classes: list[type]) -> SourceScan:
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
    if not isinstance(job_class, type):
        return None, source_files.describe_class_failure(NotAClassError(NO_CLASS), source, version, type(job_class))
    try:
        path = source_files.class_file(job_class)
        if path not in texts:
            texts[path] = source_files.module_text(path)
        descriptor, flaws = describe.describe_class(job_class, source, version, texts[path])
    except BaseException as error:
        if source_files.is_interrupt(error):
            raise
        return None, source_files.describe_class_failure(error, source, version, job_class)
    flaw = _flaw(descriptor, flaws)
    return descriptor, source_files.describe_class_failure(flaw, source, version, job_class) if flaw else None


def _flaw(descriptor: JobDescriptor, flaws: Sequence[str]) -> Exception | None:
    """Return what is wrong with a class that can be read nevertheless."""
    if descriptor.metadata["is_job_hook_receiver"] and descriptor.metadata["is_job_button_receiver"]:
        return BothReceiversError(" ".join((BOTH_RECEIVERS, *flaws)))
    return DescriptorError(" ".join(flaws)) if flaws else None


def _same_name(descriptor: JobDescriptor, job_class: type) -> LoadFailure:
    error = SameNameError(
        f"Nautobot has registered two classes as {descriptor.class_path}, and has one record for both: "
        "the one that was registered last is what is shown. Give each class a name of its own."
    )
    return source_files.describe_class_failure(error, descriptor.source, descriptor.source_version, job_class)
