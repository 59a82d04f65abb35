"""What every command asks of the database before it begins, and says where that gives up."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError

from nautobot_job_registry.core_bridge import host
from nautobot_job_registry.engine.text import log_text
from nautobot_job_registry.models.attempts import GIVEN_UP

GAVE_UP = "The database gave up all attempts, and what was not done yet can be done by another call: {error}"
NOT_MIGRATED = "The database is not migrated to the latest: run `nautobot-server migrate` first."


def require_database() -> None:
    """End a command, with one line that says why, where the database is not ready for it.

    Raises:
        CommandError: If the database cannot be reached, or is not migrated to the latest.
    """
    try:
        migrated = host.is_migrated()
    except OperationalError as error:
        reason, *_ = str(error).strip().split("\n")
        raise CommandError(f"The database cannot be used: {log_text(reason)}") from error
    if not migrated:
        raise CommandError(NOT_MIGRATED)


@contextmanager
def told_where_given_up() -> Iterator[None]:
    """End a command with one line where the database has given up all attempts of what it does (rule 10).

    Raises:
        CommandError: If it has.
    """
    try:
        yield
    except GIVEN_UP as error:
        raise CommandError(GAVE_UP.format(error=log_text(str(error).strip().partition("\n")[0]))) from error
