"""Filters of the job registry."""

import django_filters
from django.db.models import Q, QuerySet
from nautobot.apps.filters import (
    BaseFilterSet,
    MultiValueCharFilter,
    NaturalKeyOrPKMultipleChoiceFilter,
    NautobotFilterSet,
    SearchFilter,
)
from nautobot.extras.models import GitRepository, Job, JobQueue, JobResult
from nautobot.users.models import User

from nautobot_job_registry import choices, models
from nautobot_job_registry.engine.fields import OVERRIDE_FLAGS, override_flag


def class_path_query(value: str, *, partial: bool = False) -> Q:
    """Return the query for the records of a class path.

    Args:
        value: A dotted path; all before its last dot is the name of the module.
        partial: Whether the path may also begin late in the module name and end early in the class name.
    """
    module_name, _, job_class_name = value.strip().rpartition(".")
    if not partial:
        return Q(module_name=module_name, job_class_name=job_class_name)
    if not module_name:
        return Q(job_class_name__istartswith=job_class_name)
    return Q(module_name__iendswith=module_name, job_class_name__istartswith=job_class_name)


class ClassPathSearchFilter(SearchFilter):
    """Search in the given columns, and in the dotted path that the module and class name make together."""

    def generate_query(self, value, **kwargs):
        """Add the class path to the query."""
        query = super().generate_query(value, **kwargs)
        return query | class_path_query(value, partial=True) if "." in value else query


class RegisteredJobFilterSet(NautobotFilterSet):
    """Filters of registered jobs."""

    q = ClassPathSearchFilter(
        filter_predicates={
            "name": "icontains",
            "grouping": "icontains",
            "module_name": "icontains",
            "job_class_name": "icontains",
            "description": "icontains",
        },
    )
    class_path = MultiValueCharFilter(method="filter_class_path", label="Class path")
    source_type = django_filters.MultipleChoiceFilter(choices=choices.SourceTypeChoices, distinct=False)
    absence = django_filters.MultipleChoiceFilter(choices=choices.AbsenceChoices, distinct=False)
    git_repository = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=GitRepository.objects.all(), to_field_name="name", label="Git repository (name or ID)"
    )
    job_queues = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=JobQueue.objects.all(), to_field_name="name", label="Job queues (name or ID)"
    )
    default_job_queue = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=JobQueue.objects.all(), to_field_name="name", label="Default job queue (name or ID)"
    )
    core_job = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=Job.objects.all(), to_field_name="name", label="Nautobot's own job (name or ID)"
    )
    overridden = django_filters.BooleanFilter(method="filter_overridden", label="Has overridden fields")
    overridden_field = django_filters.MultipleChoiceFilter(
        choices=choices.OverridableFieldChoices, method="filter_overridden_field", label="Overridden field"
    )
    drifted = django_filters.BooleanFilter(
        method="filter_drifted", label="Drifted (the source has changed under an override)"
    )

    class Meta:
        """Meta attributes."""

        model = models.RegisteredJob
        fields = (
            "id",
            "module_name",
            "job_class_name",
            "source_type",
            "source_name",
            "source_version",
            "git_repository",
            "installed",
            "absence",
            "uninstalled_at",
            "is_job_hook_receiver",
            "is_job_button_receiver",
            "read_only",
            "supports_dryrun",
            "core_job",
            "grouping",
            "name",
            "description",
            "hidden",
            "console_log_default",
            "dryrun_default",
            "soft_time_limit",
            "time_limit",
            "has_sensitive_variables",
            "is_singleton",
            "job_queues",
            "default_job_queue",
            "enabled",
            "created",
            "last_updated",
            "tags",
            *OVERRIDE_FLAGS,
        )

    def filter_class_path(self, queryset: QuerySet, name: str, value: list[str]) -> QuerySet:
        """Keep the jobs of the given class paths."""
        query = Q(pk__in=[])
        for class_path in value:
            query |= class_path_query(class_path)
        return queryset.filter(query)

    def filter_overridden_field(self, queryset: QuerySet, name: str, value: list[str]) -> QuerySet:
        """Keep the jobs in which any of the given fields is overridden."""
        return queryset.filter(Q(*((override_flag(field), True) for field in value), _connector=Q.OR))

    def filter_drifted(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the jobs that have a drifted override, or those that have none."""
        return queryset.with_drift().filter(is_drifted=value)

    def filter_overridden(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the jobs that have an overridden field, or those that have none."""
        query = Q()
        for flag in OVERRIDE_FLAGS:
            query |= Q(**{flag: True})
        return queryset.filter(query) if value else queryset.exclude(query)


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

    class Meta:
        """Meta attributes."""

        model = models.JobRevision
        fields = ("id", "job", "number", "metadata_hash", "source_hash", "source_version", "created")


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
        },
    )
    source_type = django_filters.MultipleChoiceFilter(choices=choices.SourceTypeChoices, distinct=False)
    git_repository = NaturalKeyOrPKMultipleChoiceFilter(
        queryset=GitRepository.objects.all(), to_field_name="name", label="Git repository (name or ID)"
    )
    resolved = django_filters.BooleanFilter(
        field_name="resolved_at", lookup_expr="isnull", exclude=True, label="Is resolved"
    )

    class Meta:
        """Meta attributes."""

        model = models.JobLoadError
        fields = (
            "id",
            "source_type",
            "source_name",
            "git_repository",
            "source_version",
            "module_name",
            "job_class_name",
            "file_path",
            "line",
            "exception_type",
            "message",
            "first_seen",
            "last_seen",
            "resolved_at",
        )


class ReconciliationFilterSet(BaseFilterSet):
    """Filters of reconciliations."""

    q = SearchFilter(filter_predicates={"scope": "icontains", "error": "icontains"})
    trigger = django_filters.MultipleChoiceFilter(choices=choices.ReconciliationTriggerChoices, distinct=False)
    status = django_filters.MultipleChoiceFilter(choices=choices.ReconciliationStatusChoices, distinct=False)
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
            "error",
            "started",
            "finished",
            "user",
            "job_result",
        )
