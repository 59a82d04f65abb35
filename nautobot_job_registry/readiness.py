"""Whether the database is as the models describe it."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from nautobot_job_registry.constants import APP_NAME

# The apps whose tables a reconcile reads or writes.
TOUCHED_APPS = (APP_NAME, "extras", "contenttypes")


def is_migrated(using: str = "default") -> bool:
    """Say whether the tables that a reconcile touches are there as the models describe them.

    A backward or partial migration, or the very first one, leaves tables missing or old. Where migrations are
    switched off (as test runners do), tables come from the models and are current once they exist.

    Args:
        using: The alias of the database.

    Raises:
        OperationalError: If the database cannot be reached.
    """
    connection = connections[using]
    return not _pending_migrations(connection) and not _missing_tables(connection)


def _pending_migrations(connection: Any) -> list[tuple[str, str]]:
    loader = MigrationLoader(connection)
    latest = (key for key in loader.graph.leaf_nodes() if key[0] in TOUCHED_APPS)
    return [key for key in latest if key not in loader.applied_migrations]


def _missing_tables(connection: Any) -> set[str]:
    owned = {model._meta.db_table for model in apps.get_app_config(APP_NAME).get_models()}
    return owned - set(connection.introspection.table_names())
