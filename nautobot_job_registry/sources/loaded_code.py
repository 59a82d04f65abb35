"""Which code this process has loaded, and not what is on the disk now: the evidence of a run.

Job files in `JOBS_ROOT` and `GIT_ROOT` are loaded again and again while a process lives, and changed on the disk by
others. A loader of our own notes the hash of what it loads. Nautobot and its apps are loaded once: their files are
hashed as the process starts, and nothing is claimed of a file that was changed since.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from django.apps import apps
from django.conf import settings
from git import Repo, SymbolicReference

from nautobot_job_registry.sources import failed_loads, outdated, registering
from nautobot_job_registry.sources import files as source_files

logger = logging.getLogger(__name__)

STARTED = time.time()
# A compiled file tells its source by size and whole seconds; Git's own index has the same margin.
RACY_SECONDS = 2

_hashes: weakref.WeakKeyDictionary[ModuleType, str] = weakref.WeakKeyDictionary()


class HashingLoader(SourceFileLoader):
    """Loads a module as Python does, and notes the hash of the file that it was made from.

    Attributes:
        code_hash: SHA-256 of the file as it was loaded; empty before, and where the file was changed meanwhile.
    """

    code_hash = ""

    def exec_module(self, module: ModuleType) -> None:
        """Execute a module, and note that it was begun, and whether it failed."""
        registering.begin(self.name)
        try:
            self._execute(module)
        except BaseException:
            registering.fail(self.path)
            raise
        registering.succeed(self.path)

    def get_code(self, fullname: str) -> Any:
        """Return the code of the module; the first time, which is when it is loaded, note the hash."""
        if self.code_hash:
            return super().get_code(fullname)
        before = self.path_stats(self.path)
        content = self.get_data(self.path)
        code = super().get_code(fullname)
        if self.path_stats(self.path) == before:
            self.code_hash = sha256(content).hexdigest()
        return code

    def _execute(self, module: ModuleType) -> None:
        """Execute the module; what it raises in a Git sync, or does to its transaction, is noted."""
        if not failed_loads.is_watching():
            super().exec_module(module)
            return
        was_spoiled = failed_loads.is_spoiled()
        try:
            super().exec_module(module)
            if failed_loads.is_spoiled() and not was_spoiled:
                self._note(failed_loads.SpoiledTransactionError(failed_loads.SPOILED))
        except BaseException as error:
            self._note(error)
            raise

    def _note(self, error: BaseException) -> None:
        slug = self.name.partition(".")[0]
        if settings.GIT_ROOT and self.path.startswith(_spellings(settings.GIT_ROOT)):
            failed_loads.note(self.name, _head(os.path.join(settings.GIT_ROOT, slug)), error)

    def get_data(self, path: str) -> bytes:
        """Return the content of a file; a compiled one that may be of an older source is not there for us.

        Raises:
            OSError: If the file cannot be read, or was compiled in the seconds in which its source was written: a
                source that is changed within the same second, to the same size, would go unnoticed.
        """
        if path.endswith(".pyc") and os.stat(path).st_mtime < os.stat(self.path).st_mtime + RACY_SECONDS:
            raise OSError(f"{path} may be older than its source")
        return super().get_data(path)


class JobFileFinder(MetaPathFinder):
    """Finds the modules in `JOBS_ROOT` and `GIT_ROOT` as Python does, and has them loaded by the hashing loader."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module of jobs; None for all others, and where anything goes wrong (rule 11)."""
        try:
            outdated.note_before_loading(fullname, path)
            if not _is_in_folders(sys.path if path is None else path):
                return None
            spec = PathFinder.find_spec(fullname, path, target)
            if spec is None or type(spec.loader) is not SourceFileLoader:
                return None
            # A package of jobs may have its modules elsewhere, too, by its `__path__`.
            if path is None and not _is_in_folders([spec.loader.path]):
                return None
            spec.loader = HashingLoader(spec.loader.name, spec.loader.path)
        except Exception:
            logger.debug("Module %s is loaded without a hash.", fullname, exc_info=True)
            return None
        return spec


def watch_loading() -> None:
    """Have job files loaded by the hashing loader from now on, and know what is loaded of Nautobot and its apps."""
    outdated.note_loaded()
    if not any(isinstance(finder, JobFileFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, JobFileFinder())


def is_half_loaded(name: str) -> bool:
    """Say whether a module in `JOBS_ROOT` or `GIT_ROOT` is one that Nautobot 3.0 has left behind as its code raised.

    It loads each file twice, the second time by the hashing loader; since 3.1 a module that fails is not left behind.
    """
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None) if isinstance(module, ModuleType) else None
    return spec is not None and type(spec.loader) is SourceFileLoader and _is_in_folders([spec.loader.path])


def _spellings(folder: str) -> tuple[str, ...]:
    """Return how the paths below a folder begin: as it is configured, and with symbolic links resolved."""
    try:
        now = os.stat(folder)
    except OSError:
        return ()
    return _resolved(folder, now.st_dev, now.st_ino)


@lru_cache(maxsize=8)
def _resolved(folder: str, *identity: int) -> tuple[str, ...]:
    """Resolve a folder once, as every import asks; a symbolic link that is put elsewhere changes the identity."""
    return tuple({os.path.join(os.path.abspath(folder), ""), os.path.join(os.path.realpath(folder), "")})


def _job_folders() -> tuple[str, ...]:
    return tuple(start for folder in (settings.JOBS_ROOT, settings.GIT_ROOT) if folder for start in _spellings(folder))


def _is_in_folders(paths: Iterable[str]) -> bool:
    folders = _job_folders()
    return any(os.path.join(path, "").startswith(folders) for path in paths)


def hash_loaded_files(job_classes: Iterable[type]) -> None:
    """Hash the files of the modules that are loaded once, while they are still what was loaded.

    Args:
        job_classes: The job classes that the process has loaded.
    """
    for job_class in job_classes:
        code_hash(job_class)


def code_hash(job_class: type) -> str:
    """Return the SHA-256 of the file of a class as this process loaded it, as `JobRevision.source_hash` tells it.

    Returns:
        64 hexadecimal digits; empty where the file was changed after it had been loaded, and nobody had hashed it.
    """
    loader = next(_loaders(job_class), None)
    if loader is not None:
        return loader.code_hash
    module = sys.modules.get(job_class.__module__)
    if module is None:
        return ""
    if not isinstance(module, ModuleType):
        # It has put something else into its place, which may not be kept by itself.
        return _hash_of(job_class)
    if module not in _hashes:
        found = _hash_of(job_class)
        if not found:
            return ""
        _hashes[module] = found
    return _hashes[module]


def _hash_of(job_class: type) -> str:
    path = source_files.class_file(job_class)
    return "" if _is_changed(path) else source_files.module_text(path).hash


def hash_as_loaded(job_class: type) -> str:
    """Return the SHA-256 of the file of a class as the hashing loader loaded it; empty where another one did."""
    return next((loader.code_hash for loader in _loaders(job_class)), "")


def _loaders(job_class: type) -> Iterator[HashingLoader]:
    """Yield the loader of the module that a class was made in, which may not be the module of that name now."""
    members = (getattr(member, "__func__", member) for member in vars(job_class).values())
    names = [getattr(member, "__globals__", {}) for member in members]
    module = sys.modules.get(job_class.__module__)
    if isinstance(module, ModuleType) and getattr(module, job_class.__name__, None) is job_class:
        names.append(vars(module))
    for known in names:
        # A member may have been made by a decorator of another module.
        if known.get("__name__") == job_class.__module__ and isinstance(known.get("__loader__"), HashingLoader):
            yield known["__loader__"]


def _is_changed(path: str | None) -> bool:
    """Say whether a file was changed after this process began; the time of the last change cannot be set back."""
    return bool(path and os.path.isfile(path) and os.stat(path).st_ctime > STARTED)


def source_version(job_class: type) -> str:
    """Return the version of the source of a class as this process sees it.

    Returns:
        The version of Nautobot or of the app that is loaded, or the commit that the clone of the Git repository is at
        on this host, whatever the database says; empty for a local job.
    """
    root = job_class.__module__.partition(".")[0]
    if root == "nautobot":
        return str(settings.VERSION)
    path = source_files.class_file(job_class) or ""
    if settings.GIT_ROOT and path.startswith(_spellings(settings.GIT_ROOT)):
        return _head(os.path.join(settings.GIT_ROOT, root))
    return _app_version(root, job_class)


def _app_version(root: str, job_class: type) -> str:
    for name in settings.PLUGINS:
        app = apps.get_app_config(name)
        if name == root or job_class in (getattr(app, "features", {}).get("jobs") or ()):
            return app.version or ""
    return ""


def _head(clone: str) -> str:
    """Return the commit of a clone, without reading the objects of the repository: that takes milliseconds."""
    try:
        with Repo(clone) as repo:
            return SymbolicReference.dereference_recursive(repo, "HEAD")
    except source_files.UNUSABLE_CLONE:
        return ""
