"""Git repositories served over HTTP on loopback: enough for Nautobot to clone and to fetch.

Nautobot accepts only http and https addresses. Git's "dumb" protocol needs no more than a static file server in front
of a bare repository in which `git update-server-info` was run.
"""

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
BRANCH = "main"
GIT_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Example",
    "GIT_AUTHOR_EMAIL": "example@example.com",
    "GIT_COMMITTER_NAME": "Example",
    "GIT_COMMITTER_EMAIL": "example@example.com",
    # What the user's own configuration says (signing, hooks, templates) must not change what we make.
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True)
class GitServer:
    """A running HTTP server over a folder of bare repositories."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The address of the folder."""
        return f"http://{LOOPBACK}:{self.port}"

    def repository(self, name: str) -> "ExampleRepository":
        """Make a new, empty repository in the folder."""
        return ExampleRepository.create(self.folder, name, f"{self.url}/{name}.git")


@contextlib.contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[GitServer]:
    """Serve a folder over HTTP on loopback while the block runs.

    Args:
        folder: Holds the bare repositories; made if it is missing.
        port: The port, or 0 for any free one.

    Yields:
        The running server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer((LOOPBACK, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield GitServer(folder, server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A static file server that does not write a line per request."""

    # The name of the argument is that of the standard library.
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@dataclass(frozen=True)
class ExampleRepository:
    """A bare repository with a work tree beside it to make commits from.

    Attributes:
        bare: The repository that is served.
        work_tree: The folder in which commits are made.
        url: The address to clone from.
    """

    bare: Path
    work_tree: Path
    url: str

    @classmethod
    def create(cls, folder: Path, name: str, url: str) -> "ExampleRepository":
        """Make an empty repository in the folder, in place of one of that name."""
        repository = cls(folder / f"{name}.git", folder / f"{name}.work", url)
        for path in (repository.bare, repository.work_tree):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
        _git(repository.bare, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}")
        _git(repository.work_tree, "init", "--quiet", f"--initial-branch={BRANCH}")
        _git(repository.work_tree, "remote", "add", "origin", str(repository.bare))
        _git(repository.bare, "update-server-info")
        return repository

    @property
    def head(self) -> str:
        """The hash of the last commit."""
        return _git(self.work_tree, "rev-parse", "HEAD")

    def write(self, path: str, content: str) -> Path:
        """Write a file into the work tree, with the folders it needs."""
        target = self.work_tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return target

    def remove(self, path: str) -> None:
        """Remove a file from the work tree."""
        (self.work_tree / path).unlink()

    def copy_in(self, folder: Path) -> None:
        """Copy a folder's content into the work tree."""
        shutil.copytree(folder, self.work_tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

    def commit(self, message: str, files: Mapping[str, str] | None = None, date: str = "") -> str:
        """Commit all that is in the work tree and make it available to clone and to fetch.

        Args:
            message: The commit's message.
            files: Files to write before, by path.
            date: When it was made, as git reads dates; now if it is empty. With it, the hash can be foretold.

        Returns:
            The new commit's hash.
        """
        for path, content in (files or {}).items():
            self.write(path, content)
        _git(self.work_tree, "add", "--all")
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        _git(self.work_tree, "commit", "--quiet", "--allow-empty", f"--message={message}", environment=dates)
        self.publish()
        return self.head

    def publish(self, force: bool = False) -> None:
        """Push the work tree's branch to the served repository."""
        _git(self.work_tree, "push", "--quiet", *(["--force"] if force else []), "origin", BRANCH)
        _git(self.bare, "update-server-info")


def _git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git in a folder and return what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "core.hooksPath=", "-C", str(folder), *arguments]
    variables = {**inherited, **GIT_ENVIRONMENT, **(environment or {})}
    result = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return result.stdout.strip()
