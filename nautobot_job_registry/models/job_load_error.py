"""A module or class of jobs that could not be loaded."""

from django.db import models
from django.utils import timezone
from nautobot.apps.constants import CHARFIELD_MAX_LENGTH
from nautobot.apps.models import BaseManager, BaseModel

from nautobot_job_registry.models.choices import SourceTypeChoices
from nautobot_job_registry.models.paging import PagedQuerySet


# Neither custom links nor export templates: whoever writes one would read the traceback without the right to view it.
class JobLoadError(BaseModel):
    """A module, or a class in it, that could not be loaded (rule 2).

    An error that goes away is resolved by date and kept.
    """

    source_type = models.CharField(max_length=50, choices=SourceTypeChoices, help_text="Kind of the source")
    source_name = models.CharField(max_length=CHARFIELD_MAX_LENGTH, help_text="Name of the source")
    git_repository = models.ForeignKey(
        to="extras.GitRepository",
        on_delete=models.SET_NULL,
        related_name="job_load_errors",
        blank=True,
        null=True,
        help_text="The Git repository that holds the module",
    )
    source_version = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        blank=True,
        help_text="Version or commit of the source with which the error was last recorded",
    )
    effective_version = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        blank=True,
        help_text="The commit that stayed in effect, where Nautobot rejected the sync to the one that has the error",
    )
    module_name = models.CharField(max_length=CHARFIELD_MAX_LENGTH, help_text="Dotted name of the module")
    job_class_name = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        blank=True,
        help_text="Name of the class, where the module itself could be loaded",
    )
    file_path = models.TextField(blank=True, help_text="The file in which the error was raised")
    line = models.PositiveIntegerField(blank=True, null=True, help_text="The line in which the error was raised")
    exception_type = models.CharField(max_length=CHARFIELD_MAX_LENGTH, help_text="Class of the exception")
    message = models.TextField(blank=True, help_text="What the exception says")
    traceback = models.TextField(blank=True, help_text="Where the exception was raised and through which calls")
    commit_author = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        blank=True,
        help_text="Author of the last commit that touched the file, where it is in a Git repository",
    )
    commit_subject = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH, blank=True, help_text="First line of the message of that commit"
    )
    first_seen = models.DateTimeField(default=timezone.now, help_text="When the error was first recorded")
    last_seen = models.DateTimeField(
        default=timezone.now,
        help_text="When the error was last recorded; an error that stays the same is not recorded again",
    )
    resolved_at = models.DateTimeField(
        blank=True, null=True, db_index=True, help_text="When the error was found to be gone; empty while it lasts"
    )

    objects = BaseManager.from_queryset(PagedQuerySet)()

    is_data_compliance_model = False
    is_version_controlled = False
    natural_key_field_names = ["pk"]

    class Meta:
        """Meta attributes."""

        # Those that are open first, whatever a database takes an empty date for.
        ordering = [models.F("resolved_at").desc(nulls_first=True), "-last_seen"]
        verbose_name = "job load error"

    def __str__(self) -> str:
        """Name the module, or the class in it, that could not be loaded."""
        return f"{self.module_name}.{self.job_class_name}" if self.job_class_name else self.module_name

    @property
    def page_title(self) -> str:
        """The heading of its page: what could not be loaded, without the packages around it, and why."""
        return f"{self.job_class_name or self.module_name.rpartition('.')[2]}: {self.exception_type}"

    @property
    def is_open(self) -> bool:
        """Whether the error is still there."""
        return self.resolved_at is None

    @property
    def is_rejected(self) -> bool:
        """Whether the error is of a commit that Nautobot rejected, so that an earlier one is in effect."""
        return bool(self.effective_version)
