"""The registry's panel on Nautobot's first page."""

from typing import Any

from django.urls import reverse
from nautobot.apps.ui import HomePagePanel
from nautobot.apps.utils import get_permission_for_model

from nautobot_job_registry import models
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.tables import display

SHOWN = (models.RegisteredJob, models.JobLoadError, models.Reconciliation)


def counts(request: Any) -> list[dict[str, Any]]:
    """Return the counts that the user may see, in one statement for each model: zeros only of what is installed."""
    items = []
    if needs.may_view(request.user, models.RegisteredJob):
        counted = needs.count_jobs(models.RegisteredJob.objects.restrict(request.user, "view"))
        items += [
            {
                "text": count.title,
                "count": counted[count.key],
                "url": needs.list_url(models.RegisteredJob, count.parameters),
            }
            for count in needs.JOB_COUNTS
            if counted[count.key] or count.key == needs.INSTALLED
        ]
    return items


def attention(request: Any) -> dict[str, Any]:
    """Return how much needs attention, as far as the user may view it."""
    visible = needs.visible_to(request.user)
    count = sum(needs.count_all(visible, request.user).values())
    return {"count": count, "badge": display.badge_class("danger" if count else "success"), "is_visible": bool(visible)}


def last_reconcile_told(request: Any) -> dict[str, Any] | None:
    """Return the last reconcile that the user may see, if any."""
    if not needs.may_view(request.user, models.Reconciliation):
        return None
    row = needs.last_reconciliation(models.Reconciliation.objects.restrict(request.user, "view"))
    return row and {"row": row, "status": display.reconciliation_status(row)}


def dashboard(request: Any) -> str:
    """Return the address of the page that has all the numbers."""
    return reverse("plugins:nautobot_job_registry:dashboard")


layout = (
    HomePagePanel(
        name="Job Registry",
        weight=750,
        permissions=[get_permission_for_model(model, "view") for model in SHOWN],
        custom_data={
            "registry_attention": attention,
            "registry_counts": counts,
            "registry_last_reconciliation": last_reconcile_told,
            "registry_dashboard": dashboard,
        },
        custom_template="panel_job_registry.html",
    ),
)
