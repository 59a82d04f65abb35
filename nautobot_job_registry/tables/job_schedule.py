"""Table of job schedules."""

import django_tables2
from nautobot.apps.tables import BaseTable, BooleanColumn, ToggleColumn
from nautobot.extras.models import ScheduledJob

from nautobot_job_registry import models


class JobScheduleTable(BaseTable):
    """Table of job schedules."""

    pk = ToggleColumn()
    class_path = django_tables2.Column(linkify=True)
    job = django_tables2.Column(linkify=True)
    scheduled_job = django_tables2.Column(linkify=True, verbose_name="Schedule")
    enabled = BooleanColumn(accessor="scheduled_job__enabled")
    interval = django_tables2.Column(accessor="scheduled_job__interval")
    last_run_at = django_tables2.Column(accessor="scheduled_job__last_run_at", verbose_name="Last run")
    user = django_tables2.Column(accessor="scheduled_job__user")

    class Meta(BaseTable.Meta):
        """Meta attributes."""

        model = models.JobSchedule
        fields = (
            "pk",
            "class_path",
            "job",
            "scheduled_job",
            "enabled",
            "interval",
            "last_run_at",
            "user",
            "created",
        )
        default_columns = ("pk", "class_path", "job", "scheduled_job", "enabled", "interval", "last_run_at")

    def render_scheduled_job(self, value: ScheduledJob) -> str:
        """Name a schedule; its interval has a column of its own."""
        return value.name
