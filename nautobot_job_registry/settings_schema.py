"""The app's settings: their defaults, and the check of `PLUGINS_CONFIG` against the shipped schema."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from nautobot.extras.plugins.exceptions import PluginImproperlyConfigured

SETTING_NAME = 'PLUGINS_CONFIG["nautobot_job_registry"]'


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """Return the JSON schema of the settings, as it is shipped in `app-config-schema.json`."""
    return json.loads((Path(__file__).parent / "app-config-schema.json").read_text(encoding="utf-8"))


def defaults() -> dict[str, Any]:
    """Return the default of every setting."""
    return {name: definition["default"] for name, definition in schema()["properties"].items()}


def validate_settings(user_config: Any) -> None:
    """Check what an operator configured.

    Args:
        user_config: The app's part of `PLUGINS_CONFIG`.

    Raises:
        PluginImproperlyConfigured: Names each setting that is unknown or of a wrong type, and what it should be.
    """
    if not isinstance(user_config, dict):
        raise PluginImproperlyConfigured(f"{SETTING_NAME} should be a dictionary of settings, not {user_config!r}.")
    known = schema()["properties"]
    problems = [
        f"{SETTING_NAME} has no setting {name!r}; the known ones are {', '.join(sorted(known))}."
        for name in sorted(set(user_config) - set(known), key=str)
    ]
    for error in Draft202012Validator({**schema(), "additionalProperties": True}).iter_errors(user_config):
        path = "".join(f"[{part!r}]" for part in error.absolute_path)
        problems.append(f"{SETTING_NAME}{path} is not valid: {error.message}.")
    if problems:
        raise PluginImproperlyConfigured(" ".join(problems))
