"""Lengths of time, as an operator writes them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from nautobot_job_registry.engine.errors import DurationError

UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
MAX_DAYS: Final = 36_500
_pattern: Final = re.compile(r"([0-9]{1,6})([hdw])")


def parse_duration(text: str) -> timedelta:
    """Return the length of time that a text such as `36h`, `90d` or `12w` says.

    Args:
        text: A whole number, followed by `h` for hours, `d` for days or `w` for weeks.

    Raises:
        DurationError: If it says something else, or more than a hundred years.
    """
    found = _pattern.fullmatch(text.strip().lower())
    if found is None:
        raise DurationError(text)
    duration = timedelta(**{UNITS[found[2]]: int(found[1])})
    if duration > timedelta(days=MAX_DAYS):
        raise DurationError(text)
    return duration
