"""Table of registered jobs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import django_tables2
from django.db.models import F, Prefetch, QuerySet
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from nautobot.apps.tables import BaseTable, BooleanColumn, ButtonsColumn, TagColumn, ToggleColumn
from nautobot.apps.templatetags import placeholder
from nautobot.apps.utils import get_route_for_model
from nautobot.extras.models import ContactAssociation

from nautobot_job_registry import models
from nautobot_job_registry.models import choices, job_queries
from nautobot_job_registry.models.constants import APP_NAME
from nautobot_job_registry.tables.base import ROW_STYLE, LinkedColumn, SourcedTable, TimeColumn
from nautobot_job_registry.tables.display import (
    DRIFTED,
    REJECTED,
    class_path_display,
    field_label,
    label,
    list_link,
    listed_time,
    name_display,
    result_badge,
    seconds_text,
    shortened,
    state_label,
)


def with_last_run(rows: QuerySet, user: Any) -> QuerySet:
    """Read the last run of each job, as far as a user may view runs."""
    return rows.annotate(last_run=job_queries.last_run(user))


def with_owners(rows: QuerySet, user: Any) -> QuerySet:
    """Read the contacts and teams of each job, as far as a user may view them."""
    contacts = ContactAssociation.objects.restrict(user, "view").select_related("contact", "team")
    return rows.prefetch_related(Prefetch("associated_contacts", contacts, to_attr="owners"))


def row_class(record: models.RegisteredJob) -> str:
    """Return the colour of a row: red for what is broken, yellow for what needs a look, none for what is well."""
    if record.absence == choices.AbsenceChoices.LOAD_ERROR:
        return "table-danger"
    may_return = record.absence in (choices.AbsenceChoices.UNCONFIRMED, choices.AbsenceChoices.SOURCE_UNAVAILABLE)
    if may_return or getattr(record, "is_drifted", False) or getattr(record, "has_rejected_sync", False):
        return "table-warning"
    return ""


class RegisteredJobTable(SourcedTable):
    """Table of registered jobs."""

    pk = ToggleColumn()
    name = django_tables2.Column(order_by=("name", "module_name", "job_class_name"))
    state = django_tables2.Column(
        accessor="absence", empty_values=(), order_by=("-installed", "absence"), verbose_name="State"
    )
    enabled = BooleanColumn()
    last_run = django_tables2.Column(accessor="pk", verbose_name="Last run")
    overridden = django_tables2.Column(accessor="overridden_fields", empty_values=())
    changed = TimeColumn(accessor="changed_at", empty_values=(None,), verbose_name="Changed")
    class_path = django_tables2.Column(order_by=("module_name", "job_class_name"))
    last_status = django_tables2.Column(accessor="pk", orderable=False, verbose_name="Last run status")
    runs = django_tables2.Column(accessor="pk", orderable=False, verbose_name="Runs")
    owner = django_tables2.Column(accessor="pk", orderable=False, verbose_name="Owner")
    default_job_queue = LinkedColumn(field="name")
    installed = BooleanColumn()
    uninstalled_at = TimeColumn()
    hidden = BooleanColumn()
    is_job_hook_receiver = BooleanColumn()
    is_job_button_receiver = BooleanColumn()
    tags = TagColumn(url_name=get_route_for_model(models.RegisteredJob, "list"))
    actions = ButtonsColumn(models.RegisteredJob, buttons=("changelog", "edit", "delete"))

    reads = {
        "last_run": with_last_run,
        "last_status": with_last_run,
        "runs": lambda rows, user: rows.annotate(run_count=job_queries.run_count(user)),
        "changed": lambda rows, user: rows.annotate(changed_at=job_queries.changed_at()),
        "owner": with_owners,
    }

    class Meta(BaseTable.Meta):
        model = models.RegisteredJob
        row_attrs = {"class": row_class, "style": ROW_STYLE}
        fields = (
            "pk",
            "name",
            "state",
            "enabled",
            "last_run",
            "overridden",
            "source",
            "changed",
            "description",
            "grouping",
            "class_path",
            "last_status",
            "runs",
            "owner",
            "default_job_queue",
            "soft_time_limit",
            "time_limit",
            "source_version",
            "installed",
            "uninstalled_at",
            "hidden",
            "is_job_hook_receiver",
            "is_job_button_receiver",
            "tags",
            "actions",
        )
        default_columns = (*fields[: fields.index("description")], "actions")

    def render_name(self, record: models.RegisteredJob) -> SafeString:
        """Show the name, and beneath it which class it is of."""
        link = format_html('<a href="{}">{}</a>', record.get_absolute_url(), name_display(record.name))
        if "class_path" in self.columns and self.columns["class_path"].visible:
            return link
        path = class_path_display(record.class_path)
        return format_html('{}<br><small class="text-body-secondary">{}</small>', link, path)

    def render_class_path(self, value: str) -> SafeString:
        """Let a long path go on in the next line, after a dot, so that the columns after it stay in sight."""
        return class_path_display(value)

    def render_description(self, value: str) -> str:
        """Show the beginning of a description; the page of the job has the whole."""
        return shortened(value)

    def render_state(self, record: models.RegisteredJob) -> SafeString:
        """Show whether the job is installed, or why it is not, whether its source is stuck, and whether it moved."""
        labels = [state_label(record)]
        if getattr(record, "has_rejected_sync", False):
            labels.append(REJECTED)
        if record.predecessor_id is not None:
            labels.append(label("probably moved", "warning"))
        return format_html_join(" ", "{}", ((text,) for text in labels))

    def render_last_run(self, record: models.RegisteredJob) -> SafeString:
        """Show when the job ran last, linked to that run, and how that ended."""
        run = getattr(record, "last_run", None)
        if not run:
            return placeholder(None)
        url = reverse(f"plugins:{APP_NAME}:jobrun", kwargs={"pk": run["id"]})
        when = listed_time(_moment(run["created"]))
        return format_html('<a href="{}">{}</a> {}', url, when, result_badge(run["status"]))

    def order_last_run(self, queryset: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        """Sort by when a job ran last; those that never did come last."""
        at = job_queries.last_run_at(self.user)
        return _sorted(queryset.annotate(_at=at), "_at", is_descending), True

    def render_last_status(self, record: models.RegisteredJob) -> SafeString:
        """Show how the last run of the job ended."""
        run = getattr(record, "last_run", None)
        return result_badge(run["status"]) if run else placeholder(None)

    def render_runs(self, record: models.RegisteredJob) -> SafeString | str:
        """Count the runs of the job, linked to the list of them."""
        count = getattr(record, "run_count", None)
        if count is None:
            return placeholder(None)
        return list_link(models.JobRun, {"job": record.pk}, str(count)) if count else "0"

    def render_overridden(self, value: tuple[str, ...], record: models.RegisteredJob) -> SafeString:
        """Name the overridden fields, and say where the source has changed under one."""
        if not value:
            return placeholder(None)
        names = ", ".join(field_label(models.RegisteredJob, field) for field in value)
        drift = format_html(" {}", DRIFTED) if getattr(record, "is_drifted", False) else ""
        return format_html("<small>{}</small>{}", names, drift)

    def order_overridden(self, queryset: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        """Sort by the number of overridden fields."""
        order = "-overridden_count" if is_descending else "overridden_count"
        return queryset.with_overridden_count().order_by(order, *queryset.model._meta.ordering), True

    def order_changed(self, queryset: QuerySet, is_descending: bool) -> tuple[QuerySet, bool]:
        """Sort by when the job changed last."""
        return _sorted(queryset.annotate(_at=job_queries.changed_at()), "_at", is_descending), True

    def render_owner(self, record: models.RegisteredJob) -> SafeString:
        """Name the contacts and teams of the job, with what they are to it."""
        owners = [(f"{owner.contact_or_team} ({owner.role})",) for owner in getattr(record, "owners", ())]
        return format_html_join(mark_safe("<br>"), "{}", owners) or placeholder(None)

    def render_soft_time_limit(self, value: float) -> str:
        """Show a limit with its unit."""
        return seconds_text(value, "soft_time_limit")

    def render_time_limit(self, value: float) -> str:
        """Show a limit with its unit."""
        return seconds_text(value, "time_limit")


def _moment(text: str) -> datetime | None:
    """Return a moment that the database has told as a text: one without a time zone is in UTC."""
    moment = parse_datetime(text)
    return moment.replace(tzinfo=timezone.utc) if moment and moment.tzinfo is None else moment


def _sorted(rows: QuerySet, name: str, is_descending: bool) -> QuerySet:
    """Sort jobs by a moment, whichever way round with those at the end that have none."""
    order = F(name).desc(nulls_last=True) if is_descending else F(name).asc(nulls_last=True)
    return rows.order_by(order, *rows.model._meta.ordering)
