"""What the tables of more than one model have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import django_tables2
from django.db.models import Model, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable
from nautobot.apps.utils import get_permission_for_model

from nautobot_job_registry import models
from nautobot_job_registry.tables.display import (
    listed_time,
    name_display,
    source_display,
    sourced_display,
    version_display,
)

# A coloured row keeps the letters of the page: those that Nautobot has for it are too light to be read by everybody.
ROW_STYLE = "--bs-table-color: var(--bs-body-color); --bs-table-hover-color: var(--bs-body-color)"


def tint(kind: str) -> str:
    """Return the style of a row that is coloured as Nautobot colours a warning or a danger."""
    return f"--bs-table-bg: var(--bs-{kind}-bg-subtle); --bs-table-hover-bg: var(--bs-{kind}-border-subtle)"


class RecordTable(BaseTable):
    """A table that knows who looks at it, and reads what a column needs only where the column is shown.

    Attributes:
        reads: By the name of a column, what is to be read for it: a function of the rows and of the user.
    """

    reads: Mapping[str, Callable[[QuerySet, Any], QuerySet]] = {}

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        """Read what the columns need that are shown to a user.

        Args:
            *args: The rows, as of Nautobot's own table.
            user: Who looks; None where that is not known, as in a search.
            **kwargs: Options of Nautobot's own table.
        """
        self.user = user
        super().__init__(*args, user=user, **kwargs)
        for column in self.columns:
            # Nautobot shows the names of columns that cannot be sorted by in a grey that not everybody can read.
            if not column.orderable:
                column.column.attrs = {**column.column.attrs, "th": {"class": "text-body"}}
        for name, read in self.reads.items():
            if user is not None and name in self.columns and self.columns[name].visible:
                self.data.data = read(self.data.data, user)

    def linked(self, obj: Model | None, text: str | None = None) -> SafeString | str:
        """Return a link to an object by its name; the name alone for those who may not view any of its kind."""
        name = name_display(str(obj)) if text is None else text
        if obj is None or (
            self.user is not None and not self.user.has_perm(get_permission_for_model(type(obj), "view"))
        ):
            return name
        return format_html('<a href="{}">{}</a>', obj.get_absolute_url(), name)


class LinkedColumn(django_tables2.Column):
    """A column with an object, linked for those who may view it."""

    def __init__(self, *args: Any, field: str = "", **kwargs: Any) -> None:
        """Name the objects by one of their fields; by themselves where it is empty."""
        super().__init__(*args, **kwargs)
        self.field = field

    def render(self, value: Any, table: RecordTable) -> SafeString | str:
        """Show the name of the object."""
        return table.linked(value, name_display(getattr(value, self.field)) if self.field else None)


class TimeColumn(django_tables2.Column):
    """A column with a moment, and how long ago it was; with a link to the row itself where `linkify` says so."""

    def render(self, value: Any) -> SafeString:
        """Show the moment."""
        return listed_time(value)


class SourcedTable(RecordTable):
    """A table of what comes from a source."""

    source = django_tables2.Column(
        accessor="source_type", order_by=("source_type", "source_name"), verbose_name="Source @ version"
    )

    def render_source(self, record: models.RegisteredJob | models.JobLoadError) -> SafeString:
        """Show kind and name of the source, and its version."""
        if "source_version" in self.columns and self.columns["source_version"].visible:
            return source_display(record, self.user)
        return sourced_display(record, self.user)

    def render_source_version(self, value: str, record: models.RegisteredJob | models.JobLoadError) -> SafeString:
        """Show a commit shortened."""
        return version_display(value, record.source_type)

    render_effective_version = render_source_version
