"""Lengths of time, as a command takes them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from nautobot_job_registry.engine.errors import EngineError


class DurationError(EngineError):
    """A length of time cannot be read; the text says how it is written."""

    def __str__(self) -> str:
        """Name the text, and show how a length of time is written."""
        return (
            f"{self.args[0]!r} is no length of time: write a whole number and h, d or w, such as 36h, 90d or 12w, "
            "up to a hundred years."
        )


UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
MAX_DURATION_DAYS: Final = 36_500
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
    if duration > timedelta(days=MAX_DURATION_DAYS):
        raise DurationError(text)
    return duration
