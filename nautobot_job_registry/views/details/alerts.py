"""What a page of a job has to say first: what is broken, what has drifted, what is switched off, what will fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from nautobot.apps.utils import get_route_for_model

from nautobot_job_registry import models
from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.history import arguments
from nautobot_job_registry.history.values import one_line
from nautobot_job_registry.metrics.needs import list_url, may_view
from nautobot_job_registry.models.choices import AbsenceChoices
from nautobot_job_registry.reconcile import on_request
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.suspension import SUSPENDED, visible_suspensions

# More errors of one source than this are not told apart on the page of a job: their list has them all.
MAX_ERRORS_READ = 200
MAX_NAMED = 3
MAX_MESSAGE = 200


@dataclass(frozen=True)
class Action:
    """Something that can be done about it at once.

    Attributes:
        label: What the link or button says.
        url: Where it leads.
        is_post: Whether it changes something, so that it is a button.
    """

    label: str
    url: str
    is_post: bool = False


@dataclass(frozen=True)
class Alert:
    """One thing that whoever opens the page has to know.

    Attributes:
        level: `danger`, `warning` or `info`, as Bootstrap has them.
        text: What is so, with links.
        actions: What can be done about it.
    """

    level: str
    text: SafeString
    actions: tuple[Action, ...] = ()


def alerts_of(job: models.RegisteredJob, user: Any) -> list[Alert]:
    """Return what a user has to know of a job, what is worst first."""
    told = (*_of_errors(job, user), *_of_schedules(job, user), *_of_suspensions(job, user), *_of_drift(job, user))
    order = ("danger", "warning", "info")
    return sorted([*told, *_of_enabling(job, user)], key=lambda alert: order.index(alert.level))


# Load errors


def errors_of_source(job: models.RegisteredJob, user: Any) -> list[models.JobLoadError]:
    """Return the open load errors of the source of a job that a user may view; they are read once for a page."""
    if not hasattr(job, "errors_of_source"):
        rows = models.JobLoadError.objects.restrict(user, "view").filter(
            source_type=job.source_type, source_name=job.source_name, resolved_at=None
        )
        rows = rows.select_related("git_repository").defer("traceback")
        job.errors_of_source = list(rows[:MAX_ERRORS_READ]) if may_view(user, models.JobLoadError) else []
    return job.errors_of_source


def is_about(error: models.JobLoadError, job: models.RegisteredJob) -> bool:
    """Say whether an error can keep a job from being loaded: it is of the class, its module, or a package around it."""
    if error.job_class_name:
        return (error.module_name, error.job_class_name) == (job.module_name, job.job_class_name)
    return f"{job.module_name}.".startswith(f"{error.module_name}.")


def is_sync_rejected(job: models.RegisteredJob, user: Any) -> bool:
    """Say whether the last sync of the repository of a job was rejected, as far as a user may view that."""
    return any(error.is_rejected for error in errors_of_source(job, user))


def _of_errors(job: models.RegisteredJob, user: Any) -> Iterator[Alert]:
    errors = errors_of_source(job, user)
    own = [error for error in errors if is_about(error, job)]
    reconcile = reconcile_action(job, user)
    if not job.installed:
        if own:
            yield Alert("danger", format_html("It cannot be loaded: {}", _named(own)), reconcile)
        elif job.absence == AbsenceChoices.UNCONFIRMED and errors:
            text = "Its file or class is not there. It counts as removed once these can be loaded: {}"
            yield Alert("warning", format_html(text, _named(errors)), reconcile)
        return
    rejected = [error for error in errors if error.is_rejected]
    if rejected:
        yield Alert("warning", _rejection(rejected, own), _sync_action(job, user))
    told = [error for error in own if not error.is_rejected]
    if told:
        yield Alert("danger", format_html("The last read of its source found: {}", _named(told)), reconcile)


def _rejection(rejected: Sequence[models.JobLoadError], own: Sequence[models.JobLoadError]) -> SafeString:
    error = rejected[0]
    versions = (display.short_text(error.effective_version), display.short_text(error.source_version))
    causes = [one for one in own if one.is_rejected] or rejected
    return format_html("It runs from {}; the sync to {} was rejected: {}", *versions, _named(causes))


def _named(errors: Sequence[models.JobLoadError]) -> SafeString:
    """Return the first errors with their places, linked, and how many more there are."""
    lines = format_html_join("; ", "{}", ((_told(error),) for error in errors[:MAX_NAMED]))
    more = len(errors) - MAX_NAMED
    return format_html("{}; and {} more.", lines, more) if more > 0 else format_html("{}.", lines)


def _told(error: models.JobLoadError) -> SafeString:
    path = display.shown_path(error.file_path, error.git_repository) or error.module_name
    place = f"{path}, line {error.line}" if error.line else path
    message = one_line(f"{error.exception_type}: {error.message}", MAX_MESSAGE).rstrip(".")
    return format_html(
        '<a class="alert-link text-body text-decoration-underline" href="{}">{}</a>: {}',
        error.get_absolute_url(),
        place,
        message,
    )


# What else there is


def _of_schedules(job: models.RegisteredJob, user: Any) -> Iterator[Alert]:
    found = misfits_of(job, user)
    if found:
        text = "{} {} stored arguments that do not fit what the job asks for now: {}."
        verb = "schedule has" if len(found) == 1 else "schedules have"
        yield Alert("warning", format_html(text, len(found), verb, _schedules(found)))


def misfits_of(job: models.RegisteredJob, user: Any) -> Sequence[arguments.Misfit]:
    """Return the schedules of a job that do not fit, as far as a user may view them; they are looked up once."""
    if not hasattr(job, "misfits"):
        job.misfits = arguments.misfits(job, job.current_revision, user)
    return job.misfits


def _schedules(misfits: Sequence[arguments.Misfit]) -> SafeString:
    shown = [one.schedule for one in misfits[:MAX_NAMED]]
    links = (
        format_html(
            '<a class="alert-link text-body text-decoration-underline" href="{}">{}</a>',
            schedule.get_absolute_url(),
            schedule.name,
        )
        for schedule in shown
    )
    more = len(misfits) - MAX_NAMED
    return format_html("{}{}", _joined(links), f", and {more} more" if more > 0 else "")


def _joined(texts: Iterable[Any]) -> SafeString:
    return format_html_join(", ", "{}", ((text,) for text in texts))


def _of_suspensions(job: models.RegisteredJob, user: Any) -> Iterator[Alert]:
    names = [f"{display.kind_display(row).lower()} {row.object_name}" for row in visible_suspensions(job, user)]
    if names:
        more = ", …" if len(names) > MAX_NAMED else ""
        text = format_html("Suspended with the job: {}{}.", _joined(names[:MAX_NAMED]), more)
        url = list_url(models.Suspension, {"job": job.pk, "outcome": SUSPENDED})
        yield Alert("warning", text, (Action("Show suspensions", url),))


def _of_drift(job: models.RegisteredJob, user: Any) -> Iterator[Alert]:
    drifted = [override for override in noted_overrides(job, user).values() if override.is_drifted]
    if drifted:
        names = _joined(display.field_label(models.RegisteredJob, override.field) for override in drifted)
        count = "1 override has" if len(drifted) == 1 else f"{len(drifted)} overrides have"
        yield Alert("warning", format_html("{} drifted, the code says something else now: {}.", count, names))


def noted_overrides(job: models.RegisteredJob, user: Any) -> dict[str, models.FieldOverride]:
    """Return what is noted of the overrides of a job that a user may view, by field; it is read once for a page."""
    if not hasattr(job, "noted_overrides"):
        rows = job.field_overrides.restrict(user, "view").select_related("set_by")
        job.noted_overrides = {row.field: row for row in rows}
        for row in job.noted_overrides.values():
            row.job = job
    return job.noted_overrides


def _of_enabling(job: models.RegisteredJob, user: Any) -> Iterator[Alert]:
    if job.installed and not job.enabled:
        yield Alert("info", format_html("{}", "The job is not enabled: it cannot be run until somebody enables it."))


# What can be done


def source_of(job: models.RegisteredJob | models.JobLoadError) -> str:
    """Return the label of a source, by which it is reconciled."""
    return Source(SourceType(job.source_type), job.source_name).label


def reconcile_action(job: models.RegisteredJob, user: Any) -> tuple[Action, ...]:
    """Return the way to the plan of the source of a job, for those who may reconcile."""
    if not user.has_perm(on_request.ADD):
        return ()
    return (Action("Reconcile this source", on_request.plan_address(source_of(job))),)


def _sync_action(job: models.RegisteredJob, user: Any) -> tuple[Action, ...]:
    """Return what syncs the repository of a job again, for those who may."""
    repository = job.git_repository
    if repository is None or not user.has_perm("extras.change_gitrepository"):
        return ()
    url = reverse(get_route_for_model(repository, "sync"), kwargs={"pk": repository.pk})
    return (Action("Sync repository", url, is_post=True),)
