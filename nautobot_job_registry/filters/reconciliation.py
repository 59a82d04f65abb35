"""Filters of reconciliations."""

import django_filters
from django.db.models import QuerySet
from nautobot.apps.filters import (
    BaseFilterSet,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)
from nautobot.extras.models import JobResult
from nautobot.users.models import User

from nautobot_job_registry import choices, models


class ReconciliationFilterSet(BaseFilterSet):
    """Filters of reconciliations."""

    q = SearchFilter(filter_predicates={"scope": "icontains", "error": "icontains"})
    trigger = django_filters.MultipleChoiceFilter(choices=choices.ReconciliationTriggerChoices, distinct=False)
    status = django_filters.MultipleChoiceFilter(choices=choices.ReconciliationStatusChoices, distinct=False)
    unmended = django_filters.BooleanFilter(method="filter_unmended", label="Failed, and not mended by a later one")
    started_after = django_filters.DateTimeFilter(field_name="started", lookup_expr="gte", label="Started after")
    started_before = django_filters.DateTimeFilter(field_name="started", lookup_expr="lte", label="Started before")
    user = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=User.objects.all(), to_field_name="username", label="User (name or ID)"
    )
    job_result = django_filters.ModelMultipleChoiceFilter(
        queryset=JobResult.objects.all(), distinct=False, label="Job result (ID)"
    )

    class Meta:
        """Meta attributes."""

        model = models.Reconciliation
        fields = (
            "id",
            "trigger",
            "scope",
            "status",
            "registered",
            "changed",
            "uninstalled",
            "returned",
            "refreshed",
            "unchanged",
            "errors_opened",
            "errors_updated",
            "errors_resolved",
            "overrides_ended",
            "suspended",
            "restored",
            "error",
            "started",
            "finished",
            "user",
            "job_result",
        )

    def filter_unmended(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the failures that no later reconcile has mended, or all the others."""
        unmended = models.Reconciliation.objects.unmended().values("pk")
        return queryset.filter(pk__in=unmended) if value else queryset.exclude(pk__in=unmended)
