"""Python modules on disk: which there are below a folder, what they say, and where they fail."""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import SOURCE_SUFFIXES, ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from git.exc import GitError, ODBError
from nautobot.core.utils.logging import sanitize

from nautobot_job_registry.engine.descriptor import LoadFailure, Source, SourceText
from nautobot_job_registry.engine.fields import TEXT_MAX_LENGTH
from nautobot_job_registry.engine.text import bounded_text, shortened_text, storable_text

# What reading a clone raises that is missing, incomplete or broken.
UNUSABLE_CLONE = (GitError, ODBError, ValueError, OSError)
IMPORT_MACHINERY = (os.path.join("importlib", "__init__.py"), os.path.join("importlib", "util.py"))
PACKAGE = str(Path(__file__).parent)
# What a column of lines can hold.
MAX_LINE = 2**31 - 1
# How long a path can be on Linux, how many frames of a traceback are told at its beginning and at its end, and how much
# of a line of code: a module may have all of it in one.
MAX_PATH = 4096
FIRST_FRAMES, LAST_FRAMES, MAX_CODE = 20, 80, 500


class ModuleConflictError(ImportError):
    """A module has the name of one that is loaded from elsewhere."""


def is_interrupt(error: BaseException) -> bool:
    """Say whether an exception is somebody's Ctrl-C, and not one that the code of a job has raised by itself."""
    return type(error) is KeyboardInterrupt


def module_names(folder: Path, prefix: str = "") -> list[str]:
    """Return the dotted names of all modules and packages below a folder, without importing any of them."""
    names = []
    for info in pkgutil.iter_modules([str(folder)], prefix):
        names.append(info.name)
        if info.ispkg:
            names.extend(module_names(folder / info.name.rpartition(".")[2], f"{info.name}."))
    return names


def unreadable_packages(folder: Path, prefix: str = "") -> dict[str, OSError]:
    """Return what each folder raises that may be a package and cannot be read: Python takes it for one without modules.

    Args:
        folder: The folder below which is looked.
        prefix: The dotted name of the package that it is, with a dot, or empty.
    """
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        return {prefix.rstrip("."): error}
    if prefix and not any(entry.name == "__init__.py" for entry in entries):
        return {}
    found: dict[str, OSError] = {}
    for entry in entries:
        if entry.name.isidentifier() and entry.is_dir():
            found |= unreadable_packages(Path(entry.path), f"{prefix}{entry.name}.")
    return found


def is_below(path: str | None, folder: Path) -> bool:
    """Say whether a file lies below a folder, symbolic links resolved."""
    if not path:
        return False
    return path.startswith(f"{folder}{os.sep}") or Path(os.path.realpath(path)).is_relative_to(folder)


def module_text(path: str | None) -> SourceText:
    """Return the text of a module; empty where there is none to read, as of a compiled one that came without it."""
    try:
        with open(path or "", "rb") as file:
            return SourceText(file.read(), is_text=str(path).endswith(tuple(SOURCE_SUFFIXES)))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return SourceText()


def class_file(job_class: type) -> str | None:
    """Return the file that holds a class, also where its module failed after the class had been registered."""
    path = file_of(sys.modules.get(job_class.__module__))
    if path:
        return path
    codes = (getattr(member, "__code__", None) for member in vars(job_class).values())
    return next((code.co_filename for code in codes if isinstance(code, CodeType)), None)


def file_of(module: Any) -> str | None:
    """Return the file of a module, if it tells one: a module may have put anything into its own place."""
    try:
        path = getattr(module, "__file__", None)
    except Exception:
        return None
    return path if isinstance(path, str) else None


@contextmanager
def importable_from(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder for a while."""
    before = sys.path.copy()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before


def load_module(name: str, folder: Path) -> Any:
    """Import one module from a folder, if it is not loaded from there already.

    Returns:
        The module, or what it has put into its place.

    Raises:
        ModuleConflictError: If a module of that name is loaded from elsewhere, or its file lies elsewhere.
        BaseException: Whatever the module raises.
    """
    module = sys.modules.get(name)
    if module is None:
        _require_inside(name, importlib.util.find_spec(name), folder)
        module = importlib.import_module(name)
    path = file_of(module)
    if path is None and not isinstance(module, ModuleType) and _file_of(name, folder):
        # It is what its file has put into its place.
        return module
    if not is_below(path, folder):
        raise ModuleConflictError(f"Module {name!r} has the name of one that is loaded already, from {path}.")
    return module


def forget_replaced_modules(folders: Iterable[Path]) -> None:
    """Let go of what modules below some folders have put into their own place.

    Core reads all of them anew, and comes to an end where what it meets tells of itself what no module does.
    """
    for name, module in list(sys.modules.items()):
        is_module = module is None or issubclass(type(module), ModuleType)
        if not is_module and any(_file_of(name, folder) for folder in folders):
            del sys.modules[name]


def _require_inside(name: str, spec: ModuleSpec | None, folder: Path) -> None:
    """Refuse a symbolic link to a file elsewhere, as core does; loaded by us alone, it would be there only once."""
    path = os.path.realpath(spec.origin) if spec is not None and spec.origin else None
    if path is not None and not is_below(path, folder):
        raise ModuleConflictError(
            f"The file of module {name!r} is {path}, and Nautobot loads none outside of {folder}."
        )


def text_failure(name: str, folder: Path) -> Exception | None:
    """Return what is wrong with the text of a module, which is not run; None where nothing is, or where it has none."""
    path = _file_of(name, folder)
    if not path:
        return None
    try:
        compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
    except Exception as error:
        return error
    return None


def describe_failure(
    error: BaseException, source: Source, version: str, module_name: str, folder: Path | None
) -> LoadFailure:
    """Turn what a module raised into data that outlives the exception (rule 2).

    Args:
        error: The exception.
        source: The source that holds the module.
        version: Version or commit of the source.
        module_name: The module that was to be loaded.
        folder: The folder of the source: the last line of it in the traceback is named.
    """
    file_path, line = _location(error, folder)
    return LoadFailure(
        source=source,
        source_version=version,
        module_name=storable_text(module_name),
        job_class_name="",
        file_path=_storable_path(file_path or _file_of(module_name, folder)),
        line=line,
        **_said(error),
    )


def describe_class_failure(error: BaseException, source: Source, version: str, job_class: type) -> LoadFailure:
    """Turn what a class raised when it was read into data: the failure names the class and its line (rule 2)."""
    return LoadFailure(
        source=source,
        source_version=version,
        module_name=storable_text(str(job_class.__module__)),
        job_class_name=storable_text(job_class.__name__),
        file_path=_storable_path(class_file(job_class) or ""),
        line=_class_line(job_class),
        **_said(error),
    )


def _storable_path(path: str) -> str:
    """Return the path of a file; code that was compiled from a text may call its file anything."""
    return storable_text(shortened_text(path, MAX_PATH))


def _said(error: BaseException) -> dict[str, Any]:
    """Return what an exception tells, without the secrets that Nautobot keeps out of its own logs, too.

    One that cannot even be printed harms no more than its own module.
    """
    name = type(error).__name__
    try:
        message = str(error)
    except BaseException as unprintable:
        if is_interrupt(unprintable):
            raise
        message = f"<unprintable {name}>"
    return {
        "exception_type": storable_text(name)[:TEXT_MAX_LENGTH],
        "message": storable_text(sanitize(bounded_text(message))),
        "traceback": storable_text(sanitize(bounded_text(_format(error)))),
    }


def _location(error: BaseException, folder: Path | None) -> tuple[str, int | None]:
    places = [(frame.filename, frame.lineno) for frame in _frames(error)]
    if isinstance(error, SyntaxError) and os.path.isfile(str(error.filename)):
        # What is no file is a text that the module has read or compiled: the module itself is where that failed.
        places.append((str(error.filename), _storable_line(error.lineno)))
    inside = [place for place in places if folder is None or is_below(place[0], folder)]
    return next(reversed(inside or places), ("", None))


def _storable_line(number: Any) -> int | None:
    """Return the number of a line, as far as it is one: a module can raise a SyntaxError that says anything."""
    return number if isinstance(number, int) and 0 <= number <= MAX_LINE else None


def _file_of(module_name: str, folder: Path | None) -> str:
    """Return the file of a module that fails before any of its lines is run; empty where there is none."""
    if folder is None:
        return ""
    path = os.path.join(folder, *module_name.split("."))
    return next((file for file in (f"{path}.py", os.path.join(path, "__init__.py")) if os.path.isfile(file)), "")


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of a traceback, the first and the last of very many, without the text of their lines."""
    found = list(traceback.walk_tb(error.__traceback__))
    if len(found) > FIRST_FRAMES + LAST_FRAMES:
        found = [*found[:FIRST_FRAMES], *found[-LAST_FRAMES:]]
    frames = traceback.StackSummary.extract(iter(found), lookup_lines=False)
    return [frame for frame in frames if not _is_ours(frame.filename)]


def _is_ours(filename: str) -> bool:
    """Say whether a frame is of the machinery that loads modules, which tells a reader nothing."""
    return filename.startswith((PACKAGE, "<frozen importlib")) or filename.endswith(IMPORT_MACHINERY)


def _format(error: BaseException) -> str:
    lines = ["Traceback (most recent call last):\n"] if error.__traceback__ else []
    lines.extend(map(_frame_text, _frames(error)))
    try:
        lines.extend(traceback.format_exception_only(type(error), error))
    except BaseException as unprintable:
        if is_interrupt(unprintable):
            raise
        lines.append(f"<unprintable {type(error).__name__}>\n")
    return "".join(lines)


def _frame_text(frame: traceback.FrameSummary) -> str:
    line = linecache.getline(frame.filename, frame.lineno or 0)
    if len(line) <= MAX_CODE:
        return "".join(traceback.format_list([frame]))
    place = f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
    return f"{place}\n    {shortened_text(line.strip(), MAX_CODE)}\n"


def _class_line(job_class: Any) -> int | None:
    """Return the line in which a class begins; nothing where its file is not there, or is another one by now.

    It is looked for, as to have Python parse a large module for each class in it takes seconds.
    """
    try:
        path = class_file(job_class) or ""
        linecache.checkcache(path)
        lines, name = linecache.getlines(path), re.escape(job_class.__name__)
    except Exception:
        return None
    for indent in ("", r"\s*"):
        begins = re.compile(rf"{indent}class\s+{name}\b").match
        for number, line in enumerate(lines, start=1):
            if begins(line):
                return number
    return None
