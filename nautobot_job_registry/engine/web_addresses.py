"""Where a file of a Git repository can be read in a browser, as far as the address of the repository tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
# `git@host:owner/name.git`, as ssh and git take it.
_SCP: Final = re.compile(r"(?:[^@/:]+@)?(?P<host>[^@/:]+):(?P<path>[^/].*)")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
# What else a path has may be a part of a password that was not escaped.
_PART: Final = re.compile(r"[\w~-][\w.~-]*|\.[\w~-][\w.~-]*", re.ASCII)


@dataclass(frozen=True)
class Forge:
    """A kind of web server for Git repositories.

    Attributes:
        names: The name of its host, or the first word of it where it is run by somebody else: `gitlab.example.org`.
        file: The address of a file at a commit, from the address of the repository on.
        line: What leads to a line of it.
        depth: How many words the path of a repository has at the most.
    """

    names: tuple[str, ...]
    file: str
    line: str
    depth: int = 2


FORGES: Final = (
    Forge(("github.com", "github"), "blob/{commit}/{path}", "#L{line}"),
    Forge(("gitlab.com", "gitlab"), "-/blob/{commit}/{path}", "#L{line}", depth=20),
    Forge(("bitbucket.org",), "src/{commit}/{path}", "#lines-{line}"),
    Forge(("codeberg.org", "codeberg", "gitea.com", "gitea", "forgejo"), "src/commit/{commit}/{path}", "#L{line}"),
)


def file_address(remote_url: str, commit: str, path: str, line: int | None = None) -> str | None:
    """Return the address at which a browser shows a file of a repository, or None where it is not known for sure.

    What stands before the host, which may be a password or a token, is never a part of it, nor is a query.

    Args:
        remote_url: The address from which the repository is fetched: by https, http or ssh, or as `git@host:path`.
        commit: The commit, in hexadecimal digits.
        path: The path of the file, from the root of the repository on.
        line: The line of it, counted from one.
    """
    site, name = _repository(remote_url)
    host = site.partition("://")[2].partition(":")[0]
    forge = next((forge for forge in FORGES if {host, host.partition(".")[0]} & set(forge.names)), None)
    parts, places = name.split("/"), path.split("/")
    if forge is None or not 2 <= len(parts) <= forge.depth or not all(_PART.fullmatch(part) for part in parts):
        return None
    if not _COMMIT.fullmatch(commit) or any(place in ("", ".", "..") for place in places):
        return None
    address = f"{site}/{name}/{forge.file.format(commit=commit, path=quote(path))}"
    return address + (forge.line.format(line=line) if line else "")


def _repository(remote_url: str) -> tuple[str, str]:
    """Return the address of the web server of a repository and its name there; empty texts where either is unknown."""
    if remote_url.split() != [remote_url]:
        return "", ""
    try:
        site, path = _site(urlsplit(remote_url)) if "://" in remote_url else _site_by_ssh(remote_url)
    except ValueError:
        return "", ""
    return site, path.strip("/").removesuffix(".git")


def _site(url: SplitResult) -> tuple[str, str]:
    host = (url.hostname or "").lower()
    if not _HOST.fullmatch(host):
        return "", ""
    if url.scheme in ("http", "https"):
        return f"{url.scheme}://{host}{f':{url.port}' if url.port else ''}", url.path
    # Which port the web server has is not known: that of ssh is another one.
    return (f"https://{host}", url.path) if url.scheme in ("ssh", "git+ssh") else ("", "")


def _site_by_ssh(remote_url: str) -> tuple[str, str]:
    found = _SCP.fullmatch(remote_url)
    host = found["host"].lower() if found else ""
    return (f"https://{host}", found["path"]) if found and _HOST.fullmatch(host) else ("", "")
