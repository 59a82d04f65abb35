"""What modules of jobs raised as a Git sync loaded them, noted as it is raised (rule 12).

Nautobot may end a sync before it asks us: a module whose SQL fails spoils the transaction of the sync, and one that
raises what is no exception ends the run. The files are those of the previous commit again by then.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from nautobot_job_registry.engine.descriptor import LoadFailure, Source, SourceType
from nautobot_job_registry.sources import files as source_files

logger = logging.getLogger(__name__)

# What libpq says of a transaction in which a statement has failed.
IN_ERROR: Final = 3
_noted: ContextVar[dict[str, LoadFailure] | None] = ContextVar("job_registry_failed_loads", default=None)


class SpoiledTransactionError(Exception):
    """A module went on after a statement of its own had failed, so that no other one works in the same transaction."""


SPOILED = (
    "An SQL statement of this module failed as it was imported, and the module went on. In a Git sync all that follows "
    "fails, too. Do not ask the database at import, or do it in a transaction of its own."
)


def watch() -> None:
    """Note from now on, in this thread, what modules raise."""
    _noted.set({})


def unwatch() -> tuple[LoadFailure, ...]:
    """Note no more, and return what was noted, in the order in which it was raised."""
    noted = _noted.get() or {}
    _noted.set(None)
    return tuple(noted.values())


def note(name: str, version: str, error: BaseException) -> None:
    """Note what a module of a Git repository raised, if a sync is loading it; whatever goes wrong here harms nobody.

    Args:
        name: The dotted name of the module.
        version: The commit that is checked out.
        error: What it raised.
    """
    noted, slug = _noted.get(), name.partition(".")[0]
    is_of_jobs = name == slug or f"{name}.".startswith(f"{slug}.jobs.")
    if noted is None or name in noted or not is_of_jobs:
        return
    try:
        source, folder = Source(SourceType.GIT, slug), Path(settings.GIT_ROOT).resolve()
        noted[name] = source_files.describe_failure(error, source, version, name, folder)
    except Exception:
        logger.debug("What module %s raised is not noted.", name, exc_info=True)


def is_watching() -> bool:
    """Say whether a sync is loading modules in this thread: it does so in a transaction."""
    return _noted.get() is not None and connection.in_atomic_block


def is_spoiled() -> bool:
    """Say whether a statement has failed in the transaction that is open."""
    status = getattr(getattr(connection.connection, "info", None), "transaction_status", None)
    return status == IN_ERROR
