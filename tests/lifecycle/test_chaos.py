"""A short walk and a short mix of the chaos: the same as `./dev chaos`, which goes on for as long as it is told to."""

import pytest

from development.chaos.__main__ import run_part

pytestmark = [pytest.mark.slow, pytest.mark.minutes]

QUIET = {"NAUTOBOT_QUIET": "1", "PYTHONDONTWRITEBYTECODE": "1"}
# Seconds of one part. What is begun is ended: a round of the walk, or the look in a pause of the mix.
SECONDS = 15
STEPS = 25


@pytest.mark.parametrize(("part", "counted"), [("walk", "steps"), ("mix", "reconciles")])
def test_nothing_is_lost_in_chaos(real_instance, part, counted):
    instance = {**real_instance.environment, **QUIET}
    options = ["--seed", "1", "--seconds", str(SECONDS), *(["--steps", str(STEPS)] if part == "walk" else [])]
    figures = run_part(instance, real_instance.folder, part, *options)
    assert figures.hold, "\n".join([figures.table(), *figures.findings])
    assert figures.counts[counted]
