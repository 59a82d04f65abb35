"""Filters of reconciliations."""

import django_filters
from django.db.models import QuerySet
from nautobot.apps.filters import (
    BaseFilterSet,
    MultiValueCharFilter,
    NaturalKeyOrPKMultipleChoiceFilter,
    SearchFilter,
)
from nautobot.extras.models import JobResult
from nautobot.users.models import User

from nautobot_job_registry import models
from nautobot_job_registry.filters.changes import TOO_WIDE, WantedChanges
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import choices
from nautobot_job_registry.models.reconciliation import COUNT_FIELDS


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

    job = MultiValueCharFilter(method="filter_changes", label="Changed job (class path)")
    source = MultiValueCharFilter(
        method="filter_changes", label="Source of the change (system, local, app:NAME, git:SLUG)"
    )
    kind = django_filters.MultipleChoiceFilter(
        choices=sentences.ChangeKindChoices, method="filter_changes", label="Kind of change"
    )

    # Kept by django-filter: None before it was asked.
    _is_valid: bool | None

    class Meta:
        """Meta attributes."""

        model = models.Reconciliation
        fields = (
            "id",
            "trigger",
            "scope",
            "status",
            *COUNT_FIELDS,
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

    def filter_changes(self, queryset: QuerySet, name: str, value: list[str]) -> QuerySet:
        """Keep all: the three filters ask for one and the same change, so that they are applied together."""
        return queryset

    def is_valid(self) -> bool:
        """Refuse a question about so many changes at once that the database would be busy with it."""
        if self._is_valid is None and super().is_valid() and WantedChanges.of(self.form.cleaned_data).is_too_wide:
            self.form.add_error("job", TOO_WIDE)
            self._is_valid, self._errors = False, None
        return super().is_valid()

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Keep the reconciles with a change of any given job, of any given source, and of any given kind."""
        queryset = super().filter_queryset(queryset)
        wanted = WantedChanges.of(self.form.cleaned_data)
        if wanted.is_too_wide:
            return queryset.none()
        return queryset.filter(wanted.query()) if wanted else queryset
