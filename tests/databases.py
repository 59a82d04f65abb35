"""The databases of the tests: two that are made once for all processes of a run, and copies of them.

To make the tables of Nautobot takes as long as hundreds of tests; to copy them takes a moment.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg2

from development import database


class NoMigrations:
    """Tell Django that no app has migrations: the tables of the tests are made from the models."""

    def __contains__(self, app_label: str) -> bool:
        return True

    def __getitem__(self, app_label: str) -> None:
        return None


class Templates:
    """Two databases that are copied and never used, made by whichever process of a run comes first.

    Attributes:
        tables: Has tables, and what Nautobot's handlers make after a migrate: what tests in a process begin with.
        ready: Has the default rows and the record of the migrations, too: what a real instance begins with.
    """

    def __init__(self, servers: Mapping[str, str], folder: Path, number: int) -> None:
        """Choose the names.

        Args:
            servers: The variables that point at the servers.
            folder: The folder of the run, which all of its processes share.
            number: Tells the databases of this run from those of others on the same server.
        """
        self.tables, self.ready = f"nautobot_tables_{number}", f"nautobot_template_{number}"
        self._servers = dict(servers)
        self._folder = folder

    def make_in_advance(self) -> Thread:
        """Begin to make them beside whatever else is to be done; who needs them waits, and hears of a failure."""
        thread = Thread(target=self._try_to_make, name="templates")
        thread.start()
        return thread

    def make(self) -> None:
        """Make them, unless that is done; another process that is about it is waited for."""
        done = self._folder / "templates.done"
        with (self._folder / "templates.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                environment = self._servers | folders(self._folder / "template")
                database.build_database(environment, self.ready, progress=lambda line: None, bare_copy=self.tables)
                done.touch()

    def drop(self) -> None:
        """Drop them, where they are."""
        for name in (self.tables, self.ready):
            database.drop_database(self._servers, name)

    def _try_to_make(self) -> None:
        try:
            self.make()
        except (database.CommandError, psycopg2.Error):
            # The next one who needs them tries, and tells of it.
            return


def folders(root: Path) -> dict[str, str]:
    """Return variables that keep an instance's files below one folder, and make the folders."""
    paths = {"NAUTOBOT_ROOT": root}
    paths |= {f"NAUTOBOT_{kind.upper()}_ROOT": root / kind for kind in ("jobs", "git", "media", "static")}
    for folder in paths.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {name: str(folder) for name, folder in paths.items()}


@contextmanager
def in_process(servers: Mapping[str, str], templates: Templates) -> Iterator[None]:
    """Let Django use a copy of the tables in this process, and put it back to the beginning after each use.

    Args:
        servers: The variables that point at the servers.
        templates: Where the tables come from.
    """
    from django.conf import settings
    from django.db import connections
    from django.test import TransactionTestCase

    templates.make()
    name = f"test_nautobot_{os.getpid()}"
    previous = settings.MIGRATION_MODULES, TransactionTestCase._fixture_teardown

    def renew(test_case: Any = None) -> None:
        """What a test has committed goes, in a tenth of the time that it takes to empty all tables and fill some."""
        connections.close_all()
        database.copy_database(servers, templates.tables, name)

    settings.MIGRATION_MODULES, TransactionTestCase._fixture_teardown = NoMigrations(), renew
    try:
        with of_models(name):
            renew()
            yield
    finally:
        settings.MIGRATION_MODULES, TransactionTestCase._fixture_teardown = previous
        database.drop_database(servers, name)


@contextmanager
def of_models(name: str) -> Iterator[None]:
    """Let the models of this process be about a database, and then about the one that they were about before.

    Args:
        name: The name of the database.
    """
    from django.db import connections

    before = {alias: connections[alias].settings_dict["NAME"] for alias in connections}

    def point_at(names: Mapping[str, str]) -> None:
        connections.close_all()
        for alias, known in names.items():
            connections[alias].settings_dict["NAME"] = known

    point_at(dict.fromkeys(before, name))
    try:
        yield
    finally:
        point_at(before)
