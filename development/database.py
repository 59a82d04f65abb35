"""A database for Nautobot within seconds, and Nautobot's own command line to use it with.

Nautobot's several hundred migrations take minutes on an empty database, nearly all of it Python working out the states
of models. A new development database needs none of that history: its tables are made from the models as they are now.
The migrations are then recorded as applied, without running them, so that later migrations apply as usual. A slow test
proves that the tables of this app are the same as its real migrations make them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

if TYPE_CHECKING:
    from django.db.migrations import Migration

CONFIG = Path(__file__).resolve().parent / "nautobot_config.py"
MAINTENANCE_DATABASE = "postgres"
FIRST_WITH_STRATEGIES = 150000
# Nautobot's migrations that put default rows into new tables. Their functions work on the models of today too.
SEED_MIGRATIONS = (
    ("dcim", "0087_populate_default_cable_types"),
    ("extras", "0132_approval_workflow_seed_data"),
    ("vpn", "0002_populate_defaults"),
)

Progress = Callable[[str], None]


class CommandError(Exception):
    """A `nautobot-server` command failed; the text holds the command and the end of its output."""


def nautobot_server(
    environment: Mapping[str, str],
    *arguments: str,
    check: bool = True,
    timeout: float | None = None,
    **options: Any,
) -> "subprocess.CompletedProcess[str]":
    """Run the real `nautobot-server` with the configuration for development.

    Args:
        environment: Variables on top of this process's own.
        *arguments: The command and its arguments.
        check: Whether an exit code other than 0 raises.
        timeout: Seconds, or None to wait as long as it takes.
        **options: Passed on to `subprocess.run`, `input` for example.

    Returns:
        The finished process, with its output as text in `stdout` and `stderr`.

    Raises:
        CommandError: If the command failed and `check` is set.
        subprocess.TimeoutExpired: If it took too long.
    """
    return _run(nautobot_command(*arguments), environment, check=check, timeout=timeout, **options)


def run_python(
    environment: Mapping[str, str], code: str, check: bool = True, timeout: float | None = None, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run Python code in a process of its own; otherwise like `nautobot_server`."""
    path = {"PYTHONPATH": str(CONFIG.parent.parent)}
    return _run([sys.executable, "-c", code], {**path, **environment}, check=check, timeout=timeout, **options)


def nautobot_command(*arguments: str) -> list[str]:
    """Return the command line of `nautobot-server` in this Python environment; for long-running processes."""
    return [str(Path(sys.executable).parent / "nautobot-server"), "--config", str(CONFIG), *arguments]


def process_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a Nautobot process: this process's own, with those of an instance on top."""
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return {**inherited, "PYTHONUNBUFFERED": "1", **environment}


def build_database(
    environment: Mapping[str, str], name: str, progress: Progress = print, bare_copy: str = ""
) -> dict[str, str]:
    """Make a new database that Nautobot can work with, in seconds.

    It ends with what a real first `migrate` ends with: the tables, the record of the applied migrations, Nautobot's
    default rows (statuses, roles, the global namespace, ...), and what its handlers make after a migrate (content
    types, permissions, job records). A `migrate` afterwards has nothing to apply, and sends its signals.

    Args:
        environment: Variables that point at the servers.
        name: Name of the database; one of that name is replaced.
        progress: Called with a line before each step.
        bare_copy: Name of one more database, with all of this but default rows and the record of the migrations.

    Returns:
        The variables of an instance on the new database.

    Raises:
        CommandError: If a step failed.
    """
    instance = {**environment, "NAUTOBOT_DB_NAME": name}
    start = time.monotonic()
    progress(f"Creating the database {name}")
    create_empty_database(environment, name)
    progress("Making the tables from the models")
    _run(
        [sys.executable, "-m", "development.database", bare_copy],
        {**instance, "NAUTOBOT_SCHEMA_FROM_MODELS": "1", "PYTHONPATH": str(CONFIG.parent.parent)},
    )
    progress(f"The database {name} is ready after {time.monotonic() - start:.0f} s")
    return instance


def create_empty_database(environment: Mapping[str, str], name: str) -> dict[str, str]:
    """Make a new database with nothing in it, in place of one of that name, for a real `migrate` from the start.

    Returns:
        The variables of an instance on the new database.
    """
    drop_database(environment, name)
    _execute(environment, sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'"), name)
    return {**environment, "NAUTOBOT_DB_NAME": name}


def copy_database(environment: Mapping[str, str], template: str, name: str) -> dict[str, str]:
    """Make a database that is a copy of another one, in place of one of that name.

    Args:
        environment: Variables that point at the servers.
        template: The database to copy; nobody may be connected to it.
        name: Name of the copy.

    Returns:
        The variables of an instance on the copy.
    """
    drop_database(environment, name)
    # File by file: by way of its log the server takes half as long again for three thousand small tables and indexes.
    strategy = " STRATEGY FILE_COPY" if _server_version(environment) >= FIRST_WITH_STRATEGIES else ""
    _execute(environment, sql.SQL("CREATE DATABASE {} TEMPLATE {}" + strategy), name, template)
    return {**environment, "NAUTOBOT_DB_NAME": name}


def drop_database(environment: Mapping[str, str], name: str) -> None:
    """Drop a database if it exists, together with the connections to it."""
    _execute(environment, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)


def database_exists(environment: Mapping[str, str], name: str) -> bool:
    """Whether the server has a database of that name."""
    connection = _connect(environment)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return cursor.fetchone() is not None
    finally:
        connection.close()


def _server_version(environment: Mapping[str, str]) -> int:
    """Return the version of the server, as 180000."""
    connection = _connect(environment)
    try:
        return int(connection.server_version)
    finally:
        connection.close()


def _run(
    command: list[str], environment: Mapping[str, str], check: bool = True, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a Nautobot process to its end; see `nautobot_server`."""
    if not {"stdout", "stderr", "capture_output"} & set(options):
        options["capture_output"] = True
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    result = subprocess.run(command, env=process_environment(environment), text=True, check=False, **options)
    if check and result.returncode != 0:
        output = f"{result.stdout or ''}{result.stderr or ''}"[-6000:]
        raise CommandError(f"{' '.join(command)} ended with {result.returncode}:\n{output}")
    return result


def _execute(environment: Mapping[str, str], statement: sql.SQL, *names: str) -> None:
    """Run a statement that cannot run in a transaction, with database names put in."""
    connection = _connect(environment)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement.format(*map(sql.Identifier, names)))
    finally:
        connection.close()


def _connect(environment: Mapping[str, str]) -> "psycopg2.extensions.connection":
    """Connect to the server's own database, which is always there."""
    return psycopg2.connect(
        host=environment["NAUTOBOT_DB_HOST"],
        port=environment.get("NAUTOBOT_DB_PORT") or 5432,
        user=environment.get("NAUTOBOT_DB_USER") or None,
        password=environment.get("NAUTOBOT_DB_PASSWORD") or None,
        dbname=MAINTENANCE_DATABASE,
    )


def _make_schema(bare_copy: str) -> None:
    """Make the tables from the models and record all migrations; runs in a process of its own.

    Django's `migrate --fake` cannot do the second half: its models stay at the beginning of the history, and Nautobot's
    handlers fail on them.

    Args:
        bare_copy: Name of a copy of the database after the first half, or nothing.
    """
    import nautobot

    nautobot.setup(str(CONFIG))
    from django.core.management import call_command
    from django.db import connection, connections
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.recorder import MigrationRecorder
    from django.test import override_settings

    call_command("migrate", run_syncdb=True, interactive=False, verbosity=0)
    if bare_copy:
        connections.close_all()
        copy_database(os.environ, connection.settings_dict["NAME"], bare_copy)
    with override_settings(MIGRATION_MODULES={}):
        migrations = MigrationLoader(connection).disk_migrations
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    # One that replaces others counts as applied only where those do.
    applied = migrations.keys() | {old for migration in migrations.values() for old in migration.replaces}
    recorder.migration_qs.bulk_create(recorder.Migration(app=app, name=name) for app, name in sorted(applied))
    _make_default_rows([migrations[key] for key in SEED_MIGRATIONS if key in migrations])


def _make_default_rows(seeds: "list[Migration]") -> None:
    """Make the rows that Nautobot's migrations, not its handlers, put into a new database."""
    from django.apps import apps
    from django.db import connection
    from django.db.migrations.operations import RunPython
    from nautobot.extras.management import populate_role_choices, populate_status_choices
    from nautobot.ipam.models import get_default_namespace

    populate_status_choices()
    populate_role_choices()
    get_default_namespace()
    with connection.schema_editor() as schema_editor:
        for seed in seeds:
            for operation in seed.operations:
                if isinstance(operation, RunPython):
                    operation.code(apps, schema_editor)


if __name__ == "__main__":
    _make_schema(*sys.argv[1:])
