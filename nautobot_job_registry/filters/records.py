"""Filters of what the registry records: revisions, overrides, load errors, anchors, reconciles and suspensions."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from nautobot.apps.filters import BaseFilterSet, MultiValueCharFilter, SearchFilter
from nautobot.extras.choices import JobResultStatusChoices
from nautobot.extras.models import GitRepository, JobResult, ScheduledJob
from nautobot.users.models import User

from nautobot_job_registry import models
from nautobot_job_registry.filters.changes import TOO_WIDE, WantedChanges
from nautobot_job_registry.filters.fields import (
    ClassPathSearchFilter,
    after_filter,
    before_filter,
    choice_filter,
    has_filter,
    icontains,
    id_filter,
    named_filter,
)
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import choices
from nautobot_job_registry.models.reconciliation import COUNT_FIELDS

# A hundred years: what is later than that is never.
MAX_DAYS = 36_500


class JobRevisionFilterSet(BaseFilterSet):
    """Filters of job revisions; the source code cannot be searched, as not everybody may see it."""

    q = SearchFilter(filter_predicates=icontains("job__name", "job__module_name", "job__job_class_name"))
    job = named_filter(models.RegisteredJob, "Registered job (name or ID)")
    reconciliation = id_filter(models.Reconciliation, "Reconciliation (ID)")
    first_seen = django_filters.BooleanFilter(method="filter_first_seen", label="First of its job")

    class Meta:
        model = models.JobRevision
        fields = ("id", "job", "number", "metadata_hash", "source_hash", "source_version", "reconciliation", "created")

    def filter_first_seen(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the revisions with which their jobs were first seen, or those in which something changed."""
        return queryset.filter(number=1) if value else queryset.exclude(number=1)


class FieldOverrideFilterSet(BaseFilterSet):
    """Filters of field overrides."""

    q = SearchFilter(filter_predicates=icontains("job__name", "job__module_name", "job__job_class_name", "reason"))
    job = named_filter(models.RegisteredJob, "Registered job (name or ID)")
    field = choice_filter(choices.OverridableFieldChoices)
    origin = choice_filter(choices.OverrideOriginChoices)
    set_by = named_filter(User, "Set by (name or ID)", by="username")
    has_reason = django_filters.BooleanFilter(method="filter_has_reason", label="Has a reason")
    has_end = has_filter("expires_at", "Has an end")
    ends_within = django_filters.NumberFilter(
        method="filter_ends_within",
        label="Ends within this number of days",
        min_value=0,
        max_value=MAX_DAYS,
    )
    drifted = django_filters.BooleanFilter(method="filter_drifted", label="Drifted (the source has changed since)")

    class Meta:
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


class JobLoadErrorFilterSet(BaseFilterSet):
    """Filters of load errors; the traceback cannot be searched, as not everybody may see it."""

    q = ClassPathSearchFilter(
        filter_predicates=icontains(
            "module_name",
            "job_class_name",
            "source_name",
            "exception_type",
            "message",
            "file_path",
            "commit_author",
            "commit_subject",
        )
    )
    source_type = choice_filter(choices.SourceTypeChoices)
    git_repository = named_filter(GitRepository, "Git repository (name or ID)")
    resolved = has_filter("resolved_at", "Is resolved")

    rejected = django_filters.BooleanFilter(method="filter_rejected", label="Is of a sync that Nautobot rejected")

    class Meta:
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


class JobRunFilterSet(BaseFilterSet):
    """Filters of job runs."""

    q = SearchFilter(filter_predicates=icontains("class_path", "worker", "job__name"))
    job = named_filter(models.RegisteredJob, "Registered job (name or ID)")
    revision = id_filter(models.JobRevision, "Revision (ID)")
    job_result = id_filter(JobResult, "Job result (ID)")
    status = choice_filter(JobResultStatusChoices, field_name="job_result__status", label="Status of the job result")
    user = named_filter(User, "Who asked for the run (name or ID)", by="username", field_name="job_result__user")
    is_registered = has_filter("job", "Has a registered job")
    created_after = after_filter("created", "Requested after")
    created_before = before_filter("created", "Requested before")

    class Meta:
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


class JobScheduleFilterSet(BaseFilterSet):
    """Filters of job schedules."""

    q = SearchFilter(filter_predicates=icontains("class_path", "scheduled_job__name", "job__name"))
    job = named_filter(models.RegisteredJob, "Registered job (name or ID)")
    scheduled_job = named_filter(ScheduledJob, "Schedule (name or ID)")
    enabled = django_filters.BooleanFilter(field_name="scheduled_job__enabled", label="Is enabled")
    is_registered = has_filter("job", "Has a registered job")
    misfits = django_filters.BooleanFilter(method="filter_misfits", label="Will fail (a required input is not stored)")

    class Meta:
        model = models.JobSchedule
        fields = ("id", "scheduled_job", "job", "class_path", "created")

    def filter_misfits(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the schedules whose next run will fail, or all the others."""
        failing = models.JobSchedule.objects.failing().values("pk")
        return queryset.filter(pk__in=failing) if value else queryset.exclude(pk__in=failing)


class ReconciliationFilterSet(BaseFilterSet):
    """Filters of reconciliations."""

    q = SearchFilter(filter_predicates=icontains("scope", "error"))
    trigger = choice_filter(choices.ReconciliationTriggerChoices)
    status = choice_filter(choices.ReconciliationStatusChoices)
    unmended = django_filters.BooleanFilter(method="filter_unmended", label="Failed, and not mended by a later one")
    started_after = after_filter("started", "Started after")
    started_before = before_filter("started", "Started before")
    user = named_filter(User, "User (name or ID)", by="username")
    job_result = id_filter(JobResult, "Job result (ID)")

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


class SuspensionFilterSet(BaseFilterSet):
    """Filters of suspensions."""

    q = SearchFilter(filter_predicates=icontains("object_name", "class_path", "job__name"))
    job = named_filter(models.RegisteredJob, "Registered job (name or ID)")
    class_path = MultiValueCharFilter(label="Class path")
    object_type = choice_filter(choices.SuspendedObjectChoices, field_name="object_type__model", label="Kind")
    reason = choice_filter(choices.AbsenceChoices, label="Why the job was missing")
    origin = choice_filter(choices.SuspensionOriginChoices)
    outcome = choice_filter(choices.SuspensionOutcomeChoices)
    suspended_after = after_filter("suspended_at", "Suspended after")
    suspended_before = before_filter("suspended_at", "Suspended before")
    restored_by = named_filter(User, "Restored by (name or ID)", by="username")

    class Meta:
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
