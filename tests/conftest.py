"""Servers and settings for the tests, and a real Nautobot instance for the slow ones.

The servers run before anything imports a model, for as long as the session runs. Nothing here needs a variable of the
environment; servers that the environment names are used in place of the embedded ones.

With pytest-xdist (`-n 2`) the process that hands the tests out starts the servers, and names them in the environment
that the processes which run the tests inherit. Each of those has databases, databases of Redis, and folders of its own.
What the databases are copied from is made once for all of them: see `tests/databases.py`.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis

from development import database
from development.server_process import ServerError
from development.servers import STATE_ROOT, running_servers
from tests import databases

# A process that xdist started works in the folder of the one that hands the tests out, which removes it.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
RUN_NUMBER = os.getppid() if WORKER else os.getpid()
RUN = f"run-{RUN_NUMBER}"
SHARED_FOLDER = STATE_ROOT / "tests" / RUN
RUN_FOLDER = SHARED_FOLDER / WORKER
REDIS_DATABASES = 16
REDIS_CLAIM_SECONDS = 4 * 60 * 60

_session = contextlib.ExitStack()
_servers: dict[str, str] = {}
_numbers = itertools.count(1)
_making: list[threading.Thread] = []


# Before the tests: servers, then settings, then models


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, and set up Nautobot where tests are run; pytest-django finds Django configured."""
    # As Ctrl-C: pytest takes the SystemExit of our usual handler for a failed test, and goes on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _remove_left_overs()
    # After the servers have stopped: whoever still makes databases does not keep anybody waiting.
    _session.callback(_drop_templates)
    try:
        servers = _session.enter_context(running_servers(RUN_FOLDER / "servers", keep=False))
    except ServerError as error:
        raise pytest.UsageError(str(error)) from error
    _servers.update(servers.environment)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(RUN_FOLDER)
    if not WORKER and not config.option.collectonly:
        _make_templates()
    if _hands_tests_out(config):
        os.environ.update(_servers)
    else:
        _set_up_nautobot()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each process begin with its share of what takes long, so that none is left alone with it in the end.

    Of the list each process gets a stretch; who is done with it takes over from the end of another one's.
    """
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if processes == 1:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    slow.sort(key=lambda item: item.get_closest_marker("minutes") is None)
    others = [item for item in items if not item.get_closest_marker("slow")]
    left = len(items)
    items.clear()
    for number in range(processes):
        stretch, share = left // (processes - number), slow[number::processes]
        taken, others = others[: max(0, stretch - len(share))], others[max(0, stretch - len(share)) :]
        items += share + taken
        left -= len(share) + len(taken)
    items += others


def _hands_tests_out(config: pytest.Config) -> bool:
    """Say whether other processes run the tests of this session."""
    return bool(config.getoption("tx", None)) and not hasattr(config, "workerinput")


def _templates() -> databases.Templates:
    """Return the databases that all processes of this run copy."""
    return databases.Templates(_servers, SHARED_FOLDER, RUN_NUMBER)


def _make_templates() -> None:
    """Begin to make the databases that are copied."""
    servers = _servers | _session.enter_context(_redis_databases(_servers))
    _making.append(databases.Templates(servers, SHARED_FOLDER, RUN_NUMBER).make_in_advance())


def _drop_templates() -> None:
    """Drop the databases that were copied; with servers of our own they are gone by now."""
    for thread in _making:
        thread.join()
        with contextlib.suppress(psycopg2.OperationalError):
            _templates().drop()


def _set_up_nautobot() -> None:
    """Set up Nautobot with databases and folders of this process."""
    _servers.update(_session.enter_context(_redis_databases(_servers)))
    os.environ.update(_servers | databases.folders(RUN_FOLDER / "in_process"))
    os.environ["NAUTOBOT_QUIET"] = "1"
    # The host that Nautobot's own test client asks for.
    os.environ["NAUTOBOT_ALLOWED_HOSTS"] = "nautobot.example.com localhost 127.0.0.1"

    import nautobot

    nautobot.setup(str(database.CONFIG))

    from django.conf import settings

    # What makes a password hard to guess takes as long as ten tests, and many make a user.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers and remove what the session wrote."""
    if _servers and not _hands_tests_out(config):
        from django.db import connections

        connections.close_all()
    _session.close()
    shutil.rmtree(RUN_FOLDER, ignore_errors=True)


def _remove_left_overs() -> None:
    """Remove the folders of runs that were killed."""
    for folder in (STATE_ROOT / "tests").glob("run-*"):
        if not psutil.pid_exists(int(folder.name.removeprefix("run-"))):
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _redis_databases(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Claim two databases of the Redis server, so that runs on a shared server keep out of each other's way.

    Databases 0 and 1 are left to whoever uses the server otherwise; the claims are kept in database 0.
    """
    server = _redis_client(environment)
    with server:
        for broker in range(2, REDIS_DATABASES, 2):
            claim = f"nautobot-job-registry-tests:{broker}"
            if server.set(claim, RUN, nx=True, ex=REDIS_CLAIM_SECONDS):
                break
        else:
            raise pytest.UsageError("All databases of the Redis server are in use by other runs.")
        try:
            yield {"NAUTOBOT_REDIS_BROKER_DATABASE": str(broker), "NAUTOBOT_REDIS_CACHE_DATABASE": str(broker + 1)}
        finally:
            server.delete(claim)


def _redis_client(environment: dict[str, str], number: int = 0) -> redis.Redis:
    """Return a client of one of the server's databases."""
    return redis.Redis(
        host=environment["NAUTOBOT_REDIS_HOST"],
        port=int(environment.get("NAUTOBOT_REDIS_PORT") or 6379),
        username=environment.get("NAUTOBOT_REDIS_USERNAME") or None,
        password=environment.get("NAUTOBOT_REDIS_PASSWORD") or None,
        db=number,
    )


@pytest.fixture(autouse=True)
def _job_logs_in_the_transaction(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let job logs be written through the test's own connection.

    Core writes them through a second connection, which cannot see the rows of a test's open transaction. A test with
    `@pytest.mark.django_db(transaction=True, databases=["default", "job_logs"])` has both, as in production.
    """
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and not marker.kwargs.get("transaction"):
        from nautobot.extras.models import JobResult

        # Every JobResult sets this on itself, so it takes a property that cannot be set.
        never = property(lambda self: False, lambda self, value: None)
        monkeypatch.setattr(JobResult, "use_job_logs_db", never, raising=False)


# Folders of the running process


@pytest.fixture
def jobs_root() -> Iterator[Path]:
    """The JOBS_ROOT of this process, without a job at the start and at the end of the test.

    One module stays in it: a folder that held jobs and is wholly empty counts as one that is not mounted.
    """
    from django.conf import settings

    folder = Path(settings.JOBS_ROOT)
    _empty(folder)
    (folder / "stays.py").write_text("")
    yield folder
    _empty(folder)


@pytest.fixture
def only_local_jobs(db: None, jobs_root: Path) -> Iterator[None]:
    """Leave core the jobs of JOBS_ROOT only, so that its refresh takes a moment and not a second; with two queues."""
    from nautobot.extras.models import JobQueue
    from nautobot.extras.registry import registry

    from nautobot_job_registry.factory import empty_registry
    from tests.support import refresh_core

    empty_registry()
    jobs_of_core = dict(registry["jobs"])
    for path in jobs_of_core:
        if path.startswith("nautobot"):
            del registry["jobs"][path]
    refresh_core()
    for name in ("day", "night"):
        JobQueue.objects.get_or_create(name=name, defaults={"queue_type": "celery"})
    yield
    registry["jobs"].update(jobs_of_core)


@pytest.fixture
def git_root() -> Iterator[Path]:
    """The GIT_ROOT of this process, empty at the start and at the end of the test."""
    from django.conf import settings

    folder = Path(settings.GIT_ROOT)
    _empty(folder)
    yield folder
    _empty(folder)


def _empty(folder: Path) -> None:
    """Remove all that is in a folder, and leave the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[Any]:
    """A Git server on loopback; see `development.git_server`."""
    from development.git_server import serving

    with serving(tmp_path / "git_server") as server:
        yield server


# A real instance, for the slow tests


@dataclass(frozen=True)
class RealInstance:
    """A Nautobot instance of a test's own: a database, folders, and the real command line.

    Attributes:
        environment: The variables of the instance.
        folder: Holds the instance's files.
        blocker: Keeps tests from databases, until it is told not to.
    """

    environment: dict[str, str] = field(repr=False)
    folder: Path
    blocker: Any = field(repr=False)

    @property
    def jobs_root(self) -> Path:
        """The instance's JOBS_ROOT."""
        return Path(self.environment["NAUTOBOT_JOBS_ROOT"])

    @contextlib.contextmanager
    def models(self) -> Iterator[None]:
        """Let the models of this process be about the instance: to look at it takes no process of its own."""
        with self.blocker.unblock(), databases.of_models(self.environment["NAUTOBOT_DB_NAME"]):
            yield

    def nautobot_server(self, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `nautobot-server` for this instance; see `development.database.nautobot_server`."""
        return database.nautobot_server(self.environment, *arguments, **options)

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """Start `nautobot-server` and leave it running; the caller ends it."""
        command = database.nautobot_command(*arguments)
        environment = database.process_environment(self.environment)
        return subprocess.Popen(command, env=environment, text=True, **options)

    def python(self, code: str, **options: Any) -> str:
        """Run Python code inside Nautobot, in a process of its own, and return what it printed."""
        prefix = f"import nautobot; nautobot.setup({str(database.CONFIG)!r})\n"
        return database.run_python(self.environment, prefix + code, **options).stdout


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """In place of pytest-django's own, which would make all tables in each process."""
    with django_db_blocker.unblock(), databases.in_process(_servers, _templates()):
        yield


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """A folder that all processes of this run share."""
    return SHARED_FOLDER


@pytest.fixture(scope="session")
def template_database() -> str:
    """A database that Nautobot is ready to work with; copied, never used."""
    templates = _templates()
    templates.make()
    return templates.ready


@pytest.fixture
def real_instance(template_database: str, django_db_blocker: Any) -> Iterator[RealInstance]:
    """A real instance on a copy of a ready database, with folders of its own, for tests that start processes."""
    number = next(_numbers)
    name, folder = f"nautobot_{os.getpid()}_{number}", RUN_FOLDER / f"instance-{number}"
    servers = {key: value for key, value in _servers.items() if key != "NAUTOBOT_DB_NAME"}
    environment = database.copy_database(servers, template_database, name)
    try:
        _redis_client(servers, int(servers["NAUTOBOT_REDIS_BROKER_DATABASE"])).flushdb()
        variables = environment | databases.folders(folder) | {"NAUTOBOT_QUIET": ""}
        yield RealInstance(variables, folder, django_db_blocker)
    finally:
        database.drop_database(servers, name)
        shutil.rmtree(folder, ignore_errors=True)
