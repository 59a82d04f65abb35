"""The command line of the benchmark: `./dev benchmark`, or `python -m development.benchmarks`.

It makes job files and a database of its own, and measures in a process that Nautobot is set up in.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from development import database
from development.benchmarks import job_files
from development.servers import STATE_ROOT, running_servers

OUTPUT = STATE_ROOT / "benchmarks" / "latest.json"


def main() -> int:
    """Make what is measured, run the measurement, and return its exit code."""
    options = _options()
    folder = STATE_ROOT / "benchmarks" / f"run-{os.getpid()}"
    try:
        with running_servers(folder / "servers", keep=False, durable=True) as servers:
            return _measure(options, servers.environment, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1000, help="how many jobs, in a tenth as many files")
    parser.add_argument("--large", type=int, default=10_000, help="how many for the statements of a large registry")
    parser.add_argument("--runs", type=int, default=100_000, help="how many runs from before the app was installed")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the JSON file to write")
    parser.add_argument("--no-targets", action="store_true", help="report only: exit 0 also where a target is missed")
    return parser.parse_args()


def _measure(options: argparse.Namespace, servers: dict[str, str], folder: Path) -> int:
    jobs_root = folder / "jobs"
    environment = servers | {
        "NAUTOBOT_ROOT": str(folder / "nautobot"),
        "NAUTOBOT_JOBS_ROOT": str(jobs_root),
        "NAUTOBOT_QUIET": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(database.CONFIG.parent.parent),
    }
    print(f"Making {options.jobs} jobs in {job_files.file_count(options.jobs)} files", flush=True)
    jobs_root.mkdir(parents=True)
    instance = database.build_database(environment, f"nautobot_benchmark_{os.getpid()}")
    job_files.write(jobs_root, options.jobs)
    steps = (("measure", str(options.jobs), str(options.large)), ("anchoring", str(options.runs)))
    return max([_run(options, instance, *step) for step in steps])


def _run(options: argparse.Namespace, instance: dict[str, str], module: str, *arguments: str) -> int:
    """Run one of the measurements in a process of its own, and return its exit code."""
    command = [sys.executable, "-m", f"development.benchmarks.{module}", *arguments, str(options.output.resolve())]
    command += ["--no-targets"] if options.no_targets else []
    return subprocess.run(command, env=database.process_environment(instance), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
