"""Filters of job runs."""

import django_filters
from nautobot.apps.filters import (
    BaseFilterSet,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)
from nautobot.extras.choices import JobResultStatusChoices
from nautobot.extras.models import JobResult
from nautobot.users.models import User

from nautobot_job_registry import models


class JobRunFilterSet(BaseFilterSet):
    """Filters of job runs."""

    q = SearchFilter(filter_predicates={"class_path": "icontains", "worker": "icontains", "job__name": "icontains"})
    job = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=models.RegisteredJob.objects.all(), to_field_name="name", label="Registered job (name or ID)"
    )
    revision = django_filters.ModelMultipleChoiceFilter(
        queryset=models.JobRevision.objects.all(), distinct=False, label="Revision (ID)"
    )
    job_result = django_filters.ModelMultipleChoiceFilter(
        queryset=JobResult.objects.all(), distinct=False, label="Job result (ID)"
    )
    status = django_filters.MultipleChoiceFilter(
        field_name="job_result__status",
        choices=JobResultStatusChoices,
        distinct=False,
        label="Status of the job result",
    )
    user = NaturalKeyOrPKMultipleChoiceFilter(
        field_name="job_result__user",
        queryset=User.objects.all(),
        to_field_name="username",
        label="Who asked for the run (name or ID)",
    )
    is_registered = django_filters.BooleanFilter(
        field_name="job", lookup_expr="isnull", exclude=True, label="Has a registered job"
    )
    created_after = django_filters.DateTimeFilter(field_name="created", lookup_expr="gte", label="Asked for after")
    created_before = django_filters.DateTimeFilter(field_name="created", lookup_expr="lte", label="Asked for before")

    class Meta:
        """Meta attributes."""

        model = models.JobRun
        fields = (
            "id",
            "job_result",
            "job",
            "revision",
            "class_path",
            "source_version",
            "worker",
            "code_hash",
            "is_skewed",
            "created",
        )
