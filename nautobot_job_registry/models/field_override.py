"""Why one field of one job is overridden."""

from datetime import datetime

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Case, F, JSONField, When
from django.db.models.fields.json import KeyTransform
from django.utils import timezone
from nautobot.apps.models import BaseManager, BaseModel, RestrictedQuerySet

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS
from nautobot_job_registry.models.choices import OverridableFieldChoices, OverrideOriginChoices


class FieldOverrideQuerySet(RestrictedQuerySet):
    """Field overrides, and which of them are drifted, or about to end."""

    def ending_before(self, moment: datetime) -> "FieldOverrideQuerySet":
        """Keep the overrides that have ended, or are going to end, by a moment."""
        return self.filter(expires_at__lte=moment)

    def drifted(self) -> "FieldOverrideQuerySet":
        """Keep the overrides whose source says something else now than when they were set.

        One that was set, or is looked at, while no revision is known is not drifted.
        """
        metadata = "job__current_revision__metadata"
        now = Case(
            *(When(field=field, then=KeyTransform(field, metadata)) for field in OVERRIDABLE_FIELDS),
            output_field=JSONField(),
        )
        return self.filter(source_is_known=True, **{f"{metadata}__has_key": F("field")}).exclude(source_value=now)


class FieldOverride(BaseModel):
    """One set flag of one job: the value, what the source said then, who set it, and why.

    There is a row for each flag that is set, and none for one that is clear: `RegisteredJob.save()` and the reconcile
    see to it.
    """

    job = models.ForeignKey(
        to="nautobot_job_registry.RegisteredJob",
        on_delete=models.CASCADE,
        related_name="field_overrides",
        db_index=False,
        help_text="The job",
    )
    field = models.CharField(max_length=50, choices=OverridableFieldChoices, help_text="The field that is overridden")
    value = models.JSONField(
        encoder=DjangoJSONEncoder, blank=True, null=True, help_text="The value in effect, queues by name"
    )
    source_value = models.JSONField(
        encoder=DjangoJSONEncoder,
        blank=True,
        null=True,
        help_text="What the source said when the override was set, queues by name",
    )
    source_is_known = models.BooleanField(
        default=True, help_text="Whether a revision of the source was known when the override was set"
    )
    reason = models.TextField(blank=True, help_text="Why the field is overridden")
    expires_at = models.DateTimeField(blank=True, null=True, help_text="When the override is to end")
    origin = models.CharField(
        max_length=50,
        choices=OverrideOriginChoices,
        default=OverrideOriginChoices.OPERATOR,
        help_text="Where the override was made",
    )
    set_by = models.ForeignKey(
        to=settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="job_field_overrides",
        blank=True,
        null=True,
        help_text="Who set it",
    )
    created = models.DateTimeField(default=timezone.now, editable=False, help_text="When it was set")

    objects = BaseManager.from_queryset(FieldOverrideQuerySet)()

    is_data_compliance_model = False
    is_version_controlled = False

    class Meta:
        """Meta attributes."""

        ordering = ["job", "field"]
        unique_together = [["job", "field"]]
        verbose_name = "field override"

    def __str__(self) -> str:
        """Name the job and the field."""
        return f"{self.job}: {self.get_field_display()}"

    @property
    def is_drifted(self) -> bool:
        """Whether the source says something else now than when the override was set."""
        revision = self.job.current_revision
        if revision is None or not self.source_is_known or self.field not in revision.metadata:
            return False
        return revision.metadata[self.field] != self.source_value
