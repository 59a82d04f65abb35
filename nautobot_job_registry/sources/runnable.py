"""Which of the loaded classes Nautobot itself has when a worker runs a job (rule 3).

For a job of Nautobot or of an app core takes the class that it has. For any other it first loads all jobs anew, as it
has done when the worker began: what only the first of these, or only we, could load cannot be run.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings

from nautobot_job_registry.engine.descriptor import SourceType
from nautobot_job_registry.sources import files as source_files
from nautobot_job_registry.sources import loaded_code, outdated, registering
from nautobot_job_registry.sources.origins import SYSTEM, Origin, Roots, listed_jobs
from nautobot_job_registry.sources.registering import Registration

Classes = Mapping[str, Any]


class JobDroppedError(Exception):
    """A job is registered in a way that lasts until Nautobot loads the jobs anew, which it does before it runs one."""


@dataclass(frozen=True)
class Placed:
    """A class that this process has loaded, and whose it is.

    Attributes:
        job_class: The class.
        origin: Who registers it.
        is_runnable: Whether Nautobot has it when it runs a job.
        problem: Why it has not, where that is to be told of the class.
        is_outdated: Whether its file is another one by now, and Nautobot does not load that.
    """

    job_class: Any
    origin: Origin
    is_runnable: bool = True
    problem: Exception | None = None
    is_outdated: bool = False


def place(by_core: Classes, by_us: Classes, roots: Roots, old: Container[str]) -> Iterator[Placed]:
    """Yield all classes that are loaded, and what Nautobot can do with each.

    Args:
        by_core: The classes that Nautobot has loaded itself, by their paths.
        by_us: Those that only we could load.
        roots: The folders of the sources.
        old: The packages of which this process has loaded other code than is on the disk.
    """
    for path, job_class in by_core.items():
        origin = roots.origin_of(path, job_class)
        if not _is_past(path, origin, roots):
            problem = _dropped(path, origin, roots) if _is_lost(path, origin, roots) else None
            yield Placed(job_class, origin, problem is None, problem, _is_outdated(job_class, origin, roots, old))
    for path, job_class in by_us.items():
        yield Placed(job_class, roots.origin_of(path, job_class), is_runnable=False)
    dropped = _listed_outside() | _registered_once(roots)
    for path, job_class in dropped.items():
        if path not in by_core and path not in by_us:
            origin = roots.origin_of(path, job_class)
            problem = _dropped(path, origin, roots)
            yield Placed(job_class, origin, False, problem, _is_outdated(job_class, origin, roots, old))


def _is_past(path: str, origin: Origin, roots: Roots) -> bool:
    """Say whether core has a class only as it never lets go of it: who registered it has since not done so again."""
    found = origin.registration
    if found is None or not found.modules:
        return False
    if origin.source.type is SourceType.GIT:
        if path.startswith(f"{origin.source.name}."):
            return False
        if not roots.is_reloaded(found.modules[0].name):
            return not _is_still_registered(path, found, roots)
        return registering.is_out_of_date(found, origin.source.name)
    if origin.source.type is SourceType.APP:
        # An app whose jobs are dynamic is loaded anew, too.
        module = found.modules[origin.depth]
        return module.name in sys.modules and not module.is_current
    return False


def _is_lost(path: str, origin: Origin, roots: Roots) -> bool:
    """Say whether a class that core has loaded now is gone when it loads the jobs anew."""
    root = path.partition(".")[0]
    if root == SYSTEM.name or root in settings.PLUGINS:
        return False
    if root in roots.slugs:
        # Core lets go of all that has the name of a repository as it comes to that one, after all that come before.
        source = origin.source
        if source.type is not SourceType.GIT or roots.slugs.index(source.name) < roots.slugs.index(root):
            return True
    elif not roots.has_jobs_root:
        return False
    found = origin.registration
    return found is not None and bool(found.modules) and not roots.is_reloaded(found.modules[0].name)


def _dropped(path: str, origin: Origin, roots: Roots) -> JobDroppedError:
    if origin.source.type in (SourceType.APP, SourceType.SYSTEM):
        return JobDroppedError(
            f"The app registers this job from a module outside its package, and Nautobot drops it when it reloads "
            f"JOBS_ROOT. Move the class into the package {origin.source.name!r}."
        )
    root = path.partition(".")[0]
    if root in roots.slugs and root != origin.source.name:
        return JobDroppedError(
            f"The job is registered by {origin.source.label}, and has the name of the repository {root}: Nautobot lets "
            f"go of it as it loads {root}, which comes later. Call register_jobs() for it in a job file of {root}."
        )
    found = origin.registration
    by = f" by {found.modules[0].name}" if found and found.modules else ""
    return JobDroppedError(
        f"The job is registered{by} in a way that Nautobot does not repeat: it drops the job when it loads the jobs "
        f"anew, as it does before each run. Call register_jobs() for it in a job file of {origin.source.label}."
    )


def _listed_outside() -> dict[str, Any]:
    """Return the jobs that apps list from modules outside their packages."""
    found: dict[str, Any] = {}
    for name in settings.PLUGINS:
        app = apps.get_app_config(name)
        outside = (item for item in listed_jobs(app) if not str(item.__module__).startswith(f"{app.name}."))
        found |= {item.class_path: item for item in outside}
    return found


def _registered_once(roots: Roots) -> dict[str, Any]:
    """Return the jobs that were registered earlier in this process, and would be again by one that begins now."""
    return {
        path: found.job_class
        for path, found in registering.registrations().items()
        if found.modules and _is_still_registered(path, roots.decisive(found) if found.others else found, roots)
    }


def _is_still_registered(path: str, found: Registration, roots: Roots) -> bool:
    """Say whether a process that begins now would be told of a class, too."""
    innermost = found.modules[0]
    if not innermost.is_current:
        return False
    if roots.is_reloaded(innermost.name):
        # It has registered it as it was last executed, and core has let go of it since.
        return not registering.is_out_of_date(found, innermost.name)
    outer = next((depth for depth, module in enumerate(found.modules) if roots.is_reloaded(module.name)), None)
    if outer is None:
        # Apps stay as they are for as long as the process does.
        origin = roots.origin_of(path, found.job_class)
        return origin.registration is found and origin.source.type is SourceType.APP
    text = source_files.module_text(found.modules[outer].file).content
    return _names_module(text, found.modules[outer - 1].name)


def _names_module(text: bytes, name: str) -> bool:
    """Say whether the text of a module imports another one, or names it in a string, as for `import_module`."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(f"{said}.".startswith(f"{name}.") or f"{name}.".startswith(f"{said}.") for said in _named_in(nodes))


def _named_in(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value


def _is_outdated(job_class: Any, origin: Origin, roots: Roots, old: Container[str]) -> bool:
    """Say whether a class of a module that is loaded only once is of another file than is there now."""
    name = str(job_class.__module__)
    root = name.partition(".")[0]
    if root in old:
        return True
    module = sys.modules.get(name)
    if module is None or root == SYSTEM.name or root in settings.PLUGINS or roots.is_reloaded(name):
        return False
    loaded = loaded_code.hash_as_loaded(job_class)
    if loaded:
        return loaded != source_files.module_text(source_files.file_of(module)).hash
    outdated.note_libraries([module])
    return outdated.is_outdated(module)
