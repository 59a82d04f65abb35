"""The schedules whose stored arguments do not fit the inputs of their job."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.template import Context
from django.utils.html import format_html, format_html_join
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry.history import arguments
from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.views.details.alerts import misfits_of
from nautobot_job_registry.views.details.panels import RowsPanel


class MisfitRowsMixin:
    """A table of schedules, each with what does not fit."""

    columns = ["schedule", "enabled", "problems"]
    column_headers = ["Schedule", "Enabled", "What does not fit"]

    def subject(self, context: Context) -> Any:
        """Return what the rows are of: the schedules."""
        return self.misfits(context)

    def misfits(self, context: Context) -> Iterable[arguments.Misfit]:
        """Return the schedules that do not fit."""
        raise NotImplementedError

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield a row for each schedule, with a link to it."""
        for misfit in obj:
            row = misfit.schedule
            yield {
                "schedule": format_html('<a href="{}">{}</a>', row.get_absolute_url(), row.name),
                "enabled": value_text(row.enabled),
                "problems": format_html_join("", "<div>{}</div>", ((one.message,) for one in misfit.problems)),
            }


class MisfitsOfJobPanel(MisfitRowsMixin, RowsPanel):
    """The schedules of a job that do not fit what its source says now; not there where all of them fit."""

    def should_render(self, context: Context) -> bool:
        """Render where there is something to warn of."""
        return super().should_render(context) and bool(self.misfits(context))

    def misfits(self, context: Context) -> Iterable[arguments.Misfit]:
        """Return the schedules that do not fit."""
        return misfits_of(get_obj_from_context(context), context["request"].user)
