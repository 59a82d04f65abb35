"""Runs and schedules: the tabs of their job, whatever has become of core's own, and their pages with the evidence."""

from __future__ import annotations

from typing import Any

from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString
from nautobot.apps.templatetags import hyperlinked_object, placeholder
from nautobot.apps.ui import (
    DistinctViewTab,
    KeyValueTablePanel,
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.utils import get_permission_for_model
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models, tables
from nautobot_job_registry.tables import display
from nautobot_job_registry.views.details.panels import RelatedTablePanel

EXPLANATIONS = {
    display.CODE_NOT_STARTED: "The run has not begun, so that no code was executed.",
    display.CODE_UNKNOWN: (
        "No worker told which code it executed: the run is from before the app was installed, or the file of the job "
        "was changed after the worker had loaded it."
    ),
    display.CODE_CURRENT: "The worker executed the code of the revision that was current then.",
    display.CODE_SKEWED: "The worker executed another revision than the one that was current then.",
    display.CODE_UNSEEN: "The worker executed code that the registry had not seen, or has no revision of.",
    display.CODE_UNREGISTERED: "The job was not registered when it ran, so that there is no revision to compare with.",
}
ADVICE = {
    display.CODE_SKEWED: (
        "See that this worker has the same files as the others: sync the Git repository, or deploy the files or the "
        "app to the host of the worker and restart it."
    ),
    display.CODE_UNSEEN: (
        "If the files of the worker are right, reconcile with nautobot-server reconcile_jobs, so that the registry "
        "knows them. If they are not, bring them to the host of the worker and restart it."
    ),
    display.CODE_UNREGISTERED: "Reconcile with nautobot-server reconcile_jobs, so that the job is registered.",
}


def evidence(run: models.JobRun) -> dict[str, Any]:
    """Return the keys and values that say which code a run executed."""
    state = display.code_state(run)
    shown = {
        "code": display.code_label(run),
        "what_it_means": EXPLANATIONS[state],
        "what_to_do": ADVICE.get(state, "Nothing."),
        "revision": run.revision,
        "worker": run.worker or placeholder(None),
        "source_version": run.source_version or placeholder(None),
    }
    return {**shown, "code_hash": format_html("<code>{}</code>", run.code_hash) if run.code_hash else placeholder(None)}


def code_in_a_line(run: models.JobRun) -> SafeString:
    """Return that a run executed the current code, with the anchor and the revision, in one line."""
    version = f" ({run.source_version[: display.SHORT_COMMIT_LENGTH]})" if run.source_version else ""
    link = format_html('<a href="{}">revision {}</a>', run.get_absolute_url(), run.revision.number)
    return format_html("{} {}{}", display.code_label(run), link, version)


class EvidencePanel(KeyValueTablePanel):
    """Which code a run executed, what that means, and what to do."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Return the evidence of the run of the page."""
        return evidence(get_obj_from_context(context))


class JobRunPanel(ObjectFieldsPanel):
    """What ran, asked for by whom, and how it went."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Add what core's result says."""
        result = get_obj_from_context(context).job_result
        return {
            **super().get_data(context),
            "job_result": hyperlinked_object(result, field="name"),
            "status": result.status,
            "user": result.user,
        }


JOB_RUN = ObjectDetailContent(
    panels=[
        JobRunPanel(weight=100, section=SectionChoices.LEFT_HALF, fields=["class_path", "job", "created"]),
        EvidencePanel(weight=100, section=SectionChoices.RIGHT_HALF, label="Which code it executed"),
    ],
)


class JobSchedulePanel(ObjectFieldsPanel):
    """What is scheduled, by whom, and when."""

    def get_data(self, context: Context) -> dict[str, Any]:
        """Add what core's schedule says."""
        schedule = get_obj_from_context(context).scheduled_job
        return {
            **super().get_data(context),
            "schedule": hyperlinked_object(schedule, field="name"),
            "enabled": schedule.enabled,
            "interval": schedule.get_interval_display(),
            "last_run": schedule.last_run_at,
            "user": schedule.user,
        }


JOB_SCHEDULE = ObjectDetailContent(
    panels=[
        JobSchedulePanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["class_path", "job", "created"],
            value_transforms={"class_path": [display.class_path_display]},
        ),
    ],
)


def anchors_tab(
    model: type[models.JobRun] | type[models.JobSchedule], label: str, weight: int, **panel: Any
) -> DistinctViewTab:
    """Return the tab with a page of the anchors of a registered job, with a link to the list of all of them."""
    tab_id = label.lower()
    shown = RelatedTablePanel(
        weight=100,
        section=SectionChoices.FULL_WIDTH,
        table_title=label,
        related_field_name="job",
        exclude_columns=["pk", "job"],
        include_paginator=True,
        **panel,
    )
    return DistinctViewTab(
        weight=weight,
        tab_id=tab_id,
        label=label,
        url_name=f"plugins:nautobot_job_registry:registeredjob_{tab_id}",
        required_permissions=[get_permission_for_model(model, "view")],
        panels=[shown],
    )


RUNS_TAB = anchors_tab(models.JobRun, "Runs", 800, table=tables.JobRunTable, rows=lambda job: job.runs.listed())
SCHEDULES_TAB = anchors_tab(
    models.JobSchedule,
    "Schedules",
    810,
    table=tables.JobScheduleTable,
    rows=lambda job: job.schedules.select_related("scheduled_job__user"),
)
