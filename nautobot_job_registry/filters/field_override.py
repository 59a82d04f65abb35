"""Filters of field overrides."""

import django_filters
from django.db.models import QuerySet
from nautobot.apps.filters import (
    BaseFilterSet,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)
from nautobot.users.models import User

from nautobot_job_registry import choices, models


class FieldOverrideFilterSet(BaseFilterSet):
    """Filters of field overrides."""

    q = SearchFilter(
        filter_predicates={
            "job__name": "icontains",
            "job__module_name": "icontains",
            "job__job_class_name": "icontains",
            "reason": "icontains",
        },
    )
    job = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=models.RegisteredJob.objects.all(), to_field_name="name", label="Registered job (name or ID)"
    )
    field = django_filters.MultipleChoiceFilter(choices=choices.OverridableFieldChoices, distinct=False)
    origin = django_filters.MultipleChoiceFilter(choices=choices.OverrideOriginChoices, distinct=False)
    set_by = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=User.objects.all(), to_field_name="username", label="Set by (name or ID)"
    )
    drifted = django_filters.BooleanFilter(method="filter_drifted", label="Drifted (the source has changed since)")

    class Meta:
        """Meta attributes."""

        model = models.FieldOverride
        fields = ("id", "job", "field", "reason", "expires_at", "origin", "set_by", "created")

    def filter_drifted(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the overrides under which the source has changed, or the others."""
        drifted = models.FieldOverride.objects.drifted().values("pk")
        return queryset.filter(pk__in=drifted) if value else queryset.exclude(pk__in=drifted)
