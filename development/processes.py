"""Nautobot's long-running processes: a worker, and a web server on loopback."""

import contextlib
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from development import database
from development.server_process import LOOPBACK, die_with_parent, free_port

SECONDS_TO_START = 120
SECONDS_TO_STOP = 15


class ProcessError(Exception):
    """A process did not start; the text names its log."""


@contextlib.contextmanager
def worker(instance: Mapping[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """Run a real Celery worker while the block runs.

    Args:
        instance: The variables of the instance.
        log: Where the worker writes.
        *arguments: More arguments of the worker, such as `--queues`.
    """
    with _running(instance, log, "celery", "worker", "--loglevel", "WARNING", "--concurrency", "1", *arguments):
        yield


@contextlib.contextmanager
def web_server(instance: Mapping[str, str], log: Path, port: int = 0) -> Iterator[str]:
    """Serve the web UI while the block runs.

    Args:
        instance: The variables of the instance.
        log: Where the server writes.
        port: The port; any free one if it is 0.

    Yields:
        The address, once it answers.

    Raises:
        ProcessError: If it does not answer in time.
    """
    port = port or free_port()
    address = f"http://{LOOPBACK}:{port}"
    # Only in its debug mode does the server hand out static files.
    variables = {**instance, "NAUTOBOT_DEBUG": "1"}
    with _running(variables, log, "runserver", f"{LOOPBACK}:{port}", "--noreload", "--insecure") as process:
        _wait_for(f"{address}/login/", process, log)
        yield address


@contextlib.contextmanager
def _running(instance: Mapping[str, str], log: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            database.nautobot_command(*arguments),
            env=database.process_environment(instance),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            # Our own server, on loopback.
            urllib.request.urlopen(address, timeout=SECONDS_TO_START).close()  # noqa: S310
            return
        time.sleep(0.5)
    raise ProcessError(f"The web UI did not start; see {log}.")
