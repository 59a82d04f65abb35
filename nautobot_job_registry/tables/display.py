"""How values, states, sources and versions are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince, timeuntil
from nautobot.apps.templatetags import placeholder
from nautobot.extras.choices import JobResultStatusChoices
from nautobot.extras.models import GitRepository

from nautobot_job_registry import models
from nautobot_job_registry.engine.web_addresses import file_address
from nautobot_job_registry.history import sentences
from nautobot_job_registry.history.values import one_line
from nautobot_job_registry.metrics.needs import list_url
from nautobot_job_registry.models import choices

SHORT_COMMIT_LENGTH = 8
SHOWN_LENGTH = 120
INSTALLED = "installed"
STATE_CLASSES = {
    INSTALLED: "success",
    choices.AbsenceChoices.REMOVED: "secondary",
    choices.AbsenceChoices.LOAD_ERROR: "danger",
    choices.AbsenceChoices.UNCONFIRMED: "warning",
    choices.AbsenceChoices.SOURCE_UNAVAILABLE: "warning",
}
KINDS = choices.SuspendedObjectChoices.as_dict()
CODE_UNKNOWN, CODE_NOT_STARTED, CODE_SKEWED, CODE_UNSEEN, CODE_CURRENT, CODE_UNREGISTERED = (
    "unknown",
    "not started",
    "skewed",
    "skewed: unknown code",
    "current",
    "before registration",
)
NOT_BEGUN = (JobResultStatusChoices.STATUS_PENDING, JobResultStatusChoices.STATUS_RECEIVED)
# Where a name without a dot may go on in the next line: it is no word that somebody reads.
UNBROKEN_LENGTH, UNBROKEN_IN_CELL, UNBROKEN_SLUG = 16, 14, 24
WORDS = re.compile(r"(?<=[_.:/@-])(?=[^_.:/@-])|(?<=[a-z0-9])(?=[A-Z])")
SYSTEM_LIMITS = {"soft_time_limit": "CELERY_TASK_SOFT_TIME_LIMIT", "time_limit": "CELERY_TASK_TIME_LIMIT"}
EXACT_FORMAT = "Y-m-d H:i:s T"
LIGHT_CLASSES = ("success", "warning", "info")
CODE_CLASSES = {CODE_SKEWED: "warning", CODE_UNSEEN: "warning", CODE_CURRENT: "success"}


def all_but(columns: Iterable[str], *hidden: str) -> tuple[str, ...]:
    """Return the columns that a list shows where nobody has chosen others: all but a few."""
    return tuple(name for name in columns if name not in hidden)


def field_label(model: type[Model], field: str) -> str:
    """Return what a field is called on a page; the name in words where the model has no such field."""
    names = {known.name: known.verbose_name for known in (*model._meta.fields, *model._meta.many_to_many)}
    text = str(names.get(field, field.replace("_", " ")))
    return text[:1].upper() + text[1:]


def list_link(model: type[Model], parameters: Mapping[str, Any], text: str) -> SafeString:
    """Return a link to a filtered list."""
    return format_html('<a href="{}">{}</a>', list_url(model, parameters), text)


def shortened(text: str) -> str:
    """Return the beginning of a text that a person wrote, on one line."""
    return one_line(text, SHOWN_LENGTH)


def label(text: str, css_class: str) -> SafeString:
    """Return a coloured label."""
    return format_html('<span class="badge {} text-capitalize">{}</span>', badge_class(css_class), text)


def badge_class(colour: str) -> str:
    """Return the class of a badge: dark letters on light colours, as white ones on them cannot be read by everybody."""
    return f"{'text-bg' if colour in LIGHT_CLASSES else 'bg'}-{colour}"


# Times


def since_text(moment: datetime) -> str:
    """Return how long ago a moment was, or in how long it will be, by its largest unit: `3 hours ago`."""
    now = timezone.now()
    if abs(moment - now) < timedelta(minutes=1):
        return "just now" if moment <= now else "in a moment"
    return f"{timesince(moment, now, depth=1)} ago" if moment < now else f"in {timeuntil(moment, now, depth=1)}"


def exact_text(moment: datetime, form: str = EXACT_FORMAT) -> str:
    """Return a moment in the time zone of who looks."""
    return date_format(timezone.localtime(moment), form)


def relative_time(moment: datetime | None) -> SafeString:
    """Return a moment as `3 hours ago`, with the exact one for the pointer, for the keyboard and for a finger.

    For a page that tells of one object. A list has `listed_time`, which hides nothing.
    """
    if moment is None:
        return placeholder(None)
    text = '<time datetime="{}" title="{}" tabindex="0" data-bs-toggle="tooltip" class="text-nowrap">{}</time>'
    return format_html(text, moment.isoformat(), exact_text(moment), since_text(moment))


def listed_time(moment: datetime | None) -> SafeString:
    """Return a moment for a cell of a list: when it was, short, and beneath it how long ago that is."""
    if moment is None:
        return placeholder(None)
    text = '<time datetime="{}" class="text-nowrap">{}<br><small class="text-body-secondary">{}</small></time>'
    return format_html(text, moment.isoformat(), exact_text(moment, "SHORT_DATETIME_FORMAT"), since_text(moment))


def time_of_day(moment: datetime) -> SafeString:
    """Return a moment for a cell of a list that has another one beside it, exactly and in one line."""
    text = '<time datetime="{}" class="text-nowrap">{}</time>'
    return format_html(text, moment.isoformat(), exact_text(moment, "SHORT_DATETIME_FORMAT"))


def duration_text(duration: timedelta | None) -> str:
    """Return how long something took, to two units: `0.2 s`, `1 min 5 s`, `2 h 3 min`; empty where it is unknown."""
    if duration is None:
        return ""
    seconds = max(duration.total_seconds(), 0)
    if seconds < 60:
        return f"{seconds:.1f} s" if round(seconds, 1) < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def seconds_text(value: float, field: str) -> str:
    """Return a time limit of a job: `1800 seconds`, or what Nautobot takes where it is zero.

    Args:
        value: The limit, in seconds.
        field: `soft_time_limit` or `time_limit`: which of them it is.
    """
    of_system = "" if value else " (system default)"
    return f"{value or getattr(settings, SYSTEM_LIMITS[field]):.10g} seconds{of_system}"


# Long values


def copy_button(text: str = "", target: str = "") -> SafeString:
    """Return Nautobot's button that copies a text, or what the element of a selector shows, to the clipboard."""
    name, value = ("target", target) if target else ("text", text)
    return format_html(
        '<button type="button" class="btn btn-secondary nb-btn-inline-hover" aria-label="Copy" data-clipboard-{}="{}">'
        '<span aria-hidden="true" class="mdi mdi-content-copy"></span></button>',
        name,
        value,
    )


def copyable(text: str, shown: SafeString | str | None = None) -> SafeString:
    """Return a long value that can be copied as a whole, and goes on in the next line wherever it has to.

    The panels of Nautobot have such a button at each value: there, show the whole of it, by `breakable`.

    Args:
        text: The whole.
        shown: What is shown of it, where that is not the whole.
    """
    if not text:
        return placeholder(None)
    value = text if shown is None else shown
    return format_html('<span class="text-break"><span>{}</span>{}</span>', value, copy_button(text))


def breakable(text: str) -> SafeString:
    """Return a long value that goes on in the next line wherever it has to."""
    return format_html('<span class="text-break">{}</span>', text) if text else placeholder(None)


def class_path_display(path: str) -> SafeString:
    """Return a dotted path that goes on in the next line after a dot, and within a name only if that is very long."""
    return format_html('<span title="{}">{}</span>', path, _broken(path, "."))


def name_display(name: str, length: int = UNBROKEN_LENGTH) -> SafeString:
    """Return a name or text that goes on in the next line between its words, and within those that are very long.

    Args:
        name: The name.
        length: From how many characters on a word is very long.
    """
    return _broken(name, " ", length)


def path_display(path: str) -> SafeString:
    """Return the path of a file that goes on in the next line after a slash, and within a name if that is very long."""
    return format_html('<span title="{}">{}</span>', path, _broken(path, "/"))


def _broken(text: str, end: str, length: int = UNBROKEN_LENGTH) -> SafeString:
    names = (
        format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in _broken_name(name, length)))
        for name in text.split(end)
    )
    separator = end if end == " " else format_html("{}<wbr>", end)
    return format_html_join(separator, "{}", ((name,) for name in names))


def _broken_name(name: str, length: int) -> list[str]:
    """Return a name in parts that fit into a line: between its words, and within one that is no word."""
    if len(name) <= length:
        return [name]
    return [part for word in WORDS.split(name) for part in re.findall(rf".{{1,{length}}}", word, re.DOTALL)]


# Files


def shown_path(path: str, repository: GitRepository | None = None) -> str:
    """Return the path of a file in the folder of its source; the whole of it where it is not known to be in there."""
    folder = repository.filesystem_path if repository else settings.JOBS_ROOT
    below = bool(folder) and Path(path).is_relative_to(folder)
    return str(Path(path).relative_to(folder)) if below else path


def web_link(repository: GitRepository | None, version: str, path: str, line: int | None = None) -> str | None:
    """Return the address at which a browser shows a file of a Git repository, or None where it is not known.

    Args:
        repository: The repository.
        version: The commit.
        path: The file, as a path in the repository or on this host.
        line: The line of it.
    """
    if repository is None:
        return None
    return file_address(repository.remote_url, version, shown_path(path, repository), line)


# States


DRIFTED, IN_STEP, REJECTED = label("drifted", "warning"), label("in step", "success"), label("sync rejected", "warning")


def job_state(job: models.RegisteredJob) -> str:
    """Return the state of a job: `installed`, or the reason of its absence."""
    return INSTALLED if job.installed else job.absence


def state_label(job: models.RegisteredJob) -> SafeString:
    """Return the state of a job as a coloured label."""
    state = job_state(job)
    return label(state.replace("_", " ") or "not installed", STATE_CLASSES.get(state, "secondary"))


def source_display(record: models.RegisteredJob | models.JobLoadError, user: Any = None) -> SafeString:
    """Return kind and name of the source of a job or load error, linked to the Git repository where it is one.

    Args:
        record: The job or load error.
        user: Who looks; there is no link for those who may view no Git repositories. None for somebody who may.
    """
    if record.source_type == choices.SourceTypeChoices.LOCAL:
        return format_html("{}", record.get_source_type_display())
    name: Any = name_display(record.source_name, UNBROKEN_SLUG)
    if record.git_repository is not None and (user is None or user.has_perm("extras.view_gitrepository")):
        name = format_html('<a href="{}">{}</a>', record.git_repository.get_absolute_url(), name)
    return format_html("{}: {}", record.get_source_type_display(), name)


def version_display(version: str, source_type: str) -> SafeString:
    """Return the version of a source, a commit shortened, with a button that copies the whole of it."""
    if not version:
        return placeholder(None)
    if source_type == choices.SourceTypeChoices.GIT:
        return copyable(version, version[:SHORT_COMMIT_LENGTH])
    return breakable(version)


def sourced_display(record: models.RegisteredJob | models.JobLoadError, user: Any = None) -> SafeString:
    """Return the source of a job or load error, and beneath it at which version."""
    source = source_display(record, user)
    if not record.source_version:
        return source
    version = version_display(record.source_version, record.source_type)
    return format_html('{}<br><small class="text-body-secondary text-nowrap">@ {}</small>', source, version)


def short_text(text: str) -> SafeString:
    """Return the beginning of a commit or hash, with a button that copies the whole; a version number is not cut."""
    is_digits = len(text) >= 2 * SHORT_COMMIT_LENGTH and all(digit in "0123456789abcdef" for digit in text)
    return copyable(text, text[:SHORT_COMMIT_LENGTH]) if is_digits else breakable(text)


def load_error_state(error: models.JobLoadError) -> SafeString:
    """Return whether a load error is still there as a coloured label, and whether its commit was rejected."""
    if not error.is_open:
        return label("resolved", "success")
    text = label("open", "danger")
    return format_html("{} {}", text, REJECTED) if error.is_rejected else text


def load_error_place(error: models.JobLoadError) -> str:
    """Return file and line of a load error, `jobs/backups.py:4`; its module or class where no file is known."""
    if not error.file_path:
        return str(error)
    path = shown_path(error.file_path, error.git_repository)
    return path if error.line is None else f"{path}:{error.line}"


def load_error_text(error: models.JobLoadError, length: int = SHOWN_LENGTH) -> str:
    """Return type and message of a load error in one line."""
    return one_line(f"{error.exception_type}: {error.message}" if error.message else error.exception_type, length)


def status_label(status: str) -> SafeString:
    """Return how a reconcile ended as a coloured label."""
    known = choices.ReconciliationStatusChoices
    return label(known.as_dict().get(status, status), known.CSS_CLASSES.get(status, "secondary"))


def reconciliation_status(row: models.Reconciliation) -> SafeString:
    """Return the same of a reconcile, which may have succeeded though not everything could be loaded."""
    succeeded = row.status == choices.ReconciliationStatusChoices.SUCCEEDED
    if succeeded and (row.errors_opened or row.errors_updated):
        return label("Succeeded, with errors", "warning")
    return status_label(row.status)


def result_badge(status: str) -> SafeString:
    """Return the status of Nautobot's record of a run as Nautobot shows it."""
    return mark_safe(render_to_string("extras/inc/job_label.html", {"result": {"status": status}}).strip())  # noqa: S308


def reconcile_summary(row: models.Reconciliation) -> str:
    """Return what a reconcile changed, in one line, with the first jobs by name where that is stored."""
    if row.status == choices.ReconciliationStatusChoices.FAILED:
        return "Nothing was changed"
    if row.summary:
        return row.summary
    return sentences.counts_summary({name: getattr(row, name) for name in sentences.COUNTED})


def code_state(run: models.JobRun) -> str:
    """Return how the code that a run executed stood to the revision that was current then."""
    if not run.code_hash:
        return CODE_NOT_STARTED if run.job_result.status in NOT_BEGUN else CODE_UNKNOWN
    if run.is_skewed:
        return CODE_SKEWED if run.revision_id else CODE_UNSEEN
    return CODE_CURRENT if run.revision_id else CODE_UNREGISTERED


def code_label(run: models.JobRun) -> SafeString:
    """Return the same as a coloured label."""
    state = code_state(run)
    return label(state, CODE_CLASSES.get(state, "secondary"))


def kind_display(suspension: models.Suspension) -> str:
    """Return which kind of object was switched off."""
    return KINDS.get(suspension.object_type.model, suspension.object_type.model)


def outcome_label(suspension: models.Suspension) -> SafeString:
    """Return how a suspension ended, if it has, as a coloured label."""
    css_class = choices.SuspensionOutcomeChoices.CSS_CLASSES.get(suspension.outcome, "secondary")
    return label(suspension.get_outcome_display(), css_class)


def reason_label(suspension: models.Suspension) -> SafeString:
    """Return why the job was absent as a coloured label."""
    if not suspension.reason:
        return placeholder("not known yet")
    return label(suspension.get_reason_display(), STATE_CLASSES.get(suspension.reason, "secondary"))
