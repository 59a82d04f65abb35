"""Panels that more than one detail page has."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import hyperlinked_object, render_boolean
from nautobot.apps.ui import (
    BaseTextPanel,
    DataTablePanel,
    ObjectsTablePanel,
    ObjectTextPanel,
)
from nautobot.apps.utils import get_route_for_model
from nautobot.apps.views import get_obj_from_context
from nautobot.extras.models import JobQueue

from nautobot_job_registry import models
from nautobot_job_registry.models import constants
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.compat import DeclaredArguments

field_label = display.field_label


def list_link(model: type, parameters: dict[str, Any], text: str) -> str:
    """Return a link to a filtered list."""
    url = reverse(get_route_for_model(model, "list"))
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(parameters, doseq=True), text)


def may_view_source(user: Any, obj: Model) -> bool:
    """Return whether a user may see the source code of a revision, or the traceback of a load error."""
    return type(obj).objects.restrict(user, constants.VIEW_SOURCE).filter(pk=obj.pk).exists()


def queue_link(queue: JobQueue | None) -> SafeString:
    """Return a link to a queue by its name: its display asks every worker."""
    return hyperlinked_object(queue, field="name")


class RowsPanel(DeclaredArguments, DataTablePanel):
    """A panel with a table of rows that are derived from the object of the page."""

    context_data_key = "registry_rows"

    def get_extra_context(self, context):
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

    def rows(self, obj):
        """Yield the rows of a registered job, or of a revision."""
        revision = obj.current_revision if isinstance(obj, models.RegisteredJob) else obj
        for variable in revision.metadata.get("variables") or () if revision else ():
            yield {
                "name": variable.get("name"),
                "type": variable.get("type"),
                "label": variable.get("label"),
                "required": render_boolean(bool(variable.get("required"))),
                "default": display.value_text(variable.get("default")),
            }


class RelatedTablePanel(DeclaredArguments, ObjectsTablePanel):
    """A panel with a table of objects that are not found by one relation, or not to be read whole."""

    add_button_route = None
    context_table_key = "registry_table"
    related_table_class: type | None = None
    show_table_config_button = False

    def get_extra_context(self, context):
        """Add the table of the objects that the user may see."""
        user = context["request"].user
        queryset = self.visible_queryset(get_obj_from_context(context), user)
        with context.update({self.context_table_key: self.related_table_class(queryset, user=user)}):
            return super().get_extra_context(context)

    def visible_queryset(self, obj: Any, user: Any) -> QuerySet:
        """Return the objects of the table that a user may view."""
        return self.related_queryset(obj).restrict(user, "view")

    def related_queryset(self, obj: Any) -> QuerySet:
        """Return the objects of the table, whoever asks."""
        raise NotImplementedError


class SourcePanel(DeclaredArguments, ObjectTextPanel):
    """A text that only those see who have the permission to view sources."""

    render_as = BaseTextPanel.RenderOptions.CODE

    def should_render(self, context):
        """Render for those who may see it."""
        if not super().should_render(context):
            return False
        return may_view_source(context["request"].user, get_obj_from_context(context))
