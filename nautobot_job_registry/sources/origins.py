"""Whose a class is: the sources that there are, and which of them registers it (rule 3)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from nautobot.extras.models import GitRepository

from nautobot_job_registry.engine.descriptor import Discovery, Registrar, ScanStatus, Source, SourceType
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.records import JobRecord, RegistryState
from nautobot_job_registry.sources import files as source_files
from nautobot_job_registry.sources import registering
from nautobot_job_registry.sources.registering import Executed, Registration

if TYPE_CHECKING:
    from nautobot.apps.jobs import Job

SYSTEM = Source(SourceType.SYSTEM, "nautobot")
LOCAL = Source(SourceType.LOCAL, "JOBS_ROOT")
# By their slugs, in the order in which core loads them.
Repositories = Mapping[str, GitRepository]


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


@dataclass(frozen=True)
class Origin:
    """Who registers a class.

    Attributes:
        source: The source.
        registered_in: The file of the source that does, relative to its folder; empty for Nautobot and apps.
        registration: What was seen of it; None where nothing was.
        depth: Which of the modules that were being executed, from the inside, is the source's.
    """

    source: Source
    registered_in: str = ""
    registration: Registration | None = None
    depth: int = 0


@dataclass(frozen=True)
class Roots:
    """The folders that hold the modules of jobs outside of installed packages, and the repositories in them.

    Attributes:
        slugs: The slugs of the Git repositories that provide jobs, in the order in which core loads them.
    """

    slugs: tuple[str, ...]
    # What was found out, as thousands of classes of few modules are asked for.
    _sources: dict[tuple[str, str], Source | None] = field(default_factory=dict, repr=False, compare=False)
    _paths: dict[tuple[Source, str], str] = field(default_factory=dict, repr=False, compare=False)
    _reloaded: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def jobs_root(self) -> Path | None:
        """The folder of the local jobs, if one is configured."""
        return real_folder(settings.JOBS_ROOT) if settings.JOBS_ROOT else None

    @cached_property
    def has_jobs_root(self) -> bool:
        """Whether the folder of the local jobs is there: core lets go of jobs only where it is."""
        return self.jobs_root is not None and self.jobs_root.is_dir()

    @cached_property
    def git_root(self) -> Path | None:
        """The folder of the clones, if one is configured."""
        return real_folder(settings.GIT_ROOT) if settings.GIT_ROOT else None

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """Both of them."""
        return tuple(folder for folder in (self.jobs_root, self.git_root) if folder)

    @cached_property
    def listed(self) -> dict[int, str]:
        """Which app lists a class: by identity, as a class need not have a hash."""
        return {
            id(job_class): name for name in settings.PLUGINS for job_class in listed_jobs(apps.get_app_config(name))
        }

    def folder_of(self, source: Source) -> Path | None:
        """Return the folder of a source; None for Nautobot and apps."""
        if source.type is SourceType.LOCAL:
            return self.jobs_root
        return self.git_root / source.name if source.type is SourceType.GIT and self.git_root else None

    def is_reloaded(self, module_name: str) -> bool:
        """Say whether core executes a module again whenever it loads jobs, and does not keep it as it is loaded."""
        root = module_name.partition(".")[0]
        if root not in self._reloaded:
            self._reloaded[root] = root in self.slugs or self._is_in_jobs_root(root)
        return self._reloaded[root]

    def _is_in_jobs_root(self, root: str) -> bool:
        folder = self.jobs_root
        # A module may have come compiled, without its source.
        files = (f"{name}{ending}" for name in (root, os.path.join(root, "__init__")) for ending in (".py", ".pyc"))
        return folder is not None and root.isidentifier() and any(os.path.isfile(folder / file) for file in files)

    def is_told_by_job_file(self, path: str) -> bool:
        """Say whether a job file was being executed as a class was registered.

        Args:
            path: The path under which Nautobot has the class.
        """
        found = registering.registration(path)
        return found is not None and self._needs_job_file(self.decisive(found))

    def _needs_job_file(self, call: Registration) -> bool:
        return any(source_files.is_below(module.file, folder) for module in call.modules for folder in self.folders)

    def decisive(self, found: Registration) -> Registration:
        """Return, of all calls for a class, the one by which core has it when it loads the jobs anew.

        One that needs no job file has been before any; of the others, one by a module that is executed again.

        Args:
            found: The first call, with the others.
        """
        calls = (found, *found.others)
        needing = [call for call in calls if self._needs_job_file(call)]
        if len(needing) < len(calls):
            return next(call for call in calls if call not in needing)
        again = (call for call in calls if call.by and call.is_current and self.is_reloaded(call.by.name))
        return next(again, found)

    def source_of_name(self, root: str) -> Source:
        """Return the source that a top-level module belongs to by its name, in core's order of precedence."""
        found = self._reserved(root)
        if found is None:
            found = Source(SourceType.APP, root) if self._is_installed_package(root) else LOCAL
        return found

    def _reserved(self, root: str) -> Source | None:
        if root == SYSTEM.name:
            return SYSTEM
        if root in settings.PLUGINS:
            return Source(SourceType.APP, root)
        return Source(SourceType.GIT, root) if root in self.slugs else None

    def _is_installed_package(self, name: str) -> bool:
        origin = _origin(name)
        return origin is not None and not any(source_files.is_below(origin, folder) for folder in self.folders)

    def source_of_module(self, module: Executed) -> Source | None:
        """Return the source that has the file of a module; None for a library."""
        key = module.name, module.file
        if key not in self._sources:
            self._sources[key] = self._find_source(module)
        return self._sources[key]

    def _find_source(self, module: Executed) -> Source | None:
        root = module.name.partition(".")[0]
        if self.git_root and source_files.is_below(module.file, self.git_root):
            slug = Path(os.path.realpath(module.file)).relative_to(self.git_root).parts[0]
            if slug in self.slugs:
                return Source(SourceType.GIT, slug)
        elif self.jobs_root and source_files.is_below(module.file, self.jobs_root):
            return LOCAL
        # A package of jobs may have its modules elsewhere, too, by its `__path__`.
        return self._reserved(root) or (LOCAL if root != "__main__" and self._is_local_package(root) else None)

    def _is_local_package(self, root: str) -> bool:
        file = source_files.file_of(sys.modules.get(root))
        return self.jobs_root is not None and source_files.is_below(file, self.jobs_root)

    def origin_of(self, path: str, job_class: Any) -> Origin:
        """Return who registers a class.

        Args:
            path: The path under which Nautobot has it.
            job_class: The class.
        """
        told = registering.registration(path)
        found = self.decisive(told) if told and told.others else told
        seen = self._registrar(found) if found else None
        if id(job_class) in self.listed:
            return Origin(Source(SourceType.APP, self.listed[id(job_class)]), registration=found)
        if found is None or seen is None:
            source = self.source_of_name(str(job_class.__module__).partition(".")[0])
            return Origin(source, self.relative(source, source_files.class_file(job_class)))
        depth, source = seen
        return Origin(source, self.relative(source, found.modules[depth].file), found, depth)

    def _registrar(self, found: Registration) -> tuple[int, Source] | None:
        sources = ((depth, self.source_of_module(module)) for depth, module in enumerate(found.modules))
        return next(((depth, source) for depth, source in sources if source), None)

    def relative(self, source: Source, file: str | None) -> str:
        """Return the path of a file of a source relative to its folder; whole where it lies elsewhere."""
        folder = self.folder_of(source)
        if folder is None or not file:
            return ""
        if (source, file) not in self._paths:
            path = Path(os.path.realpath(file))
            found = path.relative_to(folder) if path.is_relative_to(folder) else path
            self._paths[source, file] = found.as_posix()
        return self._paths[source, file]


def _origin(name: str) -> str | None:
    """Return the file of a top-level module, loaded or not."""
    if name in sys.modules:
        return source_files.file_of(sys.modules[name])
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None


# Jobs that are not there


def locate(found: Discovery, state: RegistryState) -> Discovery:
    """Return a discovery that says, too, what is known of the jobs in scope that were not found.

    Args:
        found: What the sources said.
        state: What the database holds.

    Returns:
        The same, with where jobs that only core knows would come from, and what is known of the files that registered
        those that the registry knows.
    """
    wanted = state.unregistered
    absent = list(_absent(found, state))
    if not wanted and not absent:
        return found
    read = {descriptor.key for descriptor in found.descriptors}
    roots = Roots(tuple(found.git_slugs))
    origins = {key: roots.source_of_name(key[0].partition(".")[0]) for key in wanted if key not in read}
    in_scope = {key: source for key, source in origins.items() if found.scope in (None, source)}
    suspects = _broken_texts(found) if any(not record.columns["registered_in"] for record in absent) else ()
    registrars = {
        record.key: Registrar.BROKEN if _is_named(record, suspects) else _registrar_of(found, record, roots)
        for record in absent
        if record.key not in read
    }
    return replace(found, origins=in_scope, registrars=registrars)


def _absent(found: Discovery, state: RegistryState) -> Iterator[JobRecord]:
    """Yield the records of jobs that may not be there, and of which it has to be known why."""
    read = {descriptor.key for descriptor in found.descriptors}
    asked = {
        (scan.source.type.value, scan.source.name)
        for scan in found.scans
        if scan.source.type in (SourceType.GIT, SourceType.LOCAL) and scan.status is not ScanStatus.UNAVAILABLE
    }
    known = {(source.type.value, source.name) for source in found.by_source}
    for key, record in state.jobs.items():
        if key in read or record.is_removed:
            continue
        source = record.source_values[1:3]
        is_of_nobody = found.scope is None and source not in known and not record.columns["registered_in"]
        if source in asked or (is_of_nobody and source[0] == SourceType.APP.value):
            yield record


def _broken_texts(found: Discovery) -> list[bytes]:
    """Return the texts of the job files that cannot be loaded."""
    types = (SourceType.GIT, SourceType.LOCAL)
    failures = (item for item in found.failures if item.source.type in types and not item.job_class_name)
    return [source_files.module_text(path).content for path in {item.file_path for item in failures}]


def _is_named(record: JobRecord, texts: Iterable[bytes]) -> bool:
    """Say whether a job file that cannot be loaded names the module of a job of which nobody noted who registers it."""
    if record.columns["registered_in"]:
        return False
    name = re.compile(rb"\b%s\b" % re.escape(record.key[0].encode()))
    return any(name.search(text) for text in texts)


def _registrar_of(found: Discovery, record: JobRecord, roots: Roots) -> Registrar:
    """Say what is known of the file that registered a job."""
    source = record.source
    folder = roots.folder_of(source)
    if folder is None:
        return Registrar.GONE
    name = record.columns["registered_in"] or _file_of_module(record.key[0], source, folder)
    path = os.path.realpath(os.path.join(folder or "", name))
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        is_elsewhere = folder is not None and not Path(path).is_relative_to(folder)
        return Registrar.OUT_OF_REACH if is_elsewhere and not _has_anything(os.path.dirname(path)) else Registrar.GONE
    except OSError:
        return Registrar.BROKEN
    if _is_loaded(path, roots):
        return Registrar.LOADED
    if source.type is SourceType.GIT and registering.has_failed(path, source.name):
        return Registrar.BROKEN
    # What nobody imports registers nothing; where something failed it may have been kept from being imported.
    is_complete = found.by_source[source].status is ScanStatus.COMPLETE
    return Registrar.GONE if is_complete else Registrar.BROKEN


def _file_of_module(module_name: str, source: Source, folder: Path | None) -> str:
    """Return the file that a module of a source would have, relative to the source's folder."""
    parts = module_name.split(".")
    if source.type is SourceType.GIT and parts[0] == source.name:
        parts = parts[1:]
    package = os.path.join(*parts, "__init__.py") if parts else "__init__.py"
    return package if folder is None or (folder / package).is_file() else f"{os.path.join(*parts)}.py"


def _has_anything(folder: str) -> bool:
    """Say whether there is anything in a folder; one that is not mounted is missing or empty."""
    try:
        return bool(os.listdir(folder))
    except OSError:
        return False


def _is_loaded(path: str, roots: Roots) -> bool:
    """Say whether a file is that of a module which core executes each time, and which came to its end this time."""
    leaf = os.path.basename(path)
    for name, module in list(sys.modules.items()):
        file = source_files.file_of(module)
        if file and os.path.basename(file) == leaf and os.path.realpath(file) == path and roots.is_reloaded(name):
            return True
    return False
