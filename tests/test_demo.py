"""The demo tells its whole story."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.minutes]

STEPS = 14


def test_every_step_of_the_demo_holds(tmp_path):
    command = [sys.executable, "-m", "development.demo", "--once"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    for number in range(1, STEPS + 1):
        assert f"\n{number}. " in ended.stdout
    assert "the dashboard says what needs somebody now" in ended.stdout
    assert "✗" not in ended.stdout
    assert "Every step held." in ended.stdout
