"""Which module registered which job class: noted as Nautobot is told of it, whoever calls `register_jobs` (rule 3).

`register_jobs` may have been imported, by anybody, before our app is ready. It looks into core's registry for each
class before it puts it there; the registry is therefore what takes note.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import FrameType, ModuleType
from typing import Any, Final

from nautobot_job_registry.sources.files import file_of

logger = logging.getLogger(__name__)

# The one function of Nautobot's that puts classes into its registry.
REGISTERS: Final = ("nautobot.core.celery", "register_jobs")
MODULE_BODY: Final = "<module>"

# What happens in this process, in the order in which it happens.
_steps = itertools.count(1)
_registrations: dict[str, Registration] = {}
# When a module was last begun to be executed, by its name; when one last failed, by the path of its file.
_begun: dict[str, int] = {}
_failed: dict[str, int] = {}


@dataclass(frozen=True)
class Executed:
    """A module that is just being executed.

    Attributes:
        name: Its dotted name.
        file: Its file; empty where it has none.
        namespace: What its code sees as its globals: another one at each execution.
    """

    name: str
    file: str
    namespace: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def is_current(self) -> bool:
        """Whether the module was not executed again since, so that what it did is what it does."""
        return getattr(sys.modules.get(self.name), "__dict__", None) is self.namespace


@dataclass(frozen=True)
class Registration:
    """A call of `register_jobs` for one class.

    Attributes:
        job_class: The class.
        modules: The modules that were being executed, the innermost first.
        step: When that was, in the order of what happens in this process.
        others: What other modules have called for the same class, while it was there.
    """

    job_class: Any = field(repr=False)
    modules: tuple[Executed, ...]
    step: int
    others: tuple[Registration, ...] = ()

    @property
    def by(self) -> Executed | None:
        """The module that called."""
        return next(iter(self.modules), None)

    @property
    def is_current(self) -> bool:
        """Whether the module that called was not executed again since."""
        return self.by is not None and self.by.is_current


class WatchedJobs(dict[str, Any]):
    """Core's registry of jobs, which notes who asks for a class to be put into it."""

    def __contains__(self, path: object) -> bool:
        """Say whether a class is registered; if it is `register_jobs` that asks, note on whose behalf."""
        frame = sys._getframe(1)
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == REGISTERS:
            try:
                _note(str(path), frame, is_there=super().__contains__(path))
            except Exception:
                # Where it is not known, the name of the module tells (rule 11).
                logger.debug("It is not known who registers %s.", path, exc_info=True)
        return super().__contains__(path)


def take_note(registry: dict[str, Any]) -> None:
    """Have core's registry take note from now on.

    Args:
        registry: The registry of stores, of which the jobs are one.
    """
    if isinstance(registry["jobs"], WatchedJobs):
        return
    # Core keeps its own code from putting another store in the place of one.
    dict.__setitem__(registry, "jobs", WatchedJobs(registry["jobs"]))
    for path, job_class in registry["jobs"].items():
        # Nautobot's and apps': no job file has been loaded yet.
        module = sys.modules.get(str(job_class.__module__))
        if isinstance(module, ModuleType):
            own = Executed(module.__name__, file_of(module) or "", vars(module))
            _registrations[path] = Registration(job_class, (own,), next(_steps))


def _note(path: str, frame: FrameType, *, is_there: bool) -> None:
    known = _registrations.get(path) if is_there else None
    new = Registration(frame.f_locals.get("job"), tuple(_modules_of(frame.f_back)), next(_steps))
    if known is None:
        _registrations[path] = new
    elif known.is_current and _name(known) != _name(new):
        # As in core, who was first counts, until it is executed again.
        others = (*(other for other in known.others if _name(other) != _name(new)), new)
        _registrations[path] = replace(known, others=others)
    else:
        _registrations[path] = replace(new, others=known.others)


def _name(call: Registration) -> str:
    return call.by.name if call.by else ""


def _modules_of(frame: FrameType | None) -> Iterator[Executed]:
    """Yield the modules that are being executed, the innermost first."""
    while frame is not None:
        if frame.f_code.co_name == MODULE_BODY:
            found = frame.f_globals
            yield Executed(str(found.get("__name__", "")), str(found.get("__file__") or ""), found)
        frame = frame.f_back


def registration(path: str) -> Registration | None:
    """Return who registered a class last; None where that was not seen.

    Args:
        path: The dotted path of the class.
    """
    return _registrations.get(path)


def registrations() -> dict[str, Registration]:
    """Return who registered each class, by its dotted path, whether Nautobot has it now or not."""
    return dict(_registrations)


def begin(name: str) -> None:
    """Note that a module is about to be executed.

    Args:
        name: Its dotted name.
    """
    _begun[name] = next(_steps)


def fail(path: str) -> None:
    """Note that a module failed as it was executed.

    Args:
        path: The path of its file.
    """
    _failed[os.path.realpath(path)] = next(_steps)


def succeed(path: str) -> None:
    """Note that a module was executed.

    Args:
        path: The path of its file.
    """
    _failed.pop(os.path.realpath(path), None)


def has_failed(path: str, package: str) -> bool:
    """Say whether a module failed when its package was last executed, whoever caught what it raised.

    Args:
        path: The path of its file, links resolved.
        package: The name of the package.
    """
    return _failed.get(path, 0) > _begun.get(package, 0)


def is_out_of_date(found: Registration, package: str) -> bool:
    """Say whether a module, or a package, was executed again since a class was registered, and has not done so again.

    Args:
        found: The registration.
        package: The name of the module that registered it, or of the package around it.
    """
    return _begun.get(package, 0) > found.step
