"""What else is asked of registered jobs, as a part of the one statement that reads them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.functions import Coalesce, Concat, JSONObject, Replace
from django.db.models.lookups import Exact

from nautobot_job_registry.models.choices import AbsenceChoices, SourceTypeChoices
from nautobot_job_registry.models.job_load_error import JobLoadError
from nautobot_job_registry.models.job_run import JobRun
from nautobot_job_registry.models.registered_job import RegisteredJob


def _joined(one: Any, other: Any) -> Concat:
    """Return two texts, of whatever kinds of columns, as one."""
    return Concat(one, other, output_field=models.TextField())


# Where the file lies that registers a job, as a path in the folder from which modules are named.
_REGISTERED_IN = models.Case(
    models.When(
        source_type=SourceTypeChoices.GIT,
        then=_joined("source_name", _joined(models.Value("/"), "registered_in")),
    ),
    default=models.F("registered_in"),
    output_field=models.TextField(),
)


def stopped_jobs(rows: models.QuerySet, error: JobLoadError | None = None) -> models.QuerySet:
    """Keep the registered jobs that cannot run because of a load error: their module, or what registers them, fails.

    Of the error of a module these are the jobs in it or below it, and those that one of its files registers; of the
    error of a class it is the job of the class.

    Args:
        rows: Registered jobs.
        error: The load error; that of the outer query where it is None.
    """
    if error is not None and not error.is_open:
        return rows.none()
    told = models.OuterRef if error is None else lambda name: models.Value(getattr(error, name))
    slashed = Replace(told("module_name"), models.Value("."), models.Value("/"), output_field=models.TextField())
    is_of_module = models.Q(Exact(told("job_class_name"), models.Value("")))
    is_inside = (
        models.Q(module_name=told("module_name"))
        | models.Q(module_name__startswith=_joined(told("module_name"), models.Value(".")))
        | models.Q(_file=_joined(slashed, models.Value(".py")))
        | models.Q(_file__startswith=_joined(slashed, models.Value("/")))
    )
    is_the_class = models.Q(module_name=told("module_name"), job_class_name=told("job_class_name"))
    return rows.alias(_file=_REGISTERED_IN).filter(
        (is_of_module & is_inside) | is_the_class,
        source_type=told("source_type"),
        source_name=told("source_name"),
        installed=False,
        absence=AbsenceChoices.LOAD_ERROR,
    )


def stopped_job_count(user: Any) -> models.Expression:
    """Return how many jobs that a user may view an open load error keeps from running; None of one that is resolved."""
    jobs = RegisteredJob.objects.restrict(user, "view").order_by()
    if jobs.query.is_empty():
        return models.Value(None, output_field=models.IntegerField())
    counted = stopped_jobs(jobs).annotate(_all=models.Value(1)).values("_all").annotate(count=models.Count("pk"))
    return models.Case(
        models.When(resolved_at=None, then=Coalesce(models.Subquery(counted.values("count")), 0)),
        default=None,
        output_field=models.IntegerField(),
    )


def has_rejected_sync() -> models.Exists:
    """Return whether Nautobot rejected the last sync of a job's source, so that it runs as it was before."""
    return models.Exists(
        JobLoadError.objects.filter(
            source_type=models.OuterRef("source_type"), source_name=models.OuterRef("source_name"), resolved_at=None
        ).exclude(effective_version="")
    )


def last_run(user: Any) -> models.Expression:
    """Return the last run of a job that a user may view: `id`, `created`, `result` and `status`, or None."""
    runs = JobRun.objects.restrict(user, "view").filter(job=models.OuterRef("pk")).order_by("-created")
    told = JSONObject(id="pk", created="created", result="job_result__pk", status="job_result__status")
    return models.Subquery(runs.values(told=told)[:1])


def last_run_at(user: Any) -> models.Subquery:
    """Return when a job was last run that a user may view, or None."""
    runs = JobRun.objects if user is None else JobRun.objects.restrict(user, "view")
    return models.Subquery(runs.filter(job=models.OuterRef("pk")).order_by("-created").values("created")[:1])


def run_count(user: Any) -> models.Expression:
    """Return how many runs of a job a user may view."""
    runs = JobRun.objects.restrict(user, "view").filter(job=models.OuterRef("pk")).order_by()
    return Coalesce(models.Subquery(runs.values("job").annotate(count=models.Count("pk")).values("count")), 0)


def changed_at() -> models.Expression:
    """Return when a job changed last: its source said something new, or it went away."""
    said, gone = models.F("current_revision__created"), models.F("uninstalled_at")
    # As not all databases compare with what is null.
    return models.functions.Greatest(Coalesce(said, gone), Coalesce(gone, said))
