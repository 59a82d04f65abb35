"""The registry's panel on Nautobot's first page."""

from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode
from nautobot.apps.ui import HomePagePanel
from nautobot.apps.utils import get_permission_for_model, get_route_for_model

from nautobot_job_registry import models, tables
from nautobot_job_registry.choices import AbsenceChoices
from nautobot_job_registry.engine.fields import OVERRIDE_FLAGS

OVERRIDDEN = Q(*((flag, True) for flag in OVERRIDE_FLAGS), _connector=Q.OR)
# What is counted, the same in SQL, and the parameters of the list that shows it.
JOB_COUNTS = (
    ("Installed jobs", Q(installed=True), {"installed": "true"}),
    *(
        (f"Not installed: {text.lower()}", Q(installed=False, absence=kind), {"installed": "false", "absence": kind})
        for kind, text in AbsenceChoices.CHOICES
    ),
    ("Installed, not enabled", Q(installed=True, enabled=False), {"installed": "true", "enabled": "false"}),
    ("Jobs with overridden fields", OVERRIDDEN, {"overridden": "true"}),
)
SHOWN = (models.RegisteredJob, models.JobLoadError, models.Reconciliation)


def may_view(user: Any, model: type) -> bool:
    """Return whether a user may view any row of a model."""
    return user.has_perm(get_permission_for_model(model, "view"))


def count_item(text: str, model: type, parameters: dict[str, str], count: int) -> dict[str, Any]:
    """Return an item of the panel: what is counted, how many, and where they are listed."""
    url = reverse(get_route_for_model(model, "list"))
    return {"text": text, "count": count, "url": f"{url}?{urlencode(parameters)}"}


def counts(request: Any) -> list[dict[str, Any]]:
    """Return the counts that the user may see, in one statement for each model."""
    items = []
    if may_view(request.user, models.RegisteredJob):
        jobs = models.RegisteredJob.objects.restrict(request.user, "view")
        totals = jobs.aggregate(
            **{f"count_{number}": Count("pk", filter=query) for number, (_, query, _) in enumerate(JOB_COUNTS)}
        )
        items += [
            count_item(text, models.RegisteredJob, parameters, totals[f"count_{number}"])
            for number, (text, _, parameters) in enumerate(JOB_COUNTS)
        ]
    if may_view(request.user, models.JobLoadError):
        errors = models.JobLoadError.objects.restrict(request.user, "view").filter(resolved_at=None)
        items.append(count_item("Open load errors", models.JobLoadError, {"resolved": "false"}, errors.count()))
    return items


def last_reconciliation(request: Any) -> dict[str, Any] | None:
    """Return the last reconcile that the user may see, if any."""
    if not may_view(request.user, models.Reconciliation):
        return None
    rows = models.Reconciliation.objects.restrict(request.user, "view").defer("changes", "error")
    row = rows.first()
    return row and {"row": row, "status": tables.status_label(row)}


layout = (
    HomePagePanel(
        name="Job Registry",
        weight=750,
        permissions=[get_permission_for_model(model, "view") for model in SHOWN],
        custom_data={"registry_counts": counts, "registry_last_reconciliation": last_reconciliation},
        custom_template="panel_job_registry.html",
    ),
)
