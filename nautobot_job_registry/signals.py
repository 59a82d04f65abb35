"""Handlers of Nautobot's signals: thin doors into the reconcile."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db.models import ProtectedError

from nautobot_job_registry import readiness
from nautobot_job_registry.choices import ReconciliationTriggerChoices
from nautobot_job_registry.constants import APP_NAME, STILL_INSTALLED
from nautobot_job_registry.harmless import harmless

logger = logging.getLogger(__name__)

M2M_CHANGED = ("post_add", "post_remove", "post_clear")


def reconcile_after_migrate(sender: Any, *, using: str = "default", **kwargs: Any) -> None:
    """Reconcile after `migrate` and `post_upgrade`, unless the tables are not those of the models (M5, rule 11).

    Core has loaded all job code and refreshed its own rows when this is called, so that nothing is loaded again.
    """
    from nautobot_job_registry.reconcile import reconcile

    if not settings.PLUGINS_CONFIG[APP_NAME]["reconcile_after_migrate"]:
        return
    try:
        if readiness.is_migrated(using):
            reconcile(trigger=ReconciliationTriggerChoices.POST_MIGRATE, reload=False)
        else:
            logger.info(
                "The job registry is not reconciled: its tables, or Nautobot's, are not migrated to the latest."
            )
    except Exception:
        # Whatever it was has been stored and logged with its traceback; the migration goes on as it would without us.
        logger.error("The job registry could not be reconciled; run `nautobot-server reconcile_jobs` to try again.")


def refuse_deletion_while_installed(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Keep the record of an installed job, by whatever way its deletion is asked for (rule 19).

    Raises:
        ProtectedError: If the job is installed.
    """
    if instance.installed:
        raise ProtectedError(STILL_INSTALLED, {instance})


def delete_core_job(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Delete Nautobot's own row of a job with its record, in the same transaction (M9)."""
    from nautobot_job_registry import core_bridge

    if instance.core_job_id:
        core_bridge.delete_job(instance.core_job_id)


def decide_in_core(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Write to core what was decided in a record (rule 16)."""
    from nautobot_job_registry import core_bridge

    core_bridge.push(instance)


def note_changed_queues(sender: Any, instance: Any, action: str, reverse: bool, **kwargs: Any) -> None:
    """Note an override of the queues, which are written after the record that they belong to, and tell core."""
    from nautobot_job_registry import core_bridge

    if action in M2M_CHANGED and not reverse and instance.job_queues_override:
        instance.include_default_queue()
        instance.note_overrides()
        core_bridge.push(instance)


def remember_core_job(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Keep in mind what a row of core's said when it was read."""
    from nautobot_job_registry import core_bridge

    core_bridge.remember(instance)


def take_over_from_core(sender: Any, instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    """Take over what was decided in core (rule 16); a row that is new there is for the next reconcile."""
    from nautobot_job_registry import core_bridge

    if not created and not raw:
        core_bridge.pull(instance)


def take_over_queues_from_core(sender: Any, instance: Any, action: str, reverse: bool, **kwargs: Any) -> None:
    """Take over the queues that were chosen in core, where they are overridden there."""
    from nautobot_job_registry import core_bridge

    if action in M2M_CHANGED and not reverse and instance.job_queues_override:
        core_bridge.pull_anyway(instance)


def anchor_run(
    sender: Any, instance: Any, created: bool, raw: bool = False, using: str = "default", **kwargs: Any
) -> None:
    """Anchor a run that is asked for (M2)."""
    from nautobot_job_registry import anchors

    if created and not raw:
        with harmless("anchor a run", using):
            anchors.anchor_run(instance, using)


def anchor_schedule(
    sender: Any, instance: Any, created: bool, raw: bool = False, using: str = "default", **kwargs: Any
) -> None:
    """Anchor a schedule that is made (M2)."""
    from nautobot_job_registry import anchors

    if created and not raw:
        with harmless("anchor a schedule", using):
            anchors.anchor_schedule(instance, using)


def note_loaded_code(sender: Any = None, **kwargs: Any) -> None:
    """Hash the code that a worker has loaded as it starts, before anything on the disk is changed."""
    from nautobot_job_registry import discovery, loaded_code

    with harmless("hash the code that the worker has loaded"):
        loaded_code.note(discovery.loaded_classes())
