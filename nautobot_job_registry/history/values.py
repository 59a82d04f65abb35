"""How a value of a job is written, wherever it is told of: on pages and in sentences."""

from __future__ import annotations

import json
from typing import Any


def value_text(value: Any) -> str:
    """Return a value of a job as a text, for which an empty one, zero and no are not the same."""
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


def one_line(text: Any, length: int) -> str:
    """Return the beginning of a text on one line."""
    shown = " ".join(str(text).split())
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
