"""Whether a job may be run at all: what an operator decides first about a job that is new."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from nautobot_job_registry.core_bridge.permissions import (
    WithheldError,
    require_still_permitted,
    withheld,
    withheld_message,
)
from nautobot_job_registry.models import RegisteredJob


def set_enabled(job: RegisteredJob, user: Any, *, enabled: bool) -> None:
    """Enable or disable a job, in core too (rule 16).

    Args:
        job: The record, which the user may change.
        user: Who decides; needs the right to change core's row, before and after (rule 17).
        enabled: Whether the job may be run.

    Raises:
        WithheldError: If the right on core's row is missing.
        ValidationError: If the record cannot be saved.
    """
    if withheld(user, "change", [job]):
        raise WithheldError(withheld_message("change", [job.class_path]))
    with transaction.atomic():
        job.enabled = enabled
        job.validated_save()
        require_still_permitted(user, [job])
