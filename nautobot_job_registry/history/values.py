"""How a value of a job is written, wherever it is told of: on pages and in sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from nautobot_job_registry.engine.text import shortened_text

# How many characters of a value a page shows: it may be of any size.
MAX_SHOWN: Final = 10_000


def value_text(value: Any) -> str:
    """Return a value of a job as a text, for which an empty one, zero and no are not the same; cut where it is long."""
    return shortened_text(whole_text(value), MAX_SHOWN)


def whole_text(value: Any) -> str:
    """Return the same, however long it is."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str)
    return str(value)


def told_apart(old: Any, new: Any, length: int = MAX_SHOWN, text: Callable[[Any], str] = whole_text) -> tuple[str, str]:
    """Return two values as texts of which one sees what differs, however deep in them that is.

    Args:
        old: The one.
        new: The other.
        length: How many characters each text has at the most.
        text: Returns the whole text of a value. Where it is the same for both, as of two numbers that are shown
            rounded, they are told as JSON has them.
    """
    one, other = text(old), text(new)
    if one == other and old != new:
        one, other = (json.dumps(value, ensure_ascii=False, default=str) for value in (old, new))
    if max(len(one), len(other)) <= length:
        return one, other
    # What is before the difference, but for some of it, says least.
    start = _first_difference(one, other)
    start = 0 if start < length - 1 else start - length // 3
    return _part(one, start, length), _part(other, start, length)


def _first_difference(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike, without a look at each in turn: they may be millions."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _part(text: str, start: int, length: int) -> str:
    shown = f"…{text[start + 1 :]}" if start else text
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def one_line(text: Any, length: int) -> str:
    """Return the beginning of a text on one line."""
    shown = " ".join(str(text).split())
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
