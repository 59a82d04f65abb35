"""Says at the start whether the database is one that the app works with."""

from __future__ import annotations

from typing import Any, Final

from django.core.checks import CheckMessage, Warning  # noqa: A004
from django.db import connection

SUPPORTED: Final = "postgresql"


def check_database(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a database other than PostgreSQL, without connecting to it."""
    if connection.vendor == SUPPORTED:
        return []
    return [
        Warning(
            f"The Job Registry works with PostgreSQL, and this Nautobot's database is {connection.display_name}.",
            hint="Expect errors where rows are locked or drifted overrides are looked for. Either move Nautobot to "
            "PostgreSQL, or take nautobot_job_registry out of PLUGINS.",
            id="nautobot_job_registry.W001",
        )
    ]
