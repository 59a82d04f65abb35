"""The code around the line of a load error: of its commit, or as it is on this host now."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from git import Repo
from git.objects import Blob

from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.engine.text import decoded
from nautobot_job_registry.sources.files import UNUSABLE_CLONE
from nautobot_job_registry.sources.origins import Roots

LINES_AROUND: Final = 6
# A job file that is longer is no file that somebody wrote.
MOST_BYTES: Final = 2_000_000
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_KINDS_OF_FILE: Final = (0o100644, 0o100755)


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a file.

    Attributes:
        lines: The lines.
        first: The number of the first of them.
        marked: The number of the line that it is about.
        commit: Of which commit they are; empty where they are what the file says on this host now.
    """

    lines: tuple[str, ...]
    first: int
    marked: int
    commit: str = ""


def excerpt(source: Source, version: str, file_path: str, line: int, traceback: str = "") -> Excerpt | None:
    """Return the lines around the line of an error, or None where what failed cannot be told for sure.

    Nothing is read but a regular file in the folder of the source, or in the commit of its repository.

    Args:
        source: The source.
        version: Its version or commit as the error was recorded.
        file_path: The file, as the error names it.
        line: The line, counted from one.
        traceback: Where the error was raised: it says what the line was.
    """
    folder = Roots(()).folder_of(source)
    if folder is None or line < 1 or Path(source.name).name != source.name:
        return None
    if source.type is SourceType.GIT:
        content, commit = _in_commit(folder, version, file_path), version
    else:
        content, commit = _on_disk(folder, file_path), ""
    if content is None:
        return None
    lines = decoded(content).replace("\r\n", "\n").removesuffix("\n").split("\n")
    if line > len(lines) or (not commit and _is_another(lines[line - 1], file_path, line, traceback)):
        return None
    first = max(1, line - LINES_AROUND)
    return Excerpt(tuple(lines[first - 1 : line + LINES_AROUND]), first, line, commit)


def _on_disk(folder: Path, file_path: str) -> bytes | None:
    """Return what a file in a folder says, wherever links lead to; None of anything else."""
    path = Path(os.path.realpath(os.path.join(folder, file_path)))
    if not path.is_relative_to(folder):
        return None
    try:
        # What is no file would have to be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _in_commit(folder: Path, commit: str, file_path: str) -> bytes | None:
    """Return what a file said in a commit, whatever is checked out now."""
    path = Path(os.path.join(folder, file_path))
    # The folder itself may be reached by a link.
    path = path if path.is_relative_to(folder) else Path(os.path.realpath(path))
    if not path.is_relative_to(folder) or ".." in path.parts or not _COMMIT.fullmatch(commit):
        return None
    try:
        with Repo(folder) as repository:
            found = repository.commit(commit).tree / path.relative_to(folder).as_posix()
            is_file = isinstance(found, Blob) and found.mode in _KINDS_OF_FILE and found.size <= MOST_BYTES
            return found.data_stream.read() if is_file else None
    except (*UNUSABLE_CLONE, KeyError):
        return None


def _is_another(text: str, file_path: str, line: int, traceback: str) -> bool:
    """Say whether a traceback shows that a line was another one when the error was raised."""
    told = re.search(rf'File "{re.escape(file_path)}", line {line}(?:, in .*)?\n[ \t]+(.+)', traceback)
    return told is not None and not _is_cut(told[1]) and told[1].strip() != text.strip()


def _is_cut(text: str) -> bool:
    return "characters cut]" in text
