"""Navigation menu of the job registry: a group in Nautobot's own Jobs tab."""

from nautobot.apps.ui import NavigationIconChoices, NavigationWeightChoices, NavMenuGroup, NavMenuItem, NavMenuTab
from nautobot.apps.utils import get_permission_for_model, get_route_for_model

from nautobot_job_registry import models
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models import choices


def menu_item(model: type, name: str, weight: int, **query: str) -> NavMenuItem:
    """Return the menu item of the list of a model, filtered by what is in the query."""
    return NavMenuItem(
        link=get_route_for_model(model, "list"),
        name=name,
        weight=weight,
        query_params=query or None,
        permissions=[get_permission_for_model(model, "view")],
        buttons=(),
    )


menu_items = (
    NavMenuTab(
        name="Jobs",
        icon=NavigationIconChoices.JOBS,
        weight=NavigationWeightChoices.JOBS,
        groups=(
            NavMenuGroup(
                name="Job Registry",
                weight=150,
                items=(
                    NavMenuItem(
                        link="plugins:nautobot_job_registry:dashboard",
                        name="Dashboard",
                        weight=50,
                        permissions=[get_permission_for_model(model, "view") for model in needs.SHOWN],
                        buttons=(),
                    ),
                    menu_item(models.RegisteredJob, "Registered Jobs", 100),
                    menu_item(models.FieldOverride, "Field Overrides", 150),
                    menu_item(models.JobRevision, "Job Revisions", 200),
                    menu_item(models.JobRun, "Job Runs", 220),
                    menu_item(models.JobSchedule, "Job Schedules", 240),
                    menu_item(models.JobLoadError, "Job Load Errors", 300, resolved="false"),
                    menu_item(
                        models.Suspension, "Suspensions", 350, outcome=choices.SuspensionOutcomeChoices.SUSPENDED
                    ),
                    menu_item(models.Reconciliation, "Reconciliations", 400),
                ),
            ),
        ),
    ),
)
