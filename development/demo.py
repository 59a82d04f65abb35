"""The demo: `./dev demo`, or `python -m development.demo`.

A Nautobot with jobs of all four kinds of source on embedded servers, the life cycle of its jobs told and checked step
by step, and then its web UI on loopback until Ctrl-C.
"""

import argparse
import os
import signal
import sys
import time

from development import database, git_server, processes
from development.servers import STATE_ROOT, running_servers

STATE = STATE_ROOT / "demo"
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
        print(f"\nThe registry: {address}/plugins/job-registry/dashboard/")
        print("Log in as admin with the password admin. Ctrl-C ends the demo.", flush=True)
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
