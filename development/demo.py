"""The demo: `./dev demo`, or `python -m development.demo`.

A Nautobot with jobs of all four kinds of source on embedded servers, the life cycle of its jobs told and checked step
by step, and then its web UI on loopback until Ctrl-C.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from development import database, git_server
from development.servers import LOOPBACK, STATE_ROOT, die_with_parent, free_port, running_servers

STATE = STATE_ROOT / "demo"
DATABASE = "nautobot_demo"
SECONDS_TO_START = 120


def main() -> int:
    """Run the demo and return its exit code: 0 only if every step of the story held."""
    options = _options()
    started = time.monotonic()
    try:
        with running_servers(STATE / "servers") as servers, git_server.serving(STATE / "git_server") as repositories:
            instance = _instance(servers.environment)
            _say(f"Servers are running after {time.monotonic() - started:.0f} s")
            if not database.database_exists(instance, DATABASE):
                database.build_database(instance, DATABASE, _say)
            with _worker(instance):
                from development import story

                held = story.tell(repositories, started)
                if held and not options.once:
                    _serve(instance, options.port or free_port())
    except KeyboardInterrupt:
        print()
        return 0
    return 0 if held else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="end after the story")
    parser.add_argument("--port", type=int, default=0, help="port of the web UI; any free one if it is not given")
    return parser.parse_args()


def _say(line: str) -> None:
    print(f"  … {line}", flush=True)


def _instance(servers: dict[str, str]) -> dict[str, str]:
    """Return the variables of the demo's Nautobot, which are those of this process, too."""
    folders = {"NAUTOBOT_ROOT": STATE / "nautobot"}
    folders |= {
        f"NAUTOBOT_{kind.upper()}_ROOT": STATE / "nautobot" / kind for kind in ("jobs", "git", "media", "static")
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    instance = {
        **servers,
        **{name: str(folder) for name, folder in folders.items()},
        "NAUTOBOT_DB_NAME": DATABASE,
        "NAUTOBOT_JOB_REGISTRY_EXAMPLE_APP": "1",
        "NAUTOBOT_DEBUG": "1",
        "NAUTOBOT_QUIET": "1",
        # A file that is written twice within a second would be run from what was compiled first.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    os.environ.update(instance)
    sys.dont_write_bytecode = True
    return instance


@contextlib.contextmanager
def _worker(instance: dict[str, str]) -> Iterator[None]:
    """Run a real Celery worker while the block runs."""
    command = database.nautobot_command("celery", "worker", "--loglevel", "WARNING", "--concurrency", "1")
    with _process(command, instance, STATE / "worker.log"):
        yield


@contextlib.contextmanager
def _process(command: list[str], instance: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
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
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _serve(instance: dict[str, str], port: int) -> None:
    """Serve the web UI until Ctrl-C."""
    command = database.nautobot_command("runserver", f"{LOOPBACK}:{port}", "--noreload", "--insecure")
    address = f"http://{LOOPBACK}:{port}"
    _say("Starting the web UI")
    with _process(command, instance, STATE / "web.log") as process:
        _wait_for(f"{address}/login/", process)
        print(f"\nThe registry: {address}/plugins/job-registry/registered-jobs/")
        print("Log in as admin with the password admin. Ctrl-C ends the demo.", flush=True)
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=SECONDS_TO_START).close()
            return
        time.sleep(0.5)
    raise SystemExit(f"The web UI did not start; see {STATE / 'web.log'}.")


def copy_fresh(source: Path, target: Path) -> None:
    """Put a folder's content in place of another one's."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


if __name__ == "__main__":
    sys.exit(main())
