"""Content of the page of a reconciliation: what it changed comes first."""

from collections.abc import Mapping
from typing import Any

from django.template import Context
from django.urls import reverse
from nautobot.apps.ui import LayoutChoices, ObjectDetailContent, ObjectFieldsPanel, Panel, SectionChoices
from nautobot.apps.utils import get_route_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.history import sentences
from nautobot_job_registry.metrics.needs import may_view
from nautobot_job_registry.models.choices import ReconciliationStatusChoices
from nautobot_job_registry.tables import display
from nautobot_job_registry.views import change_rows, changes
from nautobot_job_registry.views.details.history import MAX_REVISIONS_SHOWN, RevisionsPanel

# The group of changes that a count is about, where it has another name.
GROUPS_OF_COUNTS = {
    "errors_opened": "load_errors",
    "errors_updated": "load_errors",
    "errors_resolved": "resolved",
}


def known_of(row: models.Reconciliation, found: changes.Grouped, user: Any) -> change_rows.Known:
    """Return what a user may see of the jobs of changes, and of the revisions that came of them, in two statements."""
    paths = changes.paths_of(found)
    return change_rows.Known(
        jobs=change_rows.job_urls(paths, user),
        revisions=_revisions(row, paths, user),
        load_errors=may_view(user, models.JobLoadError),
    )


def _revisions(row: models.Reconciliation, paths: set[str], user: Any) -> dict[tuple[str, int], str]:
    """Return the address of the comparison of each revision with the one before it, of those that there are two of."""
    rows = models.JobRevision.objects.restrict(user, "view").filter(reconciliation=row, number__gt=1).order_by()
    route = get_route_for_model(models.JobRevision, "diff")
    columns = rows.values_list("pk", "number", "job__module_name", "job__job_class_name")
    made = {(f"{module}.{name}", number): pk for pk, number, module, name in columns}
    return {key: reverse(route, kwargs={"pk": pk}) for key, pk in made.items() if key[0] in paths}


def is_first(row: models.Reconciliation) -> bool:
    """Return whether it did no more than to register the jobs of an empty registry."""
    return bool(row.registered) and not any(getattr(row, name) for name in ("unchanged", "changed", "uninstalled"))


def chips(row: models.Reconciliation, found: changes.Grouped) -> list[tuple[str, str, str]]:
    """Return the counts that are not zero: the text of each, its colour, and the group on the page that it counts."""
    there = {group.key for group in found}
    told = []
    for name, words in sentences.COUNTED.items():
        number, key = getattr(row, name), GROUPS_OF_COUNTS.get(name, name)
        if number:
            colour = change_rows.COLOURS[change_rows.MARKS.get(key, change_rows.CHANGED)]
            told.append((sentences.one_or_many(number, *words), colour, key if key in there else ""))
    return told


def alert(row: models.Reconciliation) -> dict[str, str]:
    """Return what went wrong, in a line and whole; nothing where all went well."""
    if row.status == ReconciliationStatusChoices.FAILED:
        return {"line": "The reconcile failed, and nothing was changed.", "whole": row.error, "colour": "danger"}
    if row.status == ReconciliationStatusChoices.REJECTED:
        line = sentences.short_commits(row.error)
        return {"line": line, "whole": row.error if line != row.error else "", "colour": "warning"}
    return {}


class NewsPanel(Panel):
    """What a reconcile changed, in sentences, by kind; above it the counts, and what went wrong."""

    template_path = "nautobot_job_registry/inc/reconciliation_news.html"

    def get_extra_context(self, context: Context) -> dict[str, Any]:
        """Add the changes, as many as a page can hold at once."""
        row = get_obj_from_context(context)
        found = changes.grouped(row.changes or ())
        known = known_of(row, changes.at_once(found), context["request"].user)
        return {
            **super().get_extra_context(context),
            "alert": alert(row),
            "chips": chips(row, found),
            "unchanged": row.unchanged,
            "groups": changes.shown_groups(found, known, by_source=True, folds_sources=is_first(row)),
            "rest_url": reverse(get_route_for_model(models.Reconciliation, "changes"), kwargs={"pk": row.pk}),
        }


def more_rows(row: models.Reconciliation, asked: Mapping[str, str], user: Any) -> changes.ShownGroup:
    """Return more rows of a group, as the page asks for them; none where there is no such group."""
    part = changes.part_of(changes.grouped(row.changes or ()), asked)
    return changes.shown_part(part, known_of(row, part.changes, user), by_source=True)


class FactsPanel(ObjectFieldsPanel):
    """How a reconcile ended, and how long it took, in words."""

    def render_value(self, key: str, value: Any, context: Context) -> str:
        """Say whether anything could not be loaded, though it succeeded."""
        if key == "status":
            return display.reconciliation_status(get_obj_from_context(context))
        return display.duration_text(value) if key == "duration" else super().render_value(key, value, context)


class RevisionsMadePanel(RevisionsPanel):
    """The revisions that a reconcile made; not there where it made none."""

    def should_render(self, context: Context) -> bool:
        """Render where there is any."""
        return super().should_render(context) and get_obj_from_context(context).revisions.exists()


RECONCILIATION = ObjectDetailContent(
    layout=LayoutChoices.ONE_OVER_TWO,
    panels=[
        NewsPanel(weight=100, section=SectionChoices.FULL_WIDTH),
        # All of them are in the list of revisions.
        RevisionsMadePanel(
            weight=5000,
            table_title="Revisions that it made",
            related_field_name="reconciliation",
            exclude_columns=["pk"],
            max_display_count=MAX_REVISIONS_SHOWN,
        ),
        FactsPanel(weight=100, section=SectionChoices.LEFT_HALF, fields=["trigger", "scope", "status", "user"]),
        FactsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Run",
            fields=["started", "finished", "duration", "job_result"],
        ),
    ],
)
