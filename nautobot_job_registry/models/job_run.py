"""The anchor of one run."""

from django.db import models
from django.utils import timezone
from nautobot.apps.constants import CHARFIELD_MAX_LENGTH
from nautobot.apps.models import BaseManager, BaseModel, extras_features

from nautobot_job_registry.models.constants import CLASS_PATH_MAX_LENGTH
from nautobot_job_registry.models.paging import PagedQuerySet

# What no list of runs shows, and what can be megabytes.
RESULT_NOT_LISTED = tuple(
    f"job_result__{name}" for name in ("result", "traceback", "meta", "task_args", "task_kwargs", "celery_kwargs")
)
REVISION_NOT_LISTED = ("revision__metadata", "revision__source_code")


class JobRunQuerySet(PagedQuerySet):
    """Query set of runs."""

    def listed(self) -> "JobRunQuerySet":
        """Read what a list shows in one statement, without what is large."""
        return self.select_related("job", "revision", "job_result__user").defer(
            *RESULT_NOT_LISTED, *REVISION_NOT_LISTED
        )


@extras_features("custom_links", "export_templates")
class JobRun(BaseModel):
    """What holds one `JobResult` to its registered job, whatever happens to the job, and which code it executed (M2).

    The class path is kept as text beside the link: where the record is deleted the link becomes null, and the path
    still says what ran (M9, rule 20).
    """

    job_result = models.OneToOneField(
        to="extras.JobResult",
        on_delete=models.CASCADE,
        related_name="registry_run",
        help_text="Nautobot's own record of the run",
    )
    job = models.ForeignKey(
        to="nautobot_job_registry.RegisteredJob",
        on_delete=models.SET_NULL,
        related_name="runs",
        db_index=False,  # the index of the last run begins with it
        blank=True,
        null=True,
        help_text="The registered job that ran; empty where its record was deleted",
    )
    revision = models.ForeignKey(
        to="nautobot_job_registry.JobRevision",
        on_delete=models.SET_NULL,
        related_name="runs",
        blank=True,
        null=True,
        help_text="The revision whose code the worker had loaded; empty where that is not known",
    )
    class_path = models.CharField(
        max_length=CLASS_PATH_MAX_LENGTH, db_index=True, help_text="Dotted path of the class that ran"
    )
    source_version = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        blank=True,
        help_text="Version or commit of the source as the worker saw it",
    )
    worker = models.CharField(max_length=CHARFIELD_MAX_LENGTH, blank=True, help_text="Name of the worker that ran it")
    code_hash = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the text of the module as the worker had loaded it"
    )
    is_skewed = models.BooleanField(
        default=False, help_text="Whether the worker ran other code than the current revision of that moment"
    )
    created = models.DateTimeField(
        default=timezone.now, editable=False, db_index=True, help_text="When the run was asked for"
    )

    objects = BaseManager.from_queryset(JobRunQuerySet)()

    is_data_compliance_model = False
    is_version_controlled = False
    natural_key_field_names = ["pk"]

    class Meta:
        """Meta attributes."""

        ordering = ["-created"]
        # The last run of each job in a list of jobs, however many runs there are.
        indexes = [models.Index(fields=["job", "created"], name="job_registry_run_of_job")]
        verbose_name = "job run"

    def __str__(self) -> str:
        """Name the class and the time."""
        return f"{self.class_path} ({timezone.localtime(self.created):%Y-%m-%d %H:%M:%S %Z})"
