"""Content of the page of a reconciliation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.template import Context
from nautobot.apps.ui import (
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.history import sentences
from nautobot_job_registry.history.values import told_apart
from nautobot_job_registry.models.reconciliation import COUNT_FIELDS
from nautobot_job_registry.reconcile import report
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.history import REVISIONS_OF_RECONCILIATION
from nautobot_job_registry.views.details.panels import RowsPanel

MAX_CHANGES_SHOWN = 500


class ChangesPanel(RowsPanel):
    """What a reconcile changed, of one kind, in sentences; without any change of that kind it is not shown."""

    columns = ["subject", "what_happened"]
    column_headers = ["Job or module", "What happened"]

    def __init__(self, *, group: sentences.Group, **kwargs: Any) -> None:
        """Show the changes of a group."""
        super().__init__(label=group.title, section=SectionChoices.FULL_WIDTH, **kwargs)
        self.group = group

    def should_render(self, context: Context) -> bool:
        """Render where there is such a change."""
        return super().should_render(context) and bool(self.entries(get_obj_from_context(context)))

    def render_label(self, context: Context) -> str:
        """Say how many there are."""
        return f"{super().render_label(context)} ({len(self.entries(get_obj_from_context(context)))})"

    def entries(self, row: models.Reconciliation) -> list[sentences.Entry]:
        """Return the changes of the group."""
        return [entry for entry in sentences.facets(row.changes or ()) if sentences.group_of(entry) is self.group]

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a reconciliation, as many as a page can hold."""
        entries = self.entries(obj)
        for entry in entries[:MAX_CHANGES_SHOWN]:
            yield {"subject": subject_link(entry), "what_happened": sentences.sentence(entry)}
        yield from left_out(entries)


def subject_link(entry: sentences.Entry) -> str:
    """Return what an entry is about, with a link to the list that finds it: whoever may view it sees it there."""
    if "load_error" in entry:
        return display.list_link(models.JobLoadError, {"q": sentences.subject(entry)}, sentences.subject(entry))
    return display.list_link(models.RegisteredJob, {"class_path": sentences.subject(entry)}, sentences.subject(entry))


def shown_changes(changes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield the rows of what a reconcile would change, as many as a page can hold."""
    rows = list(report.change_rows(changes))
    for row in rows[:MAX_CHANGES_SHOWN]:
        old, new = told_apart(row.old, row.new)
        yield {
            "subject": row.subject,
            "action": f"{row.action} load error" if row.is_error else row.action,
            "field": display.field_label(models.RegisteredJob, row.field),
            "old": old,
            "new": new,
        }
    yield from left_out(rows)


def left_out(changes: Sequence[Any]) -> Iterator[dict[str, str]]:
    """Yield a row that says how many changes a page cannot hold, if any."""
    if len(changes) > MAX_CHANGES_SHOWN:
        yield {"subject": f"… and {len(changes) - MAX_CHANGES_SHOWN} more: the REST API has all of them"}


RECONCILIATION = ObjectDetailContent(
    panels=[
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["trigger", "scope", "status", "started", "finished", "duration", "user", "job_result", "error"],
            hide_if_unset=["error"],
            value_transforms={"status": [display.status_label]},
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Counts",
            fields=list(COUNT_FIELDS),
            value_transforms={field: [str] for field in COUNT_FIELDS},
        ),
        *(
            ChangesPanel(group=group, weight=100 * number)
            for number, group in enumerate((*sentences.GROUPS, sentences.OTHER), start=1)
        ),
        REVISIONS_OF_RECONCILIATION,
    ],
)
