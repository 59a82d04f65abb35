"""The benchmark measures both sides and writes what it measured."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_benchmark_measures_both_sides_and_writes_json(tmp_path):
    output = tmp_path / "benchmark.json"
    command = [sys.executable, "-m", "development.benchmarks", "--jobs", "60", "--large", "120", "--runs", "2500"]
    ended = subprocess.run([*command, "--no-targets", "--output", output], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    result = json.loads(output.read_text())
    for part in ("first", "unchanged"):
        assert result[part]["core_seconds"] > result[part]["our_seconds"] > 0
        assert result[part]["core_statements"] > 60
    assert result["unchanged"]["our_statements"] == result["large"]["statements"] <= 12
    assert result["large"]["jobs"] >= 120
    assert "unchanged: at most 1.5 % of core's time" in ended.stdout
    anchoring = result["anchoring"]
    assert anchoring["runs"] == 2500
    assert anchoring["runs_per_second"] > 0
    assert anchoring["statements_per_1000"] <= 4
    assert anchoring["peak_megabytes"] > anchoring["growth_megabytes"] >= 0
    assert result["reached"]["evidence of a run: at most 5 ms"] in (True, False)
