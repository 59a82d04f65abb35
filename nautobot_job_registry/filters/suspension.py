"""Filters of suspensions."""

import django_filters
from nautobot.apps.filters import (
    BaseFilterSet,
    MultiValueCharFilter,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)
from nautobot.users.models import User

from nautobot_job_registry import models
from nautobot_job_registry.models import choices


class SuspensionFilterSet(BaseFilterSet):
    """Filters of suspensions."""

    q = SearchFilter(
        filter_predicates={"object_name": "icontains", "class_path": "icontains", "job__name": "icontains"},
    )
    job = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=models.RegisteredJob.objects.all(), to_field_name="name", label="Registered job (name or ID)"
    )
    class_path = MultiValueCharFilter(label="Class path")
    object_type = django_filters.MultipleChoiceFilter(
        choices=choices.SuspendedObjectChoices, field_name="object_type__model", distinct=False, label="Kind"
    )
    reason = django_filters.MultipleChoiceFilter(choices=choices.AbsenceChoices, distinct=False)
    origin = django_filters.MultipleChoiceFilter(choices=choices.SuspensionOriginChoices, distinct=False)
    outcome = django_filters.MultipleChoiceFilter(choices=choices.SuspensionOutcomeChoices, distinct=False)
    suspended_after = django_filters.DateTimeFilter(
        field_name="suspended_at", lookup_expr="gte", label="Suspended after"
    )
    suspended_before = django_filters.DateTimeFilter(
        field_name="suspended_at", lookup_expr="lte", label="Suspended before"
    )
    restored_by = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=User.objects.all(), to_field_name="username", label="Restored by (name or ID)"
    )

    class Meta:
        """Meta attributes."""

        model = models.Suspension
        fields = (
            "id",
            "job",
            "class_path",
            "object_id",
            "object_name",
            "reason",
            "origin",
            "outcome",
            "suspended_at",
            "restored_at",
            "restored_by",
        )
