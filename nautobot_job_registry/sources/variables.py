"""The inputs of a job class, as a revision tells of them: what cannot be read of one is left out, and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final

from django.db.models import Model
from django.utils.functional import LazyObject, Promise
from nautobot.apps.jobs import ScriptVariable

from nautobot_job_registry.engine.text import shortened_text, storable_text

# How large a number may be that is shown as it is.
MAX_BITS: Final = 1024
# How many characters of a label or of a default are kept.
MAX_LENGTH: Final = 100_000


def describe_variables(bases: Sequence[type]) -> list[dict[str, Any]]:
    """Return the inputs in the order of their definition, those of base classes first.

    Args:
        bases: The classes in whose bodies they stand, the most special one first.
    """
    found: dict[str, Any] = {}
    for base in reversed(bases):
        for name, value in vars(base).items():
            # `isinstance` would have what is evaluated late evaluated now: it may ask the database, and raise.
            if issubclass(type(value), ScriptVariable) or name in found:
                found[name] = value
    return [_variable(name, value) for name, value in found.items() if issubclass(type(value), ScriptVariable)]


def _variable(name: str, variable: ScriptVariable) -> dict[str, Any]:
    # A class of inputs of a job's own need not have what Nautobot's have, if it makes its field by itself.
    try:
        said: Mapping[str, Any] = dict(variable.field_attrs)
    except Exception:
        said = {}
    default, label, required = said.get("initial"), said.get("label", ""), said.get("required", True)
    # There are thousands of them in each reconcile, nearly all of which say nothing odd.
    return {
        "default": None if default is None else _default(default),
        "label": "" if type(label) is str and not label else _detail(lambda: _text(label), ""),
        "name": storable_text(name),
        "required": required if required is True or required is False else _detail(lambda: bool(required), True),
        "type": storable_text(type(variable).__name__),
    }


def _detail(read: Callable[[], Any], otherwise: Any) -> Any:
    """Return a detail of an input; one that cannot be read harms nothing else of the class."""
    try:
        return read()
    except Exception:
        return otherwise


def _text(value: Any) -> str:
    return storable_text(shortened_text(str(value), MAX_LENGTH))


def _default(value: Any) -> Any:
    try:
        return _short(storable_value(value))
    except Exception:
        # One that holds itself, or raises when it is read, is named by its kind.
        return _detail(lambda: _named(value), _kind(value))


def _short(value: Any) -> Any:
    """Return a default that is no longer than what a page can show; one of many items becomes a text."""
    if isinstance(value, (list, dict)):
        text = json.dumps(value, ensure_ascii=False)
        return value if len(text) <= MAX_LENGTH else shortened_text(text, MAX_LENGTH)
    return value


def storable_value(value: Any) -> Any:
    """Return a default in a form that JSON can hold, and that is the same at each reading of the same code."""
    if value is None or issubclass(type(value), LazyObject):
        # What is evaluated late is not evaluated for us: it may ask the database.
        return None if value is None else _kind(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= MAX_BITS else _named(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Enum):
        return storable_value(value.value)
    if isinstance(value, (str, Promise)):
        return _text(value)
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable_value(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((storable_value(item) for item in value), key=repr)
    if isinstance(value, (Decimal, PurePath)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [storable_value(item) for item in value]
    return _named(value)


def _named(value: Any) -> str:
    """Name what JSON cannot hold by its kind: a date or a key may have been made at import, and differ each time."""
    if isinstance(value, Model) and not value._state.adding:
        return f"<{value._meta.label_lower} {value.pk}>"
    if callable(value) and hasattr(value, "__qualname__"):
        return storable_text(f"<{value.__module__}.{value.__qualname__}>")
    return _kind(value)


def _kind(value: Any) -> str:
    return storable_text(f"<{type(value).__module__}.{type(value).__qualname__}>")
