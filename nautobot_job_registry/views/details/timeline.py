"""All that happened to a job, newest first: reconciles, revisions, decisions, suspensions and failed runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db.models import Q
from django.template import Context
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.timezone import is_aware
from nautobot.apps.ui import Panel
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import ObjectChange

from nautobot_job_registry import models
from nautobot_job_registry.core_bridge import change_log
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.filters.changes import WantedChanges
from nautobot_job_registry.history import sentences
from nautobot_job_registry.history.values import one_line, value_text
from nautobot_job_registry.tables import display
from nautobot_job_registry.tables.revision_changes import change_summary

SHOWN = 50
MAX_VALUE = 80
FAILED = "FAILURE"
# The change log names the rows of others by their keys, which say nothing to a reader.
NAMELESS = frozenset({"job_queues", "default_job_queue"})


@dataclass(frozen=True)
class Moment:
    """One thing that happened.

    Attributes:
        at: When.
        kind: The key of its kind.
        text: What happened, as a sentence; markup where it is safe.
        who: Who or what did it; empty where that is not known.
    """

    at: datetime
    kind: str
    text: str
    who: str = ""


@dataclass(frozen=True)
class Span:
    """Which moments are asked for.

    Attributes:
        job: What they happened to.
        user: Who looks.
        before: Only what happened before; None for all.
    """

    job: models.RegisteredJob
    user: Any
    before: datetime | None = None

    def rows(self, model: Any, column: str, **of_job: Any) -> Any:
        """Return the rows of a model that the user may view, as many as can be shown and one more, newest first."""
        rows = model.objects.restrict(self.user, "view").filter(**of_job)
        if self.before is not None:
            rows = rows.filter(**{f"{column}__lt": self.before})
        return rows.order_by(f"-{column}")[: SHOWN + 1]


def reconciled(span: Span) -> Iterator[Moment]:
    """Yield what reconciles did to a job, and told of its module; new revisions have moments of their own."""
    wanted = WantedChanges(jobs=(span.job.class_path,))
    rows = models.Reconciliation.objects.restrict(span.user, "view").filter(wanted.query())
    if span.before is not None:
        rows = rows.filter(started__lt=span.before)
    for row in rows.order_by("-started").select_related("user").defer("error")[: SHOWN + 1]:
        by = format_html('<a href="{}">{}</a>', row.get_absolute_url(), row.get_trigger_display())
        for entry in wanted.among(row.changes):
            yield Moment(row.started, "reconcile", sentences.sentence_beside_its_subject(entry), by)


def revised(span: Span) -> Iterator[Moment]:
    """Yield the revisions of a job."""
    rows = span.rows(models.JobRevision, "created", job=span.job).select_related("job").defer("source_code")
    for row in sorted(rows.with_history(span.user), key=lambda row: -row.number):
        link = format_html('<a href="{}">Revision {}</a>', row.get_absolute_url(), row.number)
        version = f" at {row.source_version[: display.SHORT_COMMIT_LENGTH]}" if row.source_version else ""
        yield Moment(row.created, "revision", format_html("{}{}: {}", link, version, change_summary(row)))


def decided(span: Span) -> Iterator[Moment]:
    """Yield what people decided about a job, and which past it adopted."""
    log = {"changed_object_type__model": "registeredjob", "changed_object_id": span.job.pk}
    log["changed_object_type__app_label"] = models.RegisteredJob._meta.app_label
    rows = list(span.rows(ObjectChange, "time", **log).defer("object_data_v2"))
    for row, older in pairwise(rows):
        if change_log.is_own_occasion(row):
            continue
        for text in decisions_between(older.object_data, row.object_data):
            yield Moment(row.time, "decision", text, row.user_name)


def decisions_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs in what is decided between two entries of the change log, in sentences."""
    if old.get("enabled") != new.get("enabled"):
        yield "Enabled" if new.get("enabled") else "Disabled"
    for field in OVERRIDABLE_FIELDS:
        flag, name = override_flag(field), display.field_label(models.RegisteredJob, field)
        was, now = (_said(side, field) if side.get(flag) else None for side in (old, new))
        if was is None and now is not None:
            yield f"Overrode {name}{_told(field, now)}"
        elif was is not None and now is None:
            yield f"Removed the override of {name}{_told(field, was)}"
        elif was != now:
            told = "" if field in NAMELESS else f": {_value(was)} → {_value(now)}"
            yield f"Changed the override of {name}{told}"


def _said(side: Mapping[str, Any], field: str) -> tuple[Any]:
    value = side.get(field)
    return (sorted(map(str, value)) if isinstance(value, list) else value,)


def _told(field: str, value: tuple[Any]) -> str:
    return "" if field in NAMELESS else f": {_value(value)}"


def _value(value: tuple[Any] | None) -> str:
    return one_line(value_text(value[0] if value else None), MAX_VALUE) or sentences.NOTHING


def suspended(span: Span) -> Iterator[Moment]:
    """Yield when schedules, hooks and buttons were switched off with a job, and came back."""
    rows = models.Suspension.objects.restrict(span.user, "view").filter(job=span.job)
    if span.before is not None:
        rows = rows.filter(Q(suspended_at__lt=span.before) | Q(restored_at__lt=span.before))
    for row in rows.select_related("object_type", "restored_by").order_by("-suspended_at")[: SHOWN + 1]:
        link = format_html('<a href="{}">{}</a>', row.get_absolute_url(), row.object_name)
        off = format_html("{} {} was suspended with the job.", display.kind_display(row), link)
        yield Moment(row.suspended_at, "suspension", off, row.get_origin_display())
        if row.restored_at is not None:
            ended = row.get_outcome_display().lower()
            back = format_html("{} {}: the suspension ended, {}.", display.kind_display(row), link, ended)
            yield Moment(row.restored_at, "suspension", back, str(row.restored_by or ""))


def failed(span: Span) -> Iterator[Moment]:
    """Yield the runs of a job that failed."""
    rows = span.rows(models.JobRun, "created", job=span.job, job_result__status=FAILED)
    for row in rows.listed():
        link = format_html('<a href="{}">run</a>', row.job_result.get_absolute_url())
        code = "" if row.revision is None else f", revision {row.revision.number}"
        yield Moment(row.created, "run", format_html("A {} failed{}.", link, code), str(row.job_result.user or ""))


@dataclass(frozen=True)
class Kind:
    """One kind of moments.

    Attributes:
        key: Its name in the address of the page.
        label: What it is called.
        model: Of which model the rows are that tell of it: who may view none of them is not offered it.
        read: Reads them.
    """

    key: str
    label: str
    model: Any
    read: Callable[[Span], Iterable[Moment]]


KINDS = (
    Kind("reconcile", "Reconciles", models.Reconciliation, reconciled),
    Kind("revision", "Revisions", models.JobRevision, revised),
    Kind("decision", "Decisions", ObjectChange, decided),
    Kind("suspension", "Suspensions", models.Suspension, suspended),
    Kind("run", "Failed runs", models.JobRun, failed),
)
LABELS = {kind.key: kind.label.removesuffix("s") for kind in KINDS}


def visible_kinds(user: Any) -> tuple[Kind, ...]:
    """Return the kinds of which a user may view any rows."""
    return tuple(kind for kind in KINDS if user.has_perm(get_permission_for_model(kind.model, "view")))


def moments(span: Span, kinds: Iterable[Kind]) -> tuple[list[Moment], datetime | None]:
    """Return what happened, newest first, and before which moment to go on with what is older, if there is any."""
    found = [moment for kind in kinds for moment in kind.read(span)]
    if span.before is not None:
        found = [moment for moment in found if moment.at < span.before]
    found.sort(key=lambda moment: moment.at, reverse=True)
    if len(found) <= SHOWN:
        return found, None
    last = found[SHOWN - 1].at
    # What happened at one moment stays together.
    return [moment for moment in found if moment.at >= last], last


class TimelinePanel(Panel):
    """All that happened to the job of the page, by kind, and page by page."""

    body_content_template_path = "nautobot_job_registry/inc/timeline.html"

    def get_extra_context(self, context: Context) -> dict[str, Any]:
        """Add what happened."""
        job, request = get_obj_from_context(context), context["request"]
        offered = visible_kinds(request.user)
        chosen = request.GET.get("kind", "")
        kinds = [kind for kind in offered if kind.key == chosen] or offered
        shown, older = moments(Span(job, request.user, _moment(request.GET.get("before", ""))), kinds)
        return {
            **super().get_extra_context(context),
            "kinds": [(kind, kind.key == chosen) for kind in offered],
            "is_narrowed": len(kinds) < len(offered),
            "moments": [(moment, display.listed_time(moment.at), LABELS[moment.kind]) for moment in shown],
            "older": older and urlencode({"kind": chosen, "before": older.isoformat()}),
        }


def _moment(text: str) -> datetime | None:
    """Return the moment that a page is asked for by its address; one that cannot be read asks for nothing."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and is_aware(moment) else None
