"""Why an override that is there was made, and when it ends by itself, said anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from nautobot_job_registry.core_bridge.permissions import (
    WithheldError,
    require_still_permitted,
    withheld,
    withheld_message,
)
from nautobot_job_registry.models import FieldOverride


def set_terms(override: FieldOverride, user: Any, *, reason: str, expires_at: datetime | None) -> None:
    """Give one override another reason and another end; its value stays.

    Args:
        override: The override, of a job that the user may change.
        user: Who says so; needs the right to change core's row (rule 17), as an end changes what it executes.
        reason: Why the field is overridden.
        expires_at: When the override ends by itself; None for never.

    Raises:
        WithheldError: If the right on core's row is missing.
        ValidationError: If the reason or the end makes no sense.
    """
    job = override.job
    if withheld(user, "change", [job]):
        raise WithheldError(withheld_message("change", [job.class_path]))
    job.override_named = {override.field}
    job.override_reason = reason
    if expires_at != override.expires_at:
        job.override_expires_at = expires_at
    with transaction.atomic():
        job.validated_save()
        require_still_permitted(user, [job])
