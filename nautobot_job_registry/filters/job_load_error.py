"""Filters of load errors."""

import django_filters
from django.db.models import QuerySet
from nautobot.apps.filters import (
    BaseFilterSet,
    NaturalKeyOrPKMultipleChoiceFilter,
)
from nautobot.extras.models import GitRepository

from nautobot_job_registry import models
from nautobot_job_registry.filters.class_path import ClassPathSearchFilter
from nautobot_job_registry.models import choices


class JobLoadErrorFilterSet(BaseFilterSet):
    """Filters of load errors; the traceback cannot be searched, as not everybody may see it."""

    q = ClassPathSearchFilter(
        filter_predicates={
            "module_name": "icontains",
            "job_class_name": "icontains",
            "source_name": "icontains",
            "exception_type": "icontains",
            "message": "icontains",
            "file_path": "icontains",
            "commit_author": "icontains",
            "commit_subject": "icontains",
        },
    )
    source_type = django_filters.MultipleChoiceFilter(choices=choices.SourceTypeChoices, distinct=False)
    git_repository = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=GitRepository.objects.all(), to_field_name="name", label="Git repository (name or ID)"
    )
    resolved = django_filters.BooleanFilter(
        field_name="resolved_at", lookup_expr="isnull", exclude=True, label="Is resolved"
    )

    rejected = django_filters.BooleanFilter(method="filter_rejected", label="Is of a sync that Nautobot rejected")

    class Meta:
        """Meta attributes."""

        model = models.JobLoadError
        fields = (
            "id",
            "source_type",
            "source_name",
            "git_repository",
            "source_version",
            "effective_version",
            "module_name",
            "job_class_name",
            "file_path",
            "line",
            "exception_type",
            "message",
            "commit_author",
            "commit_subject",
            "first_seen",
            "last_seen",
            "resolved_at",
        )

    def filter_rejected(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the errors of commits that Nautobot rejected, or the others."""
        return queryset.exclude(effective_version="") if value else queryset.filter(effective_version="")
