"""Table of job runs."""

import django_tables2
from django.utils.safestring import SafeString
from nautobot.apps.tables import BaseTable, ToggleColumn
from nautobot.extras.models import JobResult

from nautobot_job_registry import models
from nautobot_job_registry.tables.display import SHORT_COMMIT_LENGTH, label, short_text

CODE_UNKNOWN, CODE_SKEWED, CODE_UNSEEN, CODE_CURRENT, CODE_UNREGISTERED = (
    "not known",
    "skewed",
    "skewed: unknown code",
    "current",
    "job not registered",
)
CODE_CLASSES = {CODE_SKEWED: "warning", CODE_UNSEEN: "warning", CODE_CURRENT: "success"}


def code_state(run: models.JobRun) -> str:
    """Return how the code that a run executed stood to the revision that was current then."""
    if not run.code_hash:
        return CODE_UNKNOWN
    if run.is_skewed:
        return CODE_SKEWED if run.revision_id else CODE_UNSEEN
    return CODE_CURRENT if run.revision_id else CODE_UNREGISTERED


def code_label(run: models.JobRun) -> SafeString:
    """Return the same as a coloured label."""
    state = code_state(run)
    return label(state, CODE_CLASSES.get(state, "secondary"))


class JobRunTable(BaseTable):
    """Table of job runs."""

    pk = ToggleColumn()
    created = django_tables2.DateTimeColumn(linkify=True, format="Y-m-d H:i:s", verbose_name="Asked for")
    job = django_tables2.Column(linkify=True)
    job_result = django_tables2.Column(linkify=True, accessor="job_result", verbose_name="Job result")
    status = django_tables2.Column(accessor="job_result__status")
    user = django_tables2.Column(accessor="job_result__user")
    revision = django_tables2.Column(linkify=True)
    code = django_tables2.Column(accessor="is_skewed", empty_values=(), verbose_name="Code")

    class Meta(BaseTable.Meta):
        """Meta attributes."""

        model = models.JobRun
        fields = (
            "pk",
            "created",
            "class_path",
            "job",
            "job_result",
            "status",
            "user",
            "revision",
            "code",
            "source_version",
            "worker",
            "code_hash",
        )
        default_columns = (
            "pk",
            "created",
            "class_path",
            "job",
            "job_result",
            "status",
            "user",
            "revision",
            "code",
            "worker",
        )

    def render_job_result(self, value: JobResult) -> str:
        """Name a result in short: its own name says when it was made, too."""
        return value.name

    def render_code(self, record: models.JobRun) -> SafeString:
        """Show whether the run executed the current code."""
        return code_label(record)

    def render_source_version(self, value: str) -> SafeString:
        """Show a commit shortened."""
        return short_text(value, SHORT_COMMIT_LENGTH)

    def render_code_hash(self, value: str) -> SafeString:
        """Show a hash shortened."""
        return short_text(value, SHORT_COMMIT_LENGTH)
