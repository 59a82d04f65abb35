"""What the source said about a job at one point."""

from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Coalesce, JSONObject
from nautobot.apps.constants import CHARFIELD_MAX_LENGTH
from nautobot.apps.models import BaseManager, BaseModel

from nautobot_job_registry.models.job_run import JobRun
from nautobot_job_registry.models.paging import PagedQuerySet

# What a list tells of the revision before another one.
TOLD_OF_BEFORE = ("number", "metadata", "source_hash", "source_version")


class JobRevisionQuerySet(PagedQuerySet):
    """Query set that refuses to change what was said once."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse.

        Raises:
            ValidationError: Always, as revisions are never changed (rule 7).
        """
        raise ValidationError("A job revision is never changed.")

    def with_history(self, user: Any) -> "JobRevisionQuerySet":
        """Annotate what a revision followed on and how often it ran, as far as a user may view that.

        `before` is the latest revision of the same job before this one, as a dictionary with `id` and
        `TOLD_OF_BEFORE`, or None; `run_count` is None where the user may view no runs. All of it is read by the
        statement that reads the revisions.
        """
        before = (
            JobRevision.objects.restrict(user, "view")
            .filter(job=models.OuterRef("job"), number__lt=models.OuterRef("number"))
            .order_by("-number")
            .values(told=JSONObject(id="pk", **{name: name for name in TOLD_OF_BEFORE}))
        )
        return self.annotate(before=models.Subquery(before[:1]), run_count=_run_count(user))


def _run_count(user: Any) -> models.Expression:
    """Return how many runs of a revision a user may view; no more than the index of the runs is read for it."""
    runs = JobRun.objects.restrict(user, "view").filter(revision=models.OuterRef("pk")).order_by()
    if runs.query.is_empty():
        return models.Value(None, output_field=models.IntegerField())
    return Coalesce(models.Subquery(runs.values("revision").annotate(count=models.Count("pk")).values("count")), 0)


# Neither custom links nor export templates: whoever writes one would read the code without the right to view it.
class JobRevision(BaseModel):
    """What the source of a job said at one point: metadata and text of the module (rule 7).

    A revision is made when one of the two changes, and never changed or renumbered afterwards.
    """

    job = models.ForeignKey(
        to="nautobot_job_registry.RegisteredJob",
        on_delete=models.CASCADE,
        related_name="revisions",
        db_index=False,  # the unique pair begins with it
        help_text="The registered job that this revision describes",
    )
    number = models.PositiveIntegerField(help_text="Counts the revisions of one job, beginning with 1")
    metadata = models.JSONField(
        encoder=DjangoJSONEncoder,
        default=dict,
        help_text="What the source code says: values of the overridable fields, flags and input variables",
    )
    metadata_hash = models.CharField(max_length=64, help_text="SHA-256 of the metadata")
    source_code = models.TextField(blank=True, help_text="The text of the module that holds the class")
    source_hash = models.CharField(max_length=64, help_text="SHA-256 of the text of the module")
    source_version = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        blank=True,
        help_text="Version or commit of the source with which this revision was first seen",
    )
    reconciliation = models.ForeignKey(
        to="nautobot_job_registry.Reconciliation",
        on_delete=models.SET_NULL,
        related_name="revisions",
        blank=True,
        null=True,
        help_text="The reconcile that made this revision; empty where its log row is gone",
    )
    created = models.DateTimeField(auto_now_add=True, null=True, help_text="When this revision was first seen")

    objects = BaseManager.from_queryset(JobRevisionQuerySet)()
    is_data_compliance_model = False
    is_version_controlled = False

    class Meta:
        """Meta attributes."""

        ordering = ["job", "-number"]
        unique_together = [["job", "number"]]
        verbose_name = "job revision"

    def __str__(self) -> str:
        """Name the revision by its number."""
        return f"Revision {self.number}"

    @property
    def page_title(self) -> str:
        """The heading of its page, by which one tells it from the revisions of other jobs."""
        return f"{self.job}: revision {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new revision.

        Raises:
            ValidationError: If the revision is stored already (rule 7).
        """
        if self.present_in_database:
            raise ValidationError("A job revision is never changed.")
        super().save(*args, **kwargs)
