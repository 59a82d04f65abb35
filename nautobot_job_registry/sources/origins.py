"""Where a class comes from: the sources that there are, and which of them has a module (rule 3)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from nautobot.extras.models import GitRepository

from nautobot_job_registry.engine.descriptor import Discovery, Source, SourceType
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.records import JobKey
from nautobot_job_registry.sources import files as source_files

if TYPE_CHECKING:
    from nautobot.apps.jobs import Job

SYSTEM = Source(SourceType.SYSTEM, "nautobot")
LOCAL = Source(SourceType.LOCAL, "JOBS_ROOT")
# By their slugs.
Repositories = Mapping[str, GitRepository]


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
    folders = job_folders()
    origins = {key: _source_of(key[0].partition(".")[0], found.git_slugs, folders) for key in wanted if key not in read}
    in_scope = {key: source for key, source in origins.items() if found.scope in (None, source)}
    return replace(found, origins=in_scope)


def all_sources(repositories: Repositories) -> list[Source]:
    """Return all sources of jobs, in core's order of precedence."""
    found = [SYSTEM, *(Source(SourceType.APP, name) for name in settings.PLUGINS)]
    found += [Source(SourceType.GIT, slug) for slug in sorted(repositories)]
    return [*found, LOCAL] if settings.JOBS_ROOT else found


def source_of_label(label: str, sources: list[Source]) -> Source:
    """Return the source that a label names.

    Raises:
        UnknownSourceError: If none of the sources has it.
    """
    for source in sources:
        if source.label == label:
            return source
    raise UnknownSourceError(label, tuple(source.label for source in sources))


def real_folder(path: str) -> Path:
    """Return a folder as it is, whatever links lead to it."""
    return Path(os.path.realpath(path))


def listed_jobs(app: Any) -> tuple[type[Job], ...]:
    """Return the job classes that an app lists, wherever they were written."""
    return tuple(getattr(app, "features", {}).get("jobs") or ())


def classes_by_source(loaded: Iterable[type], repositories: Repositories) -> dict[Source, list[type]]:
    """Return which of the loaded job classes each source has.

    Args:
        loaded: The job classes that Nautobot has loaded.
        repositories: The Git repositories that provide jobs.
    """
    # By identity, as a class need not have a hash.
    registered_by = {
        id(job_class): name for name in settings.PLUGINS for job_class in listed_jobs(apps.get_app_config(name))
    }
    by_root: dict[str, list[type]] = defaultdict(list)
    classes: dict[Source, list[type]] = defaultdict(list)
    for job_class in loaded:
        if id(job_class) in registered_by:
            classes[Source(SourceType.APP, registered_by[id(job_class)])].append(job_class)
        else:
            by_root[str(job_class.__module__).partition(".")[0]].append(job_class)
    folders = job_folders()
    for root, found in by_root.items():
        classes[_source_of(root, repositories, folders)].extend(found)
    return classes


def job_folders() -> tuple[Path, ...]:
    """Return the folders that hold the modules of jobs outside of installed packages."""
    return tuple(real_folder(path) for path in (settings.JOBS_ROOT, settings.GIT_ROOT) if path)


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
        return source_files.file_of(sys.modules[name])
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None
