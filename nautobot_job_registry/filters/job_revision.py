"""Filters of job revisions."""

import django_filters
from nautobot.apps.filters import (
    BaseFilterSet,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)

from nautobot_job_registry import models


class JobRevisionFilterSet(BaseFilterSet):
    """Filters of job revisions; the source code cannot be searched, as not everybody may see it."""

    q = SearchFilter(
        filter_predicates={
            "job__name": "icontains",
            "job__module_name": "icontains",
            "job__job_class_name": "icontains",
        },
    )
    job = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=models.RegisteredJob.objects.all(), to_field_name="name", label="Registered job (name or ID)"
    )
    reconciliation = django_filters.ModelMultipleChoiceFilter(
        queryset=models.Reconciliation.objects.all(), distinct=False, label="Reconciliation (ID)"
    )

    class Meta:
        """Meta attributes."""

        model = models.JobRevision
        fields = ("id", "job", "number", "metadata_hash", "source_hash", "source_version", "reconciliation", "created")
