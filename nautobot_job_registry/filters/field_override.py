"""Filters of field overrides."""

from datetime import timedelta
from decimal import Decimal

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from nautobot.apps.filters import (
    BaseFilterSet,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)
from nautobot.users.models import User

from nautobot_job_registry import models
from nautobot_job_registry.models import choices

# A hundred years: what is later than that is never.
MAX_DAYS = 36_500


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
    has_reason = django_filters.BooleanFilter(method="filter_has_reason", label="Has a reason")
    has_end = django_filters.BooleanFilter(
        field_name="expires_at", lookup_expr="isnull", exclude=True, label="Has an end"
    )
    ends_within = django_filters.NumberFilter(
        method="filter_ends_within",
        label="Ends within this number of days",
        min_value=0,
        max_value=MAX_DAYS,
    )
    drifted = django_filters.BooleanFilter(method="filter_drifted", label="Drifted (the source has changed since)")

    class Meta:
        """Meta attributes."""

        model = models.FieldOverride
        fields = ("id", "job", "field", "reason", "expires_at", "origin", "set_by", "created")

    def filter_has_reason(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the overrides that somebody gave a reason for, or the others."""
        return queryset.exclude(reason="") if value else queryset.filter(reason="")

    def filter_ends_within(self, queryset: QuerySet, name: str, value: Decimal) -> QuerySet:
        """Keep the overrides that end soon, and those that have ended since the last reconcile."""
        return queryset.ending_before(timezone.now() + timedelta(days=float(value)))

    def filter_drifted(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the overrides under which the source has changed, or the others."""
        drifted = models.FieldOverride.objects.drifted().values("pk")
        return queryset.filter(pk__in=drifted) if value else queryset.exclude(pk__in=drifted)
