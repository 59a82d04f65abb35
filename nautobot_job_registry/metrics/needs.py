"""What needs somebody now: what is counted, by which query, listed by which filter, and what to do about it.

The dashboard, the panel on the first page and the metrics count the same, here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Model, Q, QuerySet, Value
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from nautobot.apps.utils import get_permission_for_model, get_route_for_model

from nautobot_job_registry import models
from nautobot_job_registry.engine.fields import OVERRIDE_FLAGS
from nautobot_job_registry.models.choices import (
    AbsenceChoices,
    ReconciliationStatusChoices,
    SourceTypeChoices,
    SuspensionOutcomeChoices,
)

DAYS_OF_SKEW = 7
DAYS_TO_AN_END = 7
DAYS_OF_RECONCILES = 14
INSTALLED = "installed"
OVERRIDDEN = Q(*((flag, True) for flag in OVERRIDE_FLAGS), _connector=Q.OR)


@dataclass(frozen=True)
class JobCount:
    """Something that is counted over registered jobs.

    Attributes:
        key: Its name in metrics and templates.
        title: What is counted, for people.
        label: The same in a word or two, where it is clear that jobs are counted.
        query: The same in SQL.
        parameters: The same as filters of the list.
    """

    key: str
    title: str
    label: str
    query: Q
    parameters: Mapping[str, str]


JOB_STATES = (
    JobCount(INSTALLED, "Installed jobs", "Installed", Q(installed=True), {"installed": "true"}),
    *(
        JobCount(
            kind,
            f"Not installed: {text.lower()}",
            str(text),
            Q(installed=False, absence=kind),
            {"installed": "false", "absence": kind},
        )
        for kind, text in AbsenceChoices.CHOICES
    ),
)
NOT_ENABLED = JobCount(
    "not_enabled",
    "Installed, not enabled",
    "Not enabled",
    Q(installed=True, enabled=False),
    {"installed": "true", "enabled": "false"},
)
WITH_OVERRIDES = JobCount(
    "overridden", "Jobs with overridden fields", "With overrides", OVERRIDDEN, {"overridden": "true"}
)
JOB_COUNTS = (*JOB_STATES, NOT_ENABLED, WITH_OVERRIDES)


@dataclass(frozen=True)
class Need:
    """A kind of thing that somebody has to look at.

    Attributes:
        key: Its name in metrics and templates.
        title: What is counted, for people.
        model: Of which model.
        narrow: What keeps those rows that need a look.
        parameters: What gives the filters of the list with which it shows the same rows.
        meaning: What it means that there are some.
        advice: What to do about them.
        severity: How bad it is: `danger`, `warning` or `info`.
        name: What one of them is called, for people.
        moment: The column that says since when, or until when, it is one.
        related: What has to be read with one of them to name it.
        unread: What need not be read of them.
    """

    key: str
    title: str
    model: type[Model]
    narrow: Callable[[Any], QuerySet]
    parameters: Callable[[], Mapping[str, str]]
    meaning: str
    advice: str
    severity: str = "warning"
    name: Callable[[Any], str] = str
    moment: str = "created"
    related: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def count(self, user: Any = None) -> int:
        """Return how many there are, in one statement; of schedules that fail, in two.

        Args:
            user: Only what this user may view is counted; everything where it is None.
        """
        return self.rows(user).order_by().count()

    def rows(self, user: Any = None) -> QuerySet:
        """Return them.

        Args:
            user: Only what this user may view; everything where it is None.
        """
        rows = self.model.objects.all() if user is None else self.model.objects.restrict(user, "view")
        return self.narrow(rows)

    def first(self, user: Any, number: int) -> QuerySet:
        """Return the latest of them that a user may view, in one statement."""
        rows = self.rows(user).order_by(f"-{self.moment}").defer(*self.unread)
        return (rows.select_related(*self.related) if self.related else rows)[:number]

    @property
    def url(self) -> str:
        """The address of the list with exactly these rows."""
        return list_url(self.model, self.parameters())


LOAD_ERRORS = Need(
    "load_errors",
    "Open load errors",
    models.JobLoadError,
    lambda rows: rows.filter(resolved_at=None),
    lambda: {"resolved": "false"},
    "A module or class could not be loaded when its source was last read; its jobs cannot run.",
    "Open the error to see file, line and cause; fix the file, and sync the repository or reconcile.",
    severity="danger",
    name=lambda row: row.module_name,
    moment="first_seen",
    unread=("traceback", "message"),
)
NEEDS = (
    Need(
        "failed_reconciliations",
        "Failed reconciles not yet fixed",
        models.Reconciliation,
        lambda rows: rows.unmended(),
        lambda: {"unmended": "true"},
        "The registry could not be compared with the code, and no later reconcile of the same source has succeeded: "
        "what it says may be out of date.",
        "Read the error on the page of the reconciliation, remove its cause, and reconcile again.",
        severity="danger",
        name=lambda row: f"{row.get_trigger_display()} of {row.scope}",
        moment="started",
        unread=("changes", "error"),
    ),
    LOAD_ERRORS,
    Need(
        "suspensions",
        "Schedules, hooks and buttons that are suspended",
        models.Suspension,
        lambda rows: rows.filter(outcome=SuspensionOutcomeChoices.SUSPENDED),
        lambda: {"outcome": SuspensionOutcomeChoices.SUSPENDED},
        "They were switched off because their job went away, and do not fire now.",
        "Bring the job back, and they are switched on again; or restore, change or delete them by hand.",
        severity="warning",
        name=lambda row: row.object_name,
        moment="suspended_at",
    ),
    Need(
        "failing_schedules",
        "Schedules that will fail",
        models.JobSchedule,
        lambda rows: rows.failing(),
        lambda: {"misfits": "true"},
        "The code of their job requires an input that they have not stored: the next run fails, unless the code has a "
        "default for it.",
        "Open its job to see which inputs are missing; delete the schedule and make it again with them.",
        severity="danger",
        name=lambda row: row.scheduled_job.name,
        moment="created",
        related=("scheduled_job",),
    ),
    Need(
        "drifted_overrides",
        "Drifted overrides",
        models.FieldOverride,
        lambda rows: rows.drifted(),
        lambda: {"drifted": "true"},
        "The source says something else now than when the field was overridden.",
        "Compare the two values, and either keep the override or clear it, so that the source is followed.",
        severity="warning",
        name=lambda row: f"{row.job.name}: {row.get_field_display()}",
        moment="created",
        related=("job",),
        unread=("reason",),
    ),
    Need(
        "ending_overrides",
        f"Overrides that end within {DAYS_TO_AN_END} days",
        models.FieldOverride,
        lambda rows: rows.filter(expires_at__lte=timezone.now() + timedelta(days=DAYS_TO_AN_END)),
        lambda: {"ends_within": str(DAYS_TO_AN_END)},
        "Their fields will go back to what the source says.",
        "Ask their owners whether that is right; give those that are still needed a later end.",
        severity="info",
        name=lambda row: f"{row.job.name}: {row.get_field_display()}",
        moment="expires_at",
        related=("job",),
        unread=("reason",),
    ),
    Need(
        "skewed_runs",
        f"Runs on outdated or unknown code ({DAYS_OF_SKEW} days)",
        models.JobRun,
        lambda rows: rows.filter(is_skewed=True, created__gte=first_day(DAYS_OF_SKEW)),
        lambda: {"is_skewed": "true", "created__gte": moment_text(first_day(DAYS_OF_SKEW))},
        "A worker ran other code than the current revision of the job: it had loaded an older state of the source.",
        "Look which worker it was. Restart it, or find out why it does not fetch the repository.",
        severity="warning",
        name=lambda row: row.class_path,
        moment="created",
    ),
    Need(
        "proposed_predecessors",
        "Jobs that seem to have been moved or renamed",
        models.RegisteredJob,
        lambda rows: rows.filter(predecessor__isnull=False),
        lambda: {"has_predecessor": "true"},
        "A new job looks like one that went away, whose runs, schedules and overrides it does not have yet.",
        "Open the job and look at the grounds; then adopt the past of the old record, or dismiss the proposal.",
        severity="info",
        name=lambda row: row.name,
        moment="created",
    ),
)
# What a user must be allowed to view, any of them, for the page to show something.
SHOWN: tuple[type[Model], ...] = tuple(dict.fromkeys((models.RegisteredJob, *(need.model for need in NEEDS))))


def visible_to(user: Any) -> list[Need]:
    """Return the needs of which a user may view any rows."""
    return [need for need in NEEDS if may_view(user, need.model)]


def count_all(needs: Iterable[Need], user: Any) -> dict[str, int]:
    """Return how many there are of each of some needs that a user may view, by its key, in one statement."""
    needs = list(needs)
    counted = [
        need.rows(user).order_by().annotate(need=Value(need.key)).values("need").annotate(number=Count("pk"))
        for need in needs
    ]
    if not counted:
        return {}
    first, *others = (rows.values_list("need", "number") for rows in counted)
    return dict.fromkeys((need.key for need in needs), 0) | dict(first.union(*others, all=True))


# Jobs


def count_jobs(rows: QuerySet) -> dict[str, int]:
    """Return how many jobs there are of each of `JOB_COUNTS`, by its key, in one statement."""
    return jobs_by_key(rows.order_by().aggregate(**job_counts()))


def count_jobs_by_source(rows: QuerySet) -> dict[str, dict[str, int]]:
    """Return how many jobs of each type of source there are of each of `JOB_COUNTS`, in one statement."""
    grouped = rows.order_by().values("source_type").annotate(**job_counts())
    counted = {row["source_type"]: jobs_by_key(row) for row in grouped}
    return {kind: counted.get(kind) or jobs_by_key({}) for kind in SourceTypeChoices.values()}


def job_counts() -> dict[str, Count]:
    """Return what counts the jobs of each of `JOB_COUNTS`, as annotations."""
    # The keys themselves are names of fields, which an annotation must not have.
    return {f"count_{count.key}": Count("pk", filter=count.query) for count in JOB_COUNTS}


def jobs_by_key(row: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of a row that was annotated so, by the keys of `JOB_COUNTS`."""
    return {count.key: row.get(f"count_{count.key}", 0) for count in JOB_COUNTS}


# Reconciles


@dataclass(frozen=True)
class Day:
    """How the reconciles of one day ended.

    Attributes:
        begin: Its first moment, in the time zone of who looks.
        counts: How many ended with each status.
    """

    begin: datetime
    counts: Mapping[str, int]

    @property
    def label(self) -> str:
        """Month and day."""
        return f"{self.begin:%m-%d}"

    def url(self, status: str) -> str:
        """Return the address of the list of the reconciles of this day that ended with a status."""
        last = self.begin.replace(hour=23, minute=59, second=59, microsecond=999999)
        bounds = {"started_after": moment_text(self.begin), "started_before": moment_text(last)}
        return list_url(models.Reconciliation, {"status": status, **bounds})


def reconciles_by_day(rows: QuerySet) -> list[Day]:
    """Return how the reconciles of the last days ended, the oldest day first, in one statement."""
    days = [first_day(ago) for ago in range(DAYS_OF_RECONCILES - 1, -1, -1)]
    recent = rows.filter(started__gte=days[0]).order_by()
    grouped = recent.annotate(day=TruncDate("started")).values_list("day", "status").annotate(number=Count("pk"))
    counted = {(day, status): number for day, status, number in grouped}
    statuses = ReconciliationStatusChoices.values()
    return [Day(day, {status: counted.get((day.date(), status), 0) for status in statuses}) for day in days]


def last_reconciliation(rows: QuerySet) -> models.Reconciliation | None:
    """Return the last of some reconciles, without what it changed."""
    return rows.order_by("-started").defer("changes", "error").first()


# Lists and times


def may_view(user: Any, model: type[Model]) -> bool:
    """Return whether a user may view any row of a model."""
    return user.has_perm(get_permission_for_model(model, "view"))


def list_url(model: type[Model], parameters: Mapping[str, Any]) -> str:
    """Return the address of a list with filters."""
    return f"{reverse(get_route_for_model(model, 'list'))}?{urlencode(parameters, doseq=True)}"


def first_day(ago: int) -> datetime:
    """Return the first moment of the day some days ago, in the time zone of who looks."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=ago)


def moment_text(moment: datetime) -> str:
    """Return a moment as a filter takes it, in the time zone of who looks."""
    return moment.replace(tzinfo=None).isoformat(sep=" ")
