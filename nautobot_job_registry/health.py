"""The registry's part of Nautobot's health check."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DatabaseError
from health_check.backends import BaseHealthCheckBackend
from health_check.exceptions import ServiceWarning
from health_check.plugins import plugin_dir

from nautobot_job_registry.constants import APP_NAME

logger = logging.getLogger(__name__)

# Whoever asks for the health of Nautobot need not be logged in: it is not said what failed.
FAILED = (
    "A reconcile of the job registry failed, and no later one has mended it. See Jobs → Job Registry → Reconciliations."
)


class JobRegistryHealthCheck(BaseHealthCheckBackend):
    """Fails while a failed reconcile has not been mended by a later one."""

    @property
    def critical_service(self) -> bool:
        """Whether a failure makes Nautobot as a whole unhealthy."""
        return settings.PLUGINS_CONFIG[APP_NAME]["health_check_is_critical"]

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


def register() -> None:
    """Add the check to those of Nautobot, unless the settings say otherwise; the database is not asked."""
    if settings.PLUGINS_CONFIG[APP_NAME]["health_check"]:
        plugin_dir.register(JobRegistryHealthCheck)
