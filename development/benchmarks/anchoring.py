"""Measures the anchoring of old runs, and what the evidence of a run costs: in a process and database of its own.

Run by `development.benchmarks`; what it measures goes into the same JSON file, under `anchoring`.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import nautobot

from development import database

nautobot.setup(str(database.CONFIG))

from django.db import connection
from nautobot.extras.models import Job, JobResult

from nautobot_job_registry.models import JobRun
from nautobot_job_registry.reconcile import reconcile
from nautobot_job_registry.runs import backfill, evidence

STORED_AT_ONCE = 5000
EVIDENCE_ROUNDS = 300
MAX_EVIDENCE_MILLISECONDS = 5.0
MAX_STATEMENTS_PER_1000 = 3
MAX_GROWTH_MEGABYTES = 100


def peak_megabytes() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def store_runs(count: int) -> None:
    """Store runs as they are from before the app was installed: in bulk, so that it is not told of them."""
    jobs = list(Job.objects.filter(module_name__startswith="nautobot."))
    for start in range(0, count, STORED_AT_ONCE):
        numbers = range(start, min(start + STORED_AT_ONCE, count))
        results = (
            JobResult(name="Old run", job_model=jobs[number % len(jobs)], status="SUCCESS") for number in numbers
        )
        JobResult.objects.bulk_create(list(results))


def measure_backfill(count: int) -> dict[str, Any]:
    """Measure the rate, the memory and the statements of the anchoring of old runs."""
    store_runs(count)
    statements = 0

    def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(sql, params, many, context)

    before, anchored, start = peak_megabytes(), 0, time.perf_counter()
    with connection.execute_wrapper(counting):
        for _, found in backfill.RUNS.batches(backfill.DEFAULT_BATCH_SIZE):
            anchored += found
    seconds = time.perf_counter() - start
    return {
        "runs": anchored,
        "seconds": seconds,
        "runs_per_second": anchored / seconds,
        "statements_per_1000": 1000 * (statements - 1) / anchored,
        "peak_megabytes": peak_megabytes(),
        "growth_megabytes": peak_megabytes() - before,
    }


def measure_evidence() -> float:
    """Return how many milliseconds it takes to store which code a run executes, beside all those runs."""
    run = JobRun.objects.select_related("job_result").filter(class_path="nautobot.core.jobs.GitRepositorySync").first()
    start = time.perf_counter()
    for _ in range(EVIDENCE_ROUNDS):
        evidence.record_run_code(run.class_path, str(run.job_result_id), "worker@benchmark")
    return 1000 * (time.perf_counter() - start) / EVIDENCE_ROUNDS


def targets(result: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Return what is to be reached: in words, what was measured, and whether it was reached."""
    statements, growth, evidence_ms = (
        result[name] for name in ("statements_per_1000", "growth_megabytes", "evidence_milliseconds")
    )
    return [
        (
            f"anchoring: at most {MAX_STATEMENTS_PER_1000} statements per 1,000 runs",
            f"{statements:.2f}",
            statements <= MAX_STATEMENTS_PER_1000,
        ),
        (
            f"anchoring: memory grows by at most {MAX_GROWTH_MEGABYTES} MB",
            f"{growth:.0f} MB",
            growth <= MAX_GROWTH_MEGABYTES,
        ),
        (
            f"evidence of a run: at most {MAX_EVIDENCE_MILLISECONDS:g} ms",
            f"{evidence_ms:.2f} ms",
            evidence_ms <= MAX_EVIDENCE_MILLISECONDS,
        ),
    ]


def main(runs: str, output: str, *flags: str) -> int:
    """Measure, print, add it to the JSON file, and say whether all targets were reached."""
    reconcile()
    print(f"\nAnchoring {runs} runs from before the app was installed", flush=True)
    result = measure_backfill(int(runs))
    result["evidence_milliseconds"] = measure_evidence()
    print(f"{result['runs_per_second']:.0f} runs per second, {result['peak_megabytes']:.0f} MB at the most", flush=True)
    held = targets(result)
    for words, measured, is_held in held:
        print(f"{'reached' if is_held else 'MISSED ':<8} {words}: {measured}")
    _add(Path(output), result, {words: is_held for words, _, is_held in held})
    return 0 if all(is_held for _, _, is_held in held) or "--no-targets" in flags else 1


def _add(output: Path, result: dict[str, Any], reached: dict[str, bool]) -> None:
    document = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    document["anchoring"] = result
    document["reached"] = {**document.get("reached", {}), **reached}
    output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
