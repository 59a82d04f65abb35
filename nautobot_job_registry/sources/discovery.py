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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

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
    identity,
)
from nautobot_job_registry.engine.errors import DescriptorError
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.engine.text import storable_text
from nautobot_job_registry.sources import describe, outdated, registering
from nautobot_job_registry.sources import files as source_files
from nautobot_job_registry.sources.examining import Examination, examine
from nautobot_job_registry.sources.origins import LOCAL, Repositories, Roots, all_sources, real_folder, source_of_label
from nautobot_job_registry.sources.runnable import Placed, place

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


def discover(scope: str | None = None, *, reload: bool = True, confirm_empty: bool = False) -> Discovery:
    """Read what all sources, or one of them, say about their jobs.

    Args:
        scope: The label of the only source to read (`system`, `local`, `app:NAME`, `git:SLUG`), or None for all.
        reload: Whether Nautobot's job code is loaded anew first. Not wanted where core has just done so.
        confirm_empty: Whether a person says that an empty folder is meant to be empty.

    Returns:
        A scan for each source in scope.

    Raises:
        UnknownSourceError: If there is no such source.
    """
    with _jobs_lock:
        repositories, is_whole = _reload_jobs() if reload else (_job_repositories(), True)
        sources = all_sources(repositories)
        only = source_of_label(scope, sources) if scope else None
        old = outdated.outdated_packages()
        in_scope = [source for source in sources if only in (None, source)]
        examined, by_us = _examine(in_scope, repositories, old)
        if is_whole and LOCAL in in_scope and _has_local(by_us):
            # Core loads Git repositories after JOBS_ROOT: what needs one of them is there from the second time on.
            repositories, is_whole = _reload_jobs()
            examined, by_us = _examine(in_scope, repositories, old)
        roots = Roots(tuple(repositories))
        placed: dict[Source, list[Placed]] = defaultdict(list)
        for item in place(_by_text(core_registry.registry["jobs"]), _by_text(by_us), roots, old):
            placed[item.origin.source].append(item if is_whole else _cut_off(item))
        if only is None:
            examined.update({source: Examination() for source in placed if source not in examined})
        scans = tuple(_scan(source, found, placed[source]) for source, found in examined.items())
    return Discovery(scans=scans, scope=only, git_slugs=frozenset(repositories), confirms_empty=confirm_empty)


def _examine(
    sources: Iterable[Source], repositories: Repositories, old: Mapping[str, tuple[str, str]]
) -> tuple[dict[Source, Examination], dict[str, type[Job]]]:
    """Examine sources, and return the classes, too, that only we could load; core's registry is left as it was.

    All sources are examined before the first class is read, as that may load modules that core gave up on.
    """
    jobs = core_registry.registry["jobs"]
    by_core = dict(jobs)
    try:
        examined = {source: examine(source, repositories, old) for source in sources}
    finally:
        by_us = {path: job_class for path, job_class in jobs.items() if path not in by_core}
        for path in by_us:
            del jobs[path]
    return examined, by_us


def _by_text(classes: Mapping[Any, Any]) -> dict[str, Any]:
    """Return classes by their paths as texts: what a class says of its own path may be anything."""
    return {str(path): job_class for path, job_class in classes.items()}


def _has_local(by_us: Mapping[str, type[Job]]) -> bool:
    """Say whether any of the classes that only we could load is of `JOBS_ROOT`."""
    if not (by_us and settings.JOBS_ROOT):
        return False
    folder = real_folder(settings.JOBS_ROOT)
    return any(source_files.is_below(source_files.class_file(job_class), folder) for job_class in by_us.values())


def _cut_off(item: Placed) -> Placed:
    """Return a class as it is where a module ends the process that loads it: no other job is reached, either."""
    is_loaded_once = item.origin.source.type in (SourceType.SYSTEM, SourceType.APP)
    return item if is_loaded_once else replace(item, is_runnable=False)


def watch_registrations() -> None:
    """Have core's registry take note of who registers which job, from now on."""
    registering.take_note(core_registry.registry)


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


def _reload_jobs() -> tuple[Repositories, bool]:
    """Have core import all job code, with a number of statements that does not grow with the number of jobs.

    Core asks the database, for each class outside Nautobot and its apps, whether a Git repository provides it. The
    classes are therefore set aside first; those that core would have kept are put back after.

    Returns:
        The Git repositories that provide jobs, as the import left them, and whether it came to its end.
    """
    jobs = core_registry.registry["jobs"]
    for path in [path for path in jobs if not isinstance(path, str)]:
        # Core takes each path for a text as it imports, and comes to an end at one that is none; its file is read anew.
        del jobs[path]
    app_prefixes = tuple(f"{name}." for name in ("nautobot", *settings.PLUGINS))
    roots = Roots(())
    aside = {
        path: job_class
        for path, job_class in jobs.items()
        if not path.startswith(app_prefixes) or roots.is_told_by_job_file(path)
    }
    modules = {path: sys.modules.get(job_class.__module__) for path, job_class in aside.items()}
    for path in aside:
        del jobs[path]
    importlib.invalidate_caches()
    source_files.forget_replaced_modules(Roots(()).folders)
    is_loaded = is_whole = False
    repositories: Repositories = {}
    try:
        is_whole = _import_jobs()
        repositories = _job_repositories()
        is_loaded = True
    finally:
        for path, job_class in aside.items():
            if path not in jobs and (not is_loaded or _is_kept(path, job_class, modules[path], repositories)):
                jobs[path] = job_class
    return repositories, is_whole


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
    found = registering.registration(path)
    if path.partition(".")[0] in repositories:
        return module is not None and sys.modules.get(job_class.__module__) is module
    if path.partition(".")[0] in ("nautobot", *settings.PLUGINS):
        # One that a job file registers: core never lets go of it, and the file does not say it any more.
        return found is not None and bool(found.modules) and found.modules[0].is_current
    if settings.JOBS_ROOT and os.path.isdir(settings.JOBS_ROOT):
        return False
    file = source_files.class_file(job_class)
    return not (settings.GIT_ROOT and source_files.is_below(file, real_folder(settings.GIT_ROOT)))


def _import_jobs() -> bool:
    """Have core import all job code, and return whether it came to its end."""
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
        return False
    return True


def _forget_jobs_root(modules: Mapping[str, ModuleType]) -> None:
    """Let go of what an import that came to an end left loaded: Nautobot 3.0 does when it comes to the module."""
    folder = real_folder(settings.JOBS_ROOT)
    for name in source_files.module_names(folder):
        module = sys.modules.get(name)
        is_ours = source_files.is_below(source_files.file_of(module), folder)
        if is_ours and module is modules.get(name):
            del sys.modules[name]


def _scan(source: Source, found: Examination, placed: list[Placed]) -> SourceScan:
    failures = list(found.failures)
    descriptors: dict[JobKey, JobDescriptor] = {}
    left_alone: set[JobKey] = set()
    if found.status is not ScanStatus.UNAVAILABLE:
        texts: dict[str | None, SourceText] = {}
        for item in placed:
            if item.is_outdated:
                left_alone.add(_key_of(item.job_class))
                failures.append(_old_class(item, found.version))
                continue
            descriptor, problem = _read_class(item, found.version, texts)
            if descriptor and descriptor.key in descriptors:
                problem = _same_name(descriptor, item.job_class)
            if descriptor:
                # As in core's own refresh, what is read last counts.
                descriptors[descriptor.key] = descriptor
            if problem:
                failures.append(problem)
    return SourceScan(
        source=source,
        status=found.status,
        version=found.version,
        git_repository_id=found.git_repository_id,
        descriptors=tuple(descriptors.values()),
        failures=tuple(failures),
        is_empty=found.is_empty,
        is_outdated=found.is_outdated,
        outdated=frozenset(left_alone),
    )


def _key_of(job_class: type) -> JobKey:
    return identity("module_name", job_class.__module__), identity("job_class_name", job_class.__name__)


def _old_class(item: Placed, version: str) -> LoadFailure:
    """Return what is told of a class whose file is another one by now: nothing is changed of its job here."""
    error = outdated.OutdatedProcessError(
        f"This process has loaded the module {item.job_class.__module__}, and its file has been changed since. Nothing "
        f"is changed of its jobs here. {outdated.restart_advice()}."
    )
    failure = source_files.describe_class_failure(error, item.origin.source, version, item.job_class)
    return replace(failure, job_class_name="", line=None)


def _read_class(
    item: Placed, version: str, texts: dict[str | None, SourceText]
) -> tuple[JobDescriptor | None, LoadFailure | None]:
    job_class, source = item.job_class, item.origin.source
    if not isinstance(job_class, type):
        return None, source_files.describe_class_failure(NotAClassError(NO_CLASS), source, version, type(job_class))
    try:
        path = source_files.class_file(job_class)
        if path not in texts:
            texts[path] = source_files.module_text(path)
        known = {"registered_in": storable_text(item.origin.registered_in), "is_runnable": item.is_runnable}
        descriptor, flaws = describe.describe_class(job_class, source, version, texts[path], **known)
    except BaseException as error:
        if source_files.is_interrupt(error):
            raise
        return None, source_files.describe_class_failure(error, source, version, job_class)
    flaw = item.problem or _flaw(descriptor, flaws)
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
