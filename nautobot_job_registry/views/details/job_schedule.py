"""Content of the page of a job schedule."""

from typing import Any

from django.template import Context
from nautobot.apps.templatetags import hyperlinked_object
from nautobot.apps.ui import ObjectDetailContent, ObjectFieldsPanel, SectionChoices
from nautobot.apps.views import get_obj_from_context


class JobSchedulePanel(ObjectFieldsPanel):
    """What is scheduled, by whom, and when."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Add what core's schedule says."""
        schedule = get_obj_from_context(context).scheduled_job
        return {
            **super().get_data(context),
            "schedule": hyperlinked_object(schedule, field="name"),
            "enabled": schedule.enabled,
            "interval": schedule.get_interval_display(),
            "last_run": schedule.last_run_at,
            "user": schedule.user,
        }


JOB_SCHEDULE = ObjectDetailContent(
    panels=[
        JobSchedulePanel(weight=100, section=SectionChoices.LEFT_HALF, fields=["class_path", "job", "created"]),
    ],
)
