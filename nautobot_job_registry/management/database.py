"""What every command asks of the database before it begins."""

from django.core.management.base import CommandError
from django.db import OperationalError

from nautobot_job_registry.core_bridge import host

NOT_MIGRATED = "The database is not migrated to the latest: run `nautobot-server migrate` first."


def require_database() -> None:
    """End a command, with one line that says why, where the database is not ready for it.

    Raises:
        CommandError: If the database cannot be reached, or is not migrated to the latest.
    """
    try:
        migrated = host.is_migrated()
    except OperationalError as error:
        raise CommandError(f"The database cannot be used: {str(error).strip().splitlines()[0]}") from error
    if not migrated:
        raise CommandError(NOT_MIGRATED)
