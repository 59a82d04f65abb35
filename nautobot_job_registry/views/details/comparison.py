"""Two revisions of a job side by side: what their page shows."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.template import Context
from django.urls import reverse
from django.utils.http import urlencode
from nautobot.apps.ui import DistinctViewTab, Panel, SectionChoices
from nautobot.apps.utils import get_route_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.engine.text import shortened_text, visible_text
from nautobot_job_registry.history import diff
from nautobot_job_registry.history.arguments import Misfit
from nautobot_job_registry.history.comparison import Comparison
from nautobot_job_registry.history.values import told_apart, whole_text
from nautobot_job_registry.models.constants import APP_NAME, VIEW_SOURCE
from nautobot_job_registry.tables import display, revision_changes
from nautobot_job_registry.views.details.code import MAX_LINE_LENGTH
from nautobot_job_registry.views.details.misfits import MisfitRowsMixin
from nautobot_job_registry.views.details.panels import RowsPanel

VIEW_SOURCE_PERMISSION = f"{APP_NAME}.{VIEW_SOURCE}_{models.JobRevision._meta.model_name}"
MAX_ROWS_SHOWN = 2000
MAX_REVISIONS_OFFERED = 200
UNIFIED, SIDE_BY_SIDE = "unified", "side-by-side"
OLD_CLASS, NEW_CLASS, NO_LINE_CLASS = "bg-danger-subtle", "bg-success-subtle", "bg-secondary-subtle"


class ComparedPanel(Panel):
    """A panel about two revisions, which is there only where they can be compared, and differ in what it shows."""

    # The attribute of a comparison that says whether there is anything to tell.
    told_of: str

    def should_render(self, context: Context) -> bool:
        """Render where there is something to tell."""
        compared = context.get("comparison")
        return super().should_render(context) and compared is not None and bool(getattr(compared, self.told_of))


class OverviewPanel(Panel):
    """Which revisions are compared, what differs in a sentence, and which others there are."""

    def get_extra_context(self, context: Context) -> dict[str, Any]:
        """Add both revisions and the ones that can be chosen."""
        revision, compared = get_obj_from_context(context), context.get("comparison")
        request = context["request"]
        offered = models.JobRevision.objects.restrict(request.user, "view").filter(job=revision.job_id)
        offered = offered.exclude(pk=revision.pk).order_by("-number").only("number", "source_version", "created")
        return {
            **super().get_extra_context(context),
            "compared": compared,
            "sides": sides(compared) if compared else (),
            "summary": summary(compared) if compared else "",
            "against": str(against(revision, compared)) if compared else "",
            "offered": offered[:MAX_REVISIONS_OFFERED],
            "view": chosen_view(request),
        }


def sides(compared: Comparison) -> tuple[tuple[str, models.JobRevision, str], ...]:
    """Return what each side is called, its revision, and its version as it is shown."""
    pairs = (("Old", compared.old), ("New", compared.new))
    return tuple((name, one, display.version_display(one.source_version, one.job.source_type)) for name, one in pairs)


def summary(compared: Comparison) -> str:
    """Return what differs, in words."""
    return revision_changes.in_words(compared.fields, compared.variables, compared.code_differs)


def chosen_view(request: Any) -> str:
    """Return how the code is to be shown: side by side, unless the other way is asked for."""
    return UNIFIED if request.GET.get("view") == UNIFIED else SIDE_BY_SIDE


class ComparedRowsPanel(ComparedPanel, RowsPanel):
    """A table of what two revisions say differently."""

    def subject(self, context: Context) -> Any:
        """Return what the rows are of: the comparison."""
        return context["comparison"]


class FieldChangesPanel(ComparedRowsPanel):
    """What both say about each field that they do not say the same about."""

    told_of = "fields"
    columns = ["field", "old", "new"]
    column_headers = ["Field", "Old", "New"]

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield a row for each field."""
        for change in obj.fields:
            name = display.field_label(models.RegisteredJob, change.field)
            old, new = told_apart(change.old, change.new)
            yield {"field": name, "old": old, "new": new}


class VariableChangesPanel(ComparedRowsPanel):
    """Which inputs are added, removed, newly required or described otherwise."""

    told_of = "variables"
    columns = ["name", "what", "old", "new"]
    column_headers = ["Input", "What changed", "Old", "New"]

    def rows(self, obj: Any) -> Iterator[dict[str, Any]]:
        """Yield a row for each input."""
        for change in obj.variables:
            what = revision_changes.variable_summary(change.kinds)
            old, new = told_apart(described(change.old), described(change.new))
            yield {"name": change.name, "what": what, "old": old, "new": new}


def described(variable: Any) -> str:
    """Return what a revision says about an input, in one line; nothing where it has no such input."""
    if not variable:
        return ""
    required = "required" if variable.get("required") else "optional"
    parts = [str(variable.get("type") or ""), required]
    if variable.get("label"):
        parts.append(f"label {variable['label']}")
    if variable.get("default") is not None:
        parts.append(f"default {whole_text(variable['default'])}")
    return ", ".join(parts)


class MisfitsPanel(MisfitRowsMixin, ComparedRowsPanel):
    """The schedules that do not fit the new revision."""

    told_of = "misfits"

    def misfits(self, context: Context) -> Iterable[Misfit]:
        """Return them."""
        return context["comparison"].misfits


class CodeDiffPanel(ComparedPanel):
    """The lines of code that differ, for those who may see the code of both revisions."""

    told_of = "code_differs"

    def get_extra_context(self, context: Context) -> dict[str, Any]:
        """Add the rows, as many as a page can hold."""
        compared, view = context["comparison"], chosen_view(context["request"])
        return {
            **super().get_extra_context(context),
            **shown_code(compared.code, view),
            "permission": VIEW_SOURCE_PERMISSION,
            "against": against(get_obj_from_context(context), compared),
            "rest_url": rest_address(compared),
        }


def shown_code(code: diff.TextDiff | None, view: str = UNIFIED) -> dict[str, Any]:
    """Return what a template shows of lines that differ, as many as a page can hold."""
    rows = list(islice(code_rows(code, view), MAX_ROWS_SHOWN + 1)) if code else []
    return {"code": code, "view": view, "rows": rows[:MAX_ROWS_SHOWN], "is_cut": len(rows) > MAX_ROWS_SHOWN}


def against(revision: models.JobRevision, compared: Comparison) -> Any:
    """Return the primary key of the revision that the one of the page is compared with."""
    return compared.old.pk if revision.pk == compared.new.pk else compared.new.pk


def rest_address(compared: Comparison) -> str:
    """Return the address of the same comparison in the REST API."""
    url = reverse(get_route_for_model(models.JobRevision, "diff", api=True), kwargs={"pk": compared.new.pk})
    return f"{url}?{urlencode({'against': compared.old.pk})}"


def code_rows(code: diff.TextDiff, view: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a diff: of each changed place, first where it is, and then its lines."""
    for hunk in code.hunks:
        yield {"place": diff.header(hunk)}
        yield from (unified_rows if view == UNIFIED else side_by_side_rows)(code, hunk)


def side_by_side_rows(code: diff.TextDiff, hunk: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a changed place in two columns."""
    for row in diff.rows(code, hunk):
        same = row.kind == diff.EQUAL
        old, new = told_apart(row.old, row.new, MAX_LINE_LENGTH)
        yield {
            "old": side(row.old_number, old, "" if same else OLD_CLASS),
            "new": side(row.new_number, new, "" if same else NEW_CLASS),
        }


def side(number: int | None, line: str, css_class: str) -> dict[str, Any]:
    """Return one side of a row; one that has no line there is grey."""
    return {"number": number, "text": visible_text(line), "css_class": css_class if number else NO_LINE_CLASS}


def unified_rows(code: diff.TextDiff, hunk: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a changed place in one column: what went, and then what came."""
    for kind, i1, i2, j1, j2 in hunk:
        if kind == diff.EQUAL:
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                yield unified_row(" ", code.old[i], "", i + 1, j + 1)
            continue
        for i in range(i1, i2):
            yield unified_row("-", code.old[i], OLD_CLASS, i + 1, None)
        for j in range(j1, j2):
            yield unified_row("+", code.new[j], NEW_CLASS, None, j + 1)


def unified_row(sign: str, line: str, css_class: str, old: int | None, new: int | None) -> dict[str, Any]:
    """Return one row of the one column."""
    text = visible_text(shortened_text(line.removesuffix("\n"), MAX_LINE_LENGTH))
    return {"sign": sign, "text": text, "css_class": css_class, "old_number": old, "new_number": new}


COMPARISON_TAB = DistinctViewTab(
    weight=150,
    tab_id="diff",
    label="Compare",
    url_name=get_route_for_model(models.JobRevision, "diff"),
    panels=(
        OverviewPanel(
            weight=100,
            section=SectionChoices.FULL_WIDTH,
            label="Comparison",
            body_content_template_path="nautobot_job_registry/inc/comparison.html",
        ),
        MisfitsPanel(
            weight=150,
            css_class="warning",
            section=SectionChoices.FULL_WIDTH,
            label="Schedules whose stored arguments do not fit the new revision",
        ),
        FieldChangesPanel(weight=200, section=SectionChoices.FULL_WIDTH, label="What the source says"),
        VariableChangesPanel(weight=300, section=SectionChoices.FULL_WIDTH, label="Input variables"),
        CodeDiffPanel(
            weight=400,
            section=SectionChoices.FULL_WIDTH,
            label="Source code",
            body_content_template_path="nautobot_job_registry/inc/code_diff.html",
        ),
    ),
)
