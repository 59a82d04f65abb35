"""What is checked at the start, and by Nautobot's health check: settings, database, failed reconciles."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004
from django.db import DatabaseError, connection
from health_check.backends import BaseHealthCheckBackend
from health_check.exceptions import ServiceWarning
from health_check.plugins import plugin_dir
from jsonschema import Draft202012Validator
from nautobot.extras.plugins.exceptions import PluginImproperlyConfigured

logger = logging.getLogger(__name__)

SETTINGS_KEY: Final = "nautobot_job_registry"
SETTING_NAME: Final = f'PLUGINS_CONFIG["{SETTINGS_KEY}"]'
SUPPORTED: Final = "postgresql"
# Whoever asks for the health of Nautobot need not be logged in: it is not said what failed.
FAILED: Final = (
    "A reconcile of the job registry failed, and no later one has mended it. See Jobs → Job Registry → Reconciliations."
)


@lru_cache(maxsize=1)
def settings_schema() -> dict[str, Any]:
    """Return the JSON schema of the settings, as it is shipped in `app-config-schema.json`."""
    return json.loads((Path(__file__).parent / "app-config-schema.json").read_text(encoding="utf-8"))


def default_settings() -> dict[str, Any]:
    """Return the default of every setting."""
    return {name: definition["default"] for name, definition in settings_schema()["properties"].items()}


def validate_settings(user_config: Any) -> None:
    """Check what an operator configured.

    Args:
        user_config: The app's part of `PLUGINS_CONFIG`.

    Raises:
        PluginImproperlyConfigured: Names each setting that is unknown or of a wrong type, and what it should be.
    """
    if not isinstance(user_config, dict):
        raise PluginImproperlyConfigured(f"{SETTING_NAME} should be a dictionary of settings, not {user_config!r}.")
    known = settings_schema()["properties"]
    problems = [
        f"{SETTING_NAME} has no setting {name!r}; the known ones are {', '.join(sorted(known))}."
        for name in sorted(set(user_config) - set(known), key=str)
    ]
    for error in Draft202012Validator({**settings_schema(), "additionalProperties": True}).iter_errors(user_config):
        path = "".join(f"[{part!r}]" for part in error.absolute_path)
        problems.append(f"{SETTING_NAME}{path} is not valid: {error.message}.")
    if problems:
        raise PluginImproperlyConfigured(" ".join(problems))


def check_database(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a database other than PostgreSQL, without connecting to it."""
    if connection.vendor == SUPPORTED:
        return []
    return [
        Warning(
            f"The Job Registry works with PostgreSQL, and this Nautobot's database is {connection.display_name}.",
            hint="Expect errors where rows are locked or drifted overrides are looked for. Either move Nautobot to "
            "PostgreSQL, or take nautobot_job_registry out of PLUGINS.",
            id="nautobot_job_registry.W001",
        )
    ]


class JobRegistryHealthCheck(BaseHealthCheckBackend):
    """Fails while a failed reconcile has not been mended by a later one."""

    @property
    def critical_service(self) -> bool:
        """Whether a failure makes Nautobot as a whole unhealthy."""
        return settings.PLUGINS_CONFIG[SETTINGS_KEY]["health_check_is_critical"]

    def check_status(self) -> None:
        """Look for such a failure, in one statement.

        Where the database cannot answer there is nothing to add to what Nautobot's own checks say of it.
        """
        from nautobot_job_registry.models import Reconciliation

        try:
            failed = Reconciliation.objects.unmended().exists()
        except DatabaseError:
            logger.warning("The reconciles of the job registry cannot be read.", exc_info=True)
            return
        if failed:
            self.add_error(ServiceWarning(FAILED))

    def identifier(self) -> str:
        """Name the check."""
        return "JobRegistry"


def register_health_check() -> None:
    """Add the check to those of Nautobot, unless the settings say otherwise; the database is not asked."""
    if settings.PLUGINS_CONFIG[SETTINGS_KEY]["health_check"]:
        plugin_dir.register(JobRegistryHealthCheck)
