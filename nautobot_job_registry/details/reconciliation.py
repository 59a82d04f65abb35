"""Content of the page of a reconciliation."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nautobot.apps.ui import (
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models, report, tables
from nautobot_job_registry.details.history import RevisionsOfReconciliationPanel
from nautobot_job_registry.details.panels import (
    RowsPanel,
    field_label,
)

MAX_CHANGES_SHOWN = 500
COUNT_FIELDS = [
    "registered",
    "changed",
    "uninstalled",
    "returned",
    "adopted",
    "refreshed",
    "unchanged",
    "errors_opened",
    "errors_updated",
    "errors_resolved",
    "overrides_ended",
    "suspended",
    "restored",
]


class ReconciliationPanel(ObjectFieldsPanel):
    """How a reconcile went."""

    def render_value(self, key, value, context):
        """Show the status as a coloured label."""
        if key == "status":
            return tables.status_label(get_obj_from_context(context))
        return super().render_value(key, value, context)


class ChangesPanel(RowsPanel):
    """What a reconcile changed, field by field."""

    columns = ["subject", "action", "field", "old", "new"]
    column_headers = ["Job or module", "Action", "Field", "Old", "New"]

    def rows(self, obj):
        """Yield the rows of a reconciliation, as many as a page can hold."""
        yield from shown_changes(obj.changes or ())


def shown_changes(changes: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield the rows of what a reconcile changed or would change, as many as a page can hold."""
    rows = [row for entry in changes for row in change_rows(entry)]
    yield from rows[:MAX_CHANGES_SHOWN]
    if len(rows) > MAX_CHANGES_SHOWN:
        yield {"subject": f"… and {len(rows) - MAX_CHANGES_SHOWN} more: the REST API has all of them"}


def change_rows(entry: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield a row for each field that one entry of `Reconciliation.changes` tells about."""
    if "load_error" in entry:
        action = f"{entry.get('action', '')} load error"
        yield {"subject": entry["load_error"], "action": action, "new": entry.get("message", "")}
        return
    row = {"subject": entry.get("job", ""), "action": entry.get("action", "")}
    fields, dependents = entry.get("fields") or {}, entry.get("dependents") or {}
    if entry.get("message") or (not fields and not dependents):
        yield {**row, "new": entry.get("message", "")}
    for field, change in fields.items():
        texts = {side: tables.value_text(change.get(side)) for side in ("old", "new")}
        row["action"] = report.field_action(entry, field)
        yield {**row, "field": field_label(models.RegisteredJob, field), **texts}
    for kind, text in report.dependent_texts(dependents):
        yield {**row, "field": kind.replace("_", " ").capitalize(), "old": "", "new": text}


RECONCILIATION = ObjectDetailContent(
    panels=[
        ReconciliationPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["trigger", "scope", "status", "started", "finished", "duration", "user", "job_result", "error"],
            hide_if_unset=["error"],
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Counts",
            fields=COUNT_FIELDS,
            value_transforms={field: [str] for field in COUNT_FIELDS},
        ),
        ChangesPanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Changes"),
        RevisionsOfReconciliationPanel(
            weight=200,
            section=SectionChoices.FULL_WIDTH,
            required_permissions=[get_permission_for_model(models.JobRevision, "view")],
        ),
    ],
)
