"""What a revision changed, in words; the revisions have to be read `with_history()`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import placeholder
from nautobot.apps.utils import get_route_for_model

from nautobot_job_registry import models
from nautobot_job_registry.engine.plan import FieldChange
from nautobot_job_registry.history import changes
from nautobot_job_registry.history.changes import VariableChange, VariableChangeKind
from nautobot_job_registry.tables.display import field_label, list_link, version_display

FIRST = "First seen"
NOT_KNOWN = "Not known: the revision before is gone, or you may not view it"
CODE = "code"
CODE_ONLY = "Code only"
NOTHING = "Nothing"
VARIABLE_CHANGES = {
    VariableChangeKind.ADDED: "added",
    VariableChangeKind.REMOVED: "removed",
    VariableChangeKind.NEWLY_REQUIRED: "newly required",
    VariableChangeKind.NO_LONGER_REQUIRED: "no longer required",
    VariableChangeKind.TYPE: "another type",
    VariableChangeKind.DEFAULT: "another default",
    VariableChangeKind.LABEL: "another label",
}


def variable_summary(kinds: Collection[VariableChangeKind]) -> str:
    """Return what happened to an input variable, in words."""
    return ", ".join(VARIABLE_CHANGES[kind] for kind in kinds)


def in_words(fields: Iterable[FieldChange], variables: Iterable[VariableChange], code_differs: bool) -> str:
    """Return what differs between two revisions, in words."""
    parts = [field_label(models.RegisteredJob, change.field) for change in fields]
    inputs = [f"{change.name} ({variable_summary(change.kinds)})" for change in variables]
    if inputs:
        parts.append(f"inputs: {', '.join(inputs)}")
    if not parts:
        return CODE_ONLY if code_differs else NOTHING
    text = "; ".join([*parts, *([CODE] if code_differs else [])])
    return text[:1].upper() + text[1:]


def changes_since(before: Mapping[str, Any], revision: models.JobRevision) -> str:
    """Return what a revision changed since the one before, in words."""
    said = (before["metadata"], revision.metadata)
    fields, variables = changes.field_changes(*said), changes.variable_changes(*said)
    text = in_words(fields, variables, before["source_hash"] != revision.source_hash)
    return text if before["number"] == revision.number - 1 else f"{text} (since revision {before['number']})"


def change_summary(revision: models.JobRevision) -> SafeString | str:
    """Return what a revision changed, linked to the page that compares it with the revision before."""
    before = getattr(revision, "before", None)
    if before is None:
        return FIRST if revision.number == 1 else NOT_KNOWN
    url = reverse(get_route_for_model(revision, "diff"), kwargs={"pk": revision.pk})
    return format_html('<a href="{}?against={}">{}</a>', url, before["id"], changes_since(before, revision))


def version_change(revision: models.JobRevision) -> SafeString:
    """Return from which version or commit of the source to which a revision led."""
    source_type = revision.job.source_type
    before = getattr(revision, "before", None)
    now = version_display(revision.source_version, source_type)
    if before is None or before["source_version"] == revision.source_version:
        return now
    return format_html("{} → {}", version_display(before["source_version"], source_type), now)


def run_count_display(revision: models.JobRevision) -> SafeString | str:
    """Return how many runs used a revision, linked to the list of them; a dash where the user may view no runs."""
    count = getattr(revision, "run_count", None)
    if count is None:
        return placeholder(None)
    return list_link(models.JobRun, {"revision": revision.pk}, str(count)) if count else "0"
