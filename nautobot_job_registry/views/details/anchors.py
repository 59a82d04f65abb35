"""Tabs of a registered job: its runs and its schedules, whatever has become of core's own job."""

from django.db.models import QuerySet
from nautobot.apps.ui import DistinctViewTab, SectionChoices
from nautobot.apps.utils import get_permission_for_model

from nautobot_job_registry import models, tables
from nautobot_job_registry.views.details.panels import RelatedTablePanel


class AnchorsPanel(RelatedTablePanel):
    """A page of the anchors of a registered job, with a link to the list of all of them."""

    exclude_columns = ["pk", "job"]
    include_paginator = True
    related_field_name = "job"


class JobRunsPanel(AnchorsPanel):
    """The runs of a registered job, the latest first."""

    related_table_class = tables.JobRunTable
    table_title = "Runs"

    def related_queryset(self, obj: models.RegisteredJob) -> QuerySet:
        """Return the runs of a job."""
        return obj.runs.listed()


class JobSchedulesPanel(AnchorsPanel):
    """The schedules of a registered job."""

    related_table_class = tables.JobScheduleTable
    table_title = "Schedules"

    def related_queryset(self, obj: models.RegisteredJob) -> QuerySet:
        """Return the schedules of a job."""
        return obj.schedules.select_related("scheduled_job__user")


RUNS_TAB = DistinctViewTab(
    weight=800,
    tab_id="runs",
    label="Runs",
    url_name="plugins:nautobot_job_registry:registeredjob_runs",
    required_permissions=[get_permission_for_model(models.JobRun, "view")],
    panels=[JobRunsPanel(weight=100, section=SectionChoices.FULL_WIDTH)],
)
SCHEDULES_TAB = DistinctViewTab(
    weight=810,
    tab_id="schedules",
    label="Schedules",
    url_name="plugins:nautobot_job_registry:registeredjob_schedules",
    required_permissions=[get_permission_for_model(models.JobSchedule, "view")],
    panels=[JobSchedulesPanel(weight=100, section=SectionChoices.FULL_WIDTH)],
)
