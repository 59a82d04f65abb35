"""The demo: `./dev demo`, or `python -m development.demo`.

A Nautobot with jobs of all four kinds of source on embedded servers, the life cycle of its jobs told and checked step
by step, and then its web UI on loopback until Ctrl-C.
"""

import argparse
import os
import shlex
import signal
import sys
import time
from pathlib import Path

from development import database, git_server, processes
from development.servers import CHECKOUT, STATE_ROOT, running_servers

STATE = STATE_ROOT / "demo"
AFTERWARDS = """
The registry: {address}/plugins/job-registry/dashboard/
Log in as admin with the password admin. Ctrl-C ends the demo.

The jobs of JOBS_ROOT are in {jobs}
nautobot-server for this demo: {server}, in another terminal

Five things to try:
  1. Break a file there, run {server} reconcile_jobs, and look at the dashboard.
  2. Fix it again, and reconcile from the page of the load error.
  3. Override a time limit on the page of a job, change it in the file, too, and see it drift.
  4. Delete a file whose job has a schedule, reconcile, and get the schedule back with the file.
  5. Run a job from its page, and look which revision the run names.
"""
DATABASE = "nautobot_demo"


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
            with processes.worker(instance, STATE / "worker.log"):
                from development import story

                held = story.tell(repositories, started)
                if held and not options.once:
                    _serve(instance, options.port)
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


def _serve(instance: dict[str, str], port: int) -> None:
    """Serve the web UI until Ctrl-C."""
    _say("Starting the web UI")
    with processes.web_server(instance, STATE / "web.log", port) as address:
        print(
            AFTERWARDS.format(address=address, jobs=instance["NAUTOBOT_JOBS_ROOT"], server=_server(instance)),
            flush=True,
        )
        signal.pause()


def _server(instance: dict[str, str]) -> Path:
    """Write the script that runs `nautobot-server` against the demo, from any shell, and return its path."""
    script = STATE / "nautobot-server"
    variables = database.process_environment(instance)
    told = {name: value for name, value in variables.items() if os.environ.get(name) != value or name in instance}
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(told.items()))
    program = Path(sys.executable).with_name("nautobot-server")
    script.write_text(
        f'#!/bin/sh\n{exports}exec {shlex.quote(str(program))} --config {shlex.quote(str(database.CONFIG))} "$@"\n'
    )
    # The password of the database is in it.
    script.chmod(0o700)
    return script.relative_to(CHECKOUT)


if __name__ == "__main__":
    sys.exit(main())
