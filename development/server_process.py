"""A server as a process of ours on loopback: started on a free port, waited for, stopped."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0
START_ATTEMPTS = 3

_PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server could not be started; the text says why and what to do."""


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
def started(
    title: str,
    command: Callable[[int], list[str]],
    connect: Callable[[int], None],
    log: Path,
    preexec: Callable[[], None],
    stop_signal: signal.Signals,
    not_ready: type[Exception],
) -> Iterator[int]:
    """Run a server while the block runs; yields its port.

    Args:
        title: What to call it.
        command: Returns the command line for a port.
        connect: Connects to a port, and raises one of `not_ready` as long as that cannot be done.
        log: Where the server writes.
        preexec: Runs in the new process, before the program.
        stop_signal: Asks the server to end.
        not_ready: What `connect` raises.

    Raises:
        ServerError: If the server does not answer in time; the end of its log is in the text.
    """
    for attempt in range(1, START_ATTEMPTS + 1):
        port = free_port()
        process = _start(command(port), log, preexec)
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


def _start(command: list[str], log: Path, preexec: Callable[[], None]) -> "subprocess.Popen[bytes]":
    """Start a program that writes to a log."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=preexec,
            # Ctrl-C in the terminal is for us: we stop the servers after whoever uses them.
            start_new_session=True,
        )


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


def stop_orphan(pid_file: Path, stop_signal: signal.Signals) -> None:
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
