"""Whether this process is older than the files of Nautobot, an app or a library, which are loaded only once (rule 3).

A file is known by what the file system says of it. It is noted before a module is loaded, or as the app is ready, and
looked at again when a source is read: no file is read for it.
"""

from __future__ import annotations

import os
import socket
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from types import ModuleType

from django.conf import settings

from nautobot_job_registry.sources.files import file_of

SYSTEM_PACKAGE = "nautobot"

Signature = tuple[object, ...] | None
# The file of each module of Nautobot and the apps, and what it was like as it was loaded, by the name of the module.
_noted: dict[str, tuple[str, Signature]] = {}
# The same of modules of libraries, in which classes of jobs were found.
_libraries: weakref.WeakKeyDictionary[ModuleType, tuple[str, Signature]] = weakref.WeakKeyDictionary()
_versions: dict[str, str] = {}


class OutdatedProcessError(Exception):
    """A process has loaded other code than is on the disk, and cannot say what the source says."""


def note_before_loading(name: str, path: Sequence[str] | None) -> None:
    """Note what the file of a module of Nautobot or an app is like, just before it is loaded for the first time.

    A module that is loaded again from another file makes an old process no new one: core keeps the classes that it has.

    Args:
        name: The dotted name of the module.
        path: The folders in which it is looked for; None for a top-level module.
    """
    package, _, rest = name.partition(".")
    if not rest or path is None or name in _noted or not (package == SYSTEM_PACKAGE or package in settings.PLUGINS):
        return
    leaf = name.rpartition(".")[2]
    for folder in path:
        for file in (os.path.join(folder, leaf, "__init__.py"), os.path.join(folder, f"{leaf}.py")):
            signature = _signature(file, lists=package != SYSTEM_PACKAGE)
            if signature is not None:
                _noted[name] = file, signature
                return


def note_loaded() -> None:
    """Note what the files of Nautobot and the apps are like that were loaded before anybody took note."""
    packages = {SYSTEM_PACKAGE, *settings.PLUGINS}
    for package in packages - _versions.keys():
        _versions[package] = _installed_version(package)
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        if package in packages and name not in _noted:
            file = file_of(module)
            _noted[name] = file or "", _signature(file or "", lists=package != SYSTEM_PACKAGE)


def outdated_packages() -> dict[str, tuple[str, str]]:
    """Return the packages of Nautobot and the apps of which this process has loaded other code than is on the disk.

    Returns:
        For each of them the first file that has changed, and what there is to say about it.
    """
    note_loaded()
    found: dict[str, tuple[str, str]] = {}
    for name, (file, noted) in _noted.items():
        package = name.partition(".")[0]
        is_open = package not in found and name in sys.modules
        if is_open and _signature(file, lists=package != SYSTEM_PACKAGE) != noted:
            found[package] = file, _told(package)
    for package, version in _versions.items():
        if package not in found and _installed_version(package) != version:
            found[package] = "", _told(package)
    return found


def note_libraries(modules: Iterable[ModuleType]) -> None:
    """Note what the files of modules are like that are loaded only once, the first time that they are seen.

    Args:
        modules: Modules in which classes of jobs were found.
    """
    for module in modules:
        file = file_of(module)
        if file and module not in _libraries:
            _libraries[module] = file, _signature(file)


def is_outdated(module: ModuleType) -> bool:
    """Say whether the file of a module that was noted is another one now."""
    file, noted = _libraries.get(module, ("", None))
    return bool(file) and _signature(file) != noted


def restart_advice() -> str:
    """Return which process has to be restarted, in words."""
    command = " ".join([os.path.basename(sys.argv[0] or "python"), *sys.argv[1:3]])
    return f"Restart process {os.getpid()} ({command}) on {socket.gethostname()}"


def _told(package: str) -> str:
    loaded, installed = _versions.get(package, ""), _installed_version(package)
    what = f"version {loaded} of {package}" if loaded else package
    now = f"version {installed} is installed" if loaded != installed else "its files have been changed since"
    if loaded and not installed:
        now = "that is no longer installed"
    return (
        f"This process has loaded {what}, and {now}. It does not say what the jobs of {package} are, and nothing is "
        f"changed of them here. {restart_advice()}."
    )


def _installed_version(package: str) -> str:
    try:
        return metadata.version(package)
    except Exception:
        # It runs from a checkout, or is named otherwise: its files tell.
        return ""


def _signature(file: str, *, lists: bool = False) -> Signature:
    """Return what tells a file from one that is put in its place; None where there is none.

    Args:
        file: The path.
        lists: Whether it counts, for a package, which modules there are beside it.
    """
    try:
        found = os.stat(file)
        own = found.st_ino, found.st_size, found.st_mtime_ns
        if lists and os.path.basename(file) == "__init__.py":
            return (*own, *sorted(_modules_in(os.path.dirname(file))))
        return own
    except OSError:
        return None


def _modules_in(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if entry.name.endswith(".py"))
