"""The command line of the chaos: `./dev chaos`, or `python -m development.chaos`.

It makes servers, a database and folders of its own, and runs the walk and the mix in processes of their own.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from development import database
from development.chaos import figures
from development.servers import STATE_ROOT, running_servers

OUTPUT = STATE_ROOT / "chaos" / "latest.json"
PARTS = ("walk", "mix")


def main() -> int:
    """Make what is needed, run both parts one after the other, and say what they counted."""
    options, others = _options()
    folder = STATE_ROOT / "chaos" / f"run-{os.getpid()}"
    try:
        with running_servers(folder / "servers", keep=False) as servers:
            print("Making a database", flush=True)
            environment = variables(servers.environment, folder)
            database.build_database(environment, f"nautobot_chaos_{os.getpid()}", progress=lambda line: None)
            parts = [options.part] if options.part else list(PARTS)
            found = [_run(options, others, environment, folder, part, len(parts)) for part in parts]
            # It names both sides of each deadlock, with their statements.
            shutil.copy(folder / "servers" / "postgres.log", options.json.with_suffix(".postgres.log"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    whole = figures.together(found)
    whole.write(options.json)
    print(f"\nSeed {options.seed}, {options.minutes:g} minutes\n\n{whole.table()}\n", flush=True)
    print("All held." if whole.hold else f"Did not hold; see {options.json}", flush=True)
    return 0 if whole.hold else 1


def variables(servers: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the variables of an instance on these servers, with folders below one, which are made."""
    folders = {"NAUTOBOT_ROOT": folder / "nautobot"}
    kinds = ("jobs", "git", "media", "static")
    folders |= {f"NAUTOBOT_{kind.upper()}_ROOT": folder / "nautobot" / kind for kind in kinds}
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)
    quiet = {"NAUTOBOT_QUIET": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(database.CONFIG.parent.parent)}
    return servers | {name: str(path) for name, path in folders.items()} | quiet


def run_part(instance: dict[str, str], folder: Path, part: str, *arguments: str) -> figures.Figures:
    """Run one part in a process of its own, and return what it counted."""
    output = folder / f"{part}.json"
    command = [sys.executable, "-m", f"development.chaos.{part}", "--json", str(output), *arguments]
    subprocess.run(command, env=database.process_environment(instance), check=False)
    return figures.read(output)


def _run(
    options: argparse.Namespace, others: list[str], servers: dict[str, str], folder: Path, part: str, parts: int
) -> figures.Figures:
    """Run one part for its share of the time, in a copy of the database."""
    instance = {**servers, "NAUTOBOT_DB_NAME": f"nautobot_chaos_{os.getpid()}_{part}"}
    database.copy_database(servers, f"nautobot_chaos_{os.getpid()}", instance["NAUTOBOT_DB_NAME"])
    seconds = str(options.minutes * 60 / parts)
    arguments = ["--seed", options.seed, "--seconds", seconds, *others]
    print(f"The {part}, for {float(seconds):.0f} seconds", flush=True)
    return run_part(instance, folder, part, *arguments)


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2, help="how long, both parts together")
    parser.add_argument("--seed", default="1", help="the same seed walks the same way")
    parser.add_argument("--part", choices=PARTS, help="one of the parts only")
    parser.add_argument("--json", type=Path, default=OUTPUT, help="the JSON file to write")
    return parser.parse_known_args()


if __name__ == "__main__":
    sys.exit(main())
