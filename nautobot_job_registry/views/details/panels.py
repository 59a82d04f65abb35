"""Panels that more than one detail page has."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db.models import Model, QuerySet
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable
from nautobot.apps.templatetags import hyperlinked_object, render_boolean
from nautobot.apps.ui import (
    BaseTextPanel,
    DataTablePanel,
    KeyValueTablePanel,
    ObjectsTablePanel,
    ObjectTextPanel,
)
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import JobQueue

from nautobot_job_registry import models
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.models import constants


def may_view_source(user: Any, obj: Model) -> bool:
    """Return whether a user may see the source code of a revision, or the traceback of a load error."""
    return type(obj).objects.restrict(user, constants.VIEW_SOURCE).filter(pk=obj.pk).exists()


def queue_link(queue: JobQueue | None) -> SafeString:
    """Return a link to a queue by its name: its display asks every worker."""
    return hyperlinked_object(queue, field="name")


class RowsPanel(DataTablePanel):
    """A panel with a table of rows that are derived from the object of the page."""

    body_content_template_path = "nautobot_job_registry/inc/rows.html"
    columns: list[str]
    column_headers: list[str]

    def __init__(self, **kwargs: Any) -> None:
        """Hand on what the class declares: before Nautobot 3.1 a component knows its arguments only."""
        super().__init__(
            context_data_key="registry_rows", columns=self.columns, column_headers=self.column_headers, **kwargs
        )

    def get_extra_context(self, context: Context) -> dict[str, Any]:
        """Add the rows."""
        rows = list(self.visible_rows(self.subject(context), context["request"].user))
        return {**super().get_extra_context(context), "data": rows}

    def subject(self, context: Any) -> Any:
        """Return what the rows are of: the object of the page."""
        return get_obj_from_context(context)

    def visible_rows(self, obj: Any, user: Any) -> Iterable[dict[str, Any]]:
        """Return the rows that a user may see: all of them, where they say nothing of other objects."""
        return self.rows(obj)

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of an object; texts are escaped where they are shown."""
        raise NotImplementedError


class VariablesPanel(RowsPanel):
    """The inputs that the job asks for."""

    columns = ["name", "type", "label", "required", "default"]
    column_headers = ["Name", "Type", "Label", "Required", "Default"]

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a registered job, or of a revision."""
        revision = obj.current_revision if isinstance(obj, models.RegisteredJob) else obj
        for variable in revision.metadata.get("variables") or () if revision else ():
            yield {
                "name": variable.get("name"),
                "type": variable.get("type"),
                "label": variable.get("label"),
                "required": render_boolean(bool(variable.get("required"))),
                "default": value_text(variable.get("default")),
            }


class RelatedTablePanel(ObjectsTablePanel):
    """A panel with a table of objects that are not found by one relation, or not to be read whole."""

    def __init__(
        self,
        *,
        table: type[BaseTable],
        rows: Callable[[Any], QuerySet],
        list_parameters: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show the rows of an object that a user may view.

        Args:
            table: The class of the table.
            rows: What returns the rows of the object of the page, whoever asks.
            list_parameters: More filters of the list that the panel links to; Nautobot 3.0 has no argument for them.
            **kwargs: Arguments of Nautobot's own panel.
        """
        self.related_table, self.related_rows, self.list_url_extra_params = table, rows, list_parameters
        own = {"add_button_route": None, "context_table_key": "registry_table", "show_table_config_button": False}
        super().__init__(**own, **kwargs)

    def get_extra_context(self, context: Any) -> dict[str, Any]:
        """Add the table of the objects that the user may see."""
        user = context["request"].user
        rows = self.visible_rows(get_obj_from_context(context), user)
        with context.update({self.context_table_key: self.related_table(rows, user=user)}):
            return super().get_extra_context(context)

    def visible_rows(self, obj: Any, user: Any) -> QuerySet:
        """Return the rows of the table that a user may view."""
        return self.related_rows(obj).restrict(user, "view")


class RelatedRowsPanel(RelatedTablePanel):
    """The same, which is not there where it would be empty."""

    def render(self, context: Context) -> str:
        """Render where there are rows that the user may see."""
        rows = self.visible_rows(get_obj_from_context(context), context["request"].user)
        return super().render(context) if rows.exists() else ""


class WrappingMixin(KeyValueTablePanel):
    """Keys and values, of which a long one goes on in the next line: it would widen the panel past its edge."""

    def render_value(self, key: Any, value: Any, context: Context) -> str:
        """Let the value be broken wherever it has to."""
        shown = super().render_value(key, value, context)
        return format_html('<span class="text-break">{}</span>', shown) if shown else shown


class SourcePanel(ObjectTextPanel):
    """A text that only those see who have the permission to view sources."""

    def __init__(self, **kwargs: Any) -> None:
        """Show it as code."""
        super().__init__(render_as=BaseTextPanel.RenderOptions.CODE, **kwargs)

    def should_render(self, context: Any) -> bool:
        """Render for those who may see it."""
        if not super().should_render(context):
            return False
        return may_view_source(context["request"].user, get_obj_from_context(context))
