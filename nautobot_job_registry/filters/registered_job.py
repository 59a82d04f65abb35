"""Filters of registered jobs."""

import django_filters
from django.db.models import Q, QuerySet
from nautobot.apps.filters import MultiValueCharFilter, NautobotFilterSet, RelatedMembershipBooleanFilter
from nautobot.extras.models import GitRepository, Job, JobQueue

from nautobot_job_registry import models
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, override_flag
from nautobot_job_registry.filters.fields import (
    ClassPathSearchFilter,
    choice_filter,
    class_path_query,
    icontains,
    named_filter,
)
from nautobot_job_registry.metrics.needs import OVERRIDDEN
from nautobot_job_registry.models import choices, job_queries

# What a state says that has a column; of the others, see `filter_state`.
STATES = {
    choices.JobStateChoices.INSTALLED: Q(installed=True),
    choices.JobStateChoices.NOT_ENABLED: Q(installed=True, enabled=False),
    **{absence: Q(installed=False, absence=absence) for absence in choices.AbsenceChoices.values()},
}


class RegisteredJobFilterSet(NautobotFilterSet):
    """Filters of registered jobs."""

    # It is a SearchFilter, too.
    q = ClassPathSearchFilter(  # pylint: disable=nb-use-search-filter
        filter_predicates=icontains("name", "grouping", "module_name", "job_class_name", "description")
    )
    state = django_filters.MultipleChoiceFilter(choices=choices.JobStateChoices, method="filter_state", label="State")
    class_path = MultiValueCharFilter(method="filter_class_path", label="Class path")
    source_type = choice_filter(choices.SourceTypeChoices)
    absence = choice_filter(choices.AbsenceChoices, label="Why it is missing")
    git_repository = named_filter(GitRepository, "Git repository (name or ID)")
    job_queues = named_filter(JobQueue, "Job queues (name or ID)")
    default_job_queue = named_filter(JobQueue, "Default job queue (name or ID)")
    core_job = named_filter(Job, "Nautobot's own job (name or ID)")
    overridden = django_filters.BooleanFilter(method="filter_overridden", label="Has overridden fields")
    overridden_field = django_filters.MultipleChoiceFilter(
        choices=choices.OverridableFieldChoices, method="filter_overridden_field", label="Overridden field"
    )
    drifted = django_filters.BooleanFilter(
        method="filter_drifted", label="Drifted (the source has changed under an override)"
    )
    load_error = django_filters.ModelMultipleChoiceFilter(
        queryset=models.JobLoadError.objects.all(),
        method="filter_load_error",
        label="Cannot run because of this load error (ID)",
    )
    has_predecessor = RelatedMembershipBooleanFilter(
        field_name="predecessor", label="Probably moved or renamed (a predecessor is proposed)"
    )

    class Meta:
        model = models.RegisteredJob
        # Not all: there are columns of JSON, which have no filter.
        fields = (  # pylint: disable=nb-use-fields-all
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
            *OVERRIDABLE_FIELDS,
            "enabled",
            "created",
            "last_updated",
            "tags",
            *OVERRIDE_FLAGS,
        )

    def filter_state(self, queryset: QuerySet, name: str, value: list[str]) -> QuerySet:
        """Keep the jobs that are in any of the given states."""
        wanted = Q(*(STATES[state] for state in value if state in STATES), _connector=Q.OR)
        if choices.JobStateChoices.DRIFTED in value:
            wanted |= Q(pk__in=models.FieldOverride.objects.drifted().values("job"))
        if choices.JobStateChoices.SYNC_REJECTED in value:
            wanted |= Q(job_queries.has_rejected_sync())
        return queryset.filter(wanted) if value else queryset

    def filter_load_error(self, queryset: QuerySet, name: str, value: list[models.JobLoadError]) -> QuerySet:
        """Keep the jobs that any of the given load errors keeps from running."""
        stopped = (job_queries.stopped_jobs(models.RegisteredJob.objects, error).values("pk") for error in value)
        return queryset.filter(Q(*(Q(pk__in=jobs) for jobs in stopped), _connector=Q.OR)) if value else queryset

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
        drifted = models.FieldOverride.objects.drifted().values("job")
        return queryset.filter(pk__in=drifted) if value else queryset.exclude(pk__in=drifted)

    def filter_overridden(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        """Keep the jobs that have an overridden field, or those that have none."""
        return queryset.filter(OVERRIDDEN) if value else queryset.exclude(OVERRIDDEN)
