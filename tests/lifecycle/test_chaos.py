"""A short walk of the chaos: the same as `./dev chaos`, which goes on for as long as it is told to."""

import pytest

from development.chaos.__main__ import run_part

pytestmark = [pytest.mark.slow, pytest.mark.minutes]

QUIET = {"NAUTOBOT_QUIET": "1", "PYTHONDONTWRITEBYTECODE": "1"}
# A round that is begun is ended.
SECONDS = 15
STEPS = 25


def test_nothing_is_lost_in_a_walk(real_instance):
    """The walk takes the same steps each time; what the mix meets is chance, so that it is for `./dev chaos`."""
    instance = {**real_instance.environment, **QUIET}
    options = ("--seed", "1", "--seconds", str(SECONDS), "--steps", str(STEPS))
    figures = run_part(instance, real_instance.folder, "walk", *options)
    assert figures.hold, "\n".join([figures.table(), *figures.findings])
    assert figures.counts["steps"]
