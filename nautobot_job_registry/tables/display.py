"""How values, states, sources and versions are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import placeholder

from nautobot_job_registry import models
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
CODE_UNKNOWN, CODE_SKEWED, CODE_UNSEEN, CODE_CURRENT, CODE_UNREGISTERED = (
    "not known",
    "skewed",
    "skewed: unknown code",
    "current",
    "job not registered",
)
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
    return format_html('<span class="badge bg-{}">{}</span>', css_class, text)


DRIFTED, AS_SET = label("drifted", "warning"), label("as set", "success")


def job_state(job: models.RegisteredJob) -> str:
    """Return the state of a job: `installed`, or the reason of its absence."""
    return INSTALLED if job.installed else job.absence


def state_label(job: models.RegisteredJob) -> SafeString:
    """Return the state of a job as a coloured label."""
    state = job_state(job)
    return label(state.replace("_", " ") or "not installed", STATE_CLASSES.get(state, "secondary"))


def source_display(record: models.RegisteredJob | models.JobLoadError) -> SafeString:
    """Return kind and name of the source of a job or load error, linked to the Git repository where it is one."""
    name = record.source_name
    if record.git_repository is not None:
        name = format_html('<a href="{}">{}</a>', record.git_repository.get_absolute_url(), name)
    return format_html("{}: {}", record.get_source_type_display(), name)


def version_display(version: str, source_type: str) -> SafeString:
    """Return the version of a source, a commit shortened with the whole of it as title."""
    if not version:
        return placeholder(None)
    shown = version[:SHORT_COMMIT_LENGTH] if source_type == choices.SourceTypeChoices.GIT else version
    return format_html('<span title="{}">{}</span>', version, shown)


def short_text(text: str) -> SafeString:
    """Return the beginning of a commit or hash, with the whole of it as title; a version number is not cut."""
    is_digits = len(text) >= 2 * SHORT_COMMIT_LENGTH and all(digit in "0123456789abcdef" for digit in text)
    return format_html('<span title="{}">{}</span>', text, text[:SHORT_COMMIT_LENGTH] if is_digits else text)


def load_error_state(error: models.JobLoadError) -> SafeString:
    """Return whether a load error is still there as a coloured label, and whether its commit was rejected."""
    if not error.is_open:
        return label("resolved", "success")
    text = label("open", "danger")
    return format_html("{} {}", text, label("sync rejected", "warning")) if error.is_rejected else text


def status_label(status: str) -> SafeString:
    """Return how a reconcile ended as a coloured label."""
    known = choices.ReconciliationStatusChoices
    return label(known.as_dict().get(status, status), known.CSS_CLASSES.get(status, "secondary"))


def reconcile_summary(row: models.Reconciliation) -> str:
    """Return what a reconcile changed, in one line."""
    if row.status == choices.ReconciliationStatusChoices.FAILED:
        return "Nothing was changed"
    return sentences.counts_summary({name: getattr(row, name) for name in sentences.COUNTED})


def code_state(run: models.JobRun) -> str:
    """Return how the code that a run executed stood to the revision that was current then."""
    if not run.code_hash:
        return CODE_UNKNOWN
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
