"""The measurement itself: run by `development.benchmarks` in a process of its own, on a database of its own."""

import gc
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nautobot

from development import database

nautobot.setup(str(database.CONFIG))

from django.apps import apps
from django.conf import settings
from django.db import connection
from nautobot.core.celery import import_jobs
from nautobot.extras.models import Job
from nautobot.extras.signals import refresh_job_models

from development.benchmarks import job_files
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile import reconcile

ROUNDS = 5
FIRST_ROUNDS = 3
MAX_STATEMENTS = 12
MAX_UNCHANGED_PERCENT = 1.5
MAX_FIRST_PERCENT = 10.0


def refresh_core() -> None:
    """Refresh core's own rows, as a migration does."""
    refresh_job_models(sender=None, apps=apps)


def reconcile_registry() -> None:
    """Reconcile the registry, as after a migration: core has just loaded the code."""
    reconcile(reload=False)


def seconds(work: Callable[[], None]) -> float:
    """Return how long something takes, with all that was there before out of the garbage collector's sight."""
    gc.collect()
    gc.freeze()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def statements(work: Callable[[], None]) -> int:
    """Return how many statements something runs."""
    count = 0

    def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        count += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counting):
        work()
    return count


def forget() -> None:
    """Put both sides to where they know none of the benchmark's jobs, with no dead rows in the tables of either."""
    empty_registry()
    Job.objects.filter(module_name__startswith="benchmark_").delete()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")


def measure_first() -> dict[str, Any]:
    """Measure the first refresh of both sides."""
    forget()
    core_statements, our_statements = statements(refresh_core), statements(reconcile_registry)
    core_seconds, our_seconds = [], []
    for _ in range(FIRST_ROUNDS):
        forget()
        core_seconds.append(seconds(refresh_core))
        our_seconds.append(seconds(reconcile_registry))
    return _side_by_side(min(core_seconds), min(our_seconds), core_statements, our_statements)


def measure_unchanged() -> dict[str, Any]:
    """Measure the refresh with nothing changed of both sides, in turn."""
    core_statements, our_statements = statements(refresh_core), statements(reconcile_registry)
    rounds = [(seconds(refresh_core), seconds(reconcile_registry)) for _ in range(ROUNDS)]
    core_seconds, our_seconds = min(core for core, _ in rounds), min(ours for _, ours in rounds)
    return _side_by_side(core_seconds, our_seconds, core_statements, our_statements)


def measure_large(jobs: int) -> dict[str, Any]:
    """Measure our reconcile of a large registry with nothing changed."""
    job_files.write(Path(settings.JOBS_ROOT), jobs)
    import_jobs()
    reconcile_registry()
    return {
        "jobs": RegisteredJob.objects.filter(installed=True).count(),
        "statements": statements(reconcile_registry),
        "seconds": seconds(reconcile_registry),
    }


def _side_by_side(core_seconds: float, our_seconds: float, core_statements: int, our_statements: int) -> dict[str, Any]:
    return {
        "core_seconds": core_seconds,
        "our_seconds": our_seconds,
        "percent": 100 * our_seconds / core_seconds,
        "core_statements": core_statements,
        "our_statements": our_statements,
    }


def targets(result: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Return what is to be reached: in words, what was measured, and whether it was reached."""
    first, unchanged, large = result["first"], result["unchanged"], result["large"]
    return [
        (
            f"unchanged: at most {MAX_STATEMENTS} statements",
            str(unchanged["our_statements"]),
            unchanged["our_statements"] <= MAX_STATEMENTS,
        ),
        (
            f"unchanged: at most {MAX_UNCHANGED_PERCENT:g} % of core's time",
            f"{unchanged['percent']:.2f} %",
            unchanged["percent"] <= MAX_UNCHANGED_PERCENT,
        ),
        (
            f"first: at most {MAX_FIRST_PERCENT:g} % of core's time",
            f"{first['percent']:.2f} %",
            first["percent"] <= MAX_FIRST_PERCENT,
        ),
        (
            f"{large['jobs']} jobs unchanged: as many statements as with {result['jobs']}",
            str(large["statements"]),
            large["statements"] == unchanged["our_statements"],
        ),
    ]


def show(result: dict[str, Any]) -> None:
    """Print the table of both sides, and the targets."""
    print(f"\n{'':<12}{'core':>12}{'registry':>12}{'ratio':>10}{'core':>14}{'registry':>12}")
    print(f"{'':<12}{'seconds':>12}{'seconds':>12}{'':>10}{'statements':>14}{'statements':>12}")
    for name in ("first", "unchanged"):
        row = result[name]
        print(
            f"{name:<12}{row['core_seconds']:>12.3f}{row['our_seconds']:>12.4f}{row['percent']:>8.2f} %"
            f"{row['core_statements']:>14}{row['our_statements']:>12}"
        )
    large = result["large"]
    print(f"\n{large['jobs']} jobs unchanged: {large['seconds']:.3f} s, {large['statements']} statements\n")
    for words, measured, held in targets(result):
        print(f"{'reached' if held else 'MISSED ':<8} {words}: {measured}")


def main(jobs: str, large: str, output: str, *flags: str) -> int:
    """Measure, print, write the JSON file, and say whether all targets were reached."""
    print(f"Measuring the first refresh of {jobs} jobs", flush=True)
    result: dict[str, Any] = {"jobs": int(jobs), "first": measure_first()}
    print("Measuring the refresh with nothing changed", flush=True)
    result["unchanged"] = measure_unchanged()
    print(f"Measuring {large} jobs with nothing changed", flush=True)
    result["large"] = measure_large(int(large))
    result |= {"nautobot": settings.VERSION, "python": platform.python_version()}
    result["reached"] = {words: held for words, _, held in targets(result)}
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(result)
    print(f"\nWritten to {output}")
    return 0 if all(result["reached"].values()) or "--no-targets" in flags else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
