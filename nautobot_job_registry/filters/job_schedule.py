"""Filters of job schedules."""

import django_filters
from nautobot.apps.filters import (
    BaseFilterSet,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)
from nautobot.extras.models import ScheduledJob

from nautobot_job_registry import models


class JobScheduleFilterSet(BaseFilterSet):
    """Filters of job schedules."""

    q = SearchFilter(
        filter_predicates={"class_path": "icontains", "scheduled_job__name": "icontains", "job__name": "icontains"}
    )
    job = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=models.RegisteredJob.objects.all(), to_field_name="name", label="Registered job (name or ID)"
    )
    scheduled_job = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=ScheduledJob.objects.all(), to_field_name="name", label="Schedule (name or ID)"
    )
    enabled = django_filters.BooleanFilter(field_name="scheduled_job__enabled", label="Is enabled")
    is_registered = django_filters.BooleanFilter(
        field_name="job", lookup_expr="isnull", exclude=True, label="Has a registered job"
    )

    class Meta:
        """Meta attributes."""

        model = models.JobSchedule
        fields = ("id", "scheduled_job", "job", "class_path", "created")
