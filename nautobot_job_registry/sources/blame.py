"""Who touched the file of a load error last: for those who want to know whom to ask."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from git import Repo
from git.exc import GitError

from nautobot_job_registry.engine.descriptor import LoadFailure, SourceType
from nautobot_job_registry.engine.fields import TEXT_MAX_LENGTH
from nautobot_job_registry.engine.text import log_text, storable_text
from nautobot_job_registry.sources.load_errors import Commit, ErrorKey

logger = logging.getLogger(__name__)

# Git is asked once for each commit that has errors. What it cannot tell in this time, and this far back, is left empty.
SECONDS = 10
MAX_COMMITS = 1000
COMMIT, FIELD = "\x01", "\x02"


def authors_of(failures: Iterable[LoadFailure]) -> dict[ErrorKey, Commit]:
    """Return author and subject of the last commit that touched the file of each failure, by its key.

    Only failures in Git repositories have any, and it never raises: an answer that Git does not give is left out.

    Args:
        failures: What could not be loaded.
    """
    return dict(_authors(failures))


def _authors(failures: Iterable[LoadFailure]) -> Iterator[tuple[ErrorKey, Commit]]:
    by_commit: dict[tuple[str, str], list[LoadFailure]] = defaultdict(list)
    for failure in failures:
        if failure.source.type is SourceType.GIT and failure.source_version and failure.file_path:
            by_commit[failure.source.name, failure.source_version].append(failure)
    for (slug, version), of_commit in by_commit.items():
        clone = Path(settings.GIT_ROOT, slug)
        paths = {failure: _path_in_clone(failure.file_path, clone) for failure in of_commit}
        commits = _last_commits(clone, version, sorted({path for path in paths.values() if path}))
        yield from ((failure.key, commits[path]) for failure, path in paths.items() if path in commits)


def _path_in_clone(file_path: str, clone: Path) -> str:
    """Return the path of a file as its repository knows it, or nothing where it is outside."""
    for path, folder in ((Path(file_path), clone), (Path(file_path).resolve(), clone.resolve())):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return ""


def _last_commits(clone: Path, version: str, paths: list[str]) -> dict[str, Commit]:
    """Return author and subject of the last commit, up to a version, that touched each of some files."""
    if not paths:
        return {}
    try:
        with Repo(clone) as repo:
            text = repo.git(c="core.quotepath=off").log(
                version,
                "--name-only",
                f"--max-count={MAX_COMMITS}",
                f"--format={COMMIT}%an{FIELD}%s",
                "--",
                *paths,
                kill_after_timeout=SECONDS,
            )
    except (GitError, OSError, ValueError) as error:
        logger.info("Git does not tell who touched the files last that cannot be loaded: %s", log_text(str(error)))
        return {}
    return _parse(text, frozenset(paths))


def _parse(text: str, paths: frozenset[str]) -> dict[str, Commit]:
    """Read the log: for each commit, the latest first, a line about it and one for each file that it touched."""
    commits: dict[str, Commit] = {}
    for entry in text.split(COMMIT)[1:]:
        header, *names = entry.splitlines()
        author, _, subject = (storable_text(part)[:TEXT_MAX_LENGTH] for part in header.partition(FIELD))
        for name in names:
            if name in paths:
                commits.setdefault(name, (author, subject))
    return commits
