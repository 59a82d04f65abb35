"""The log of what each reconcile did."""

from datetime import timedelta

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from nautobot.apps.constants import CHARFIELD_MAX_LENGTH
from nautobot.apps.models import BaseManager, BaseModel, extras_features

from nautobot_job_registry.models.choices import ReconciliationStatusChoices, ReconciliationTriggerChoices
from nautobot_job_registry.models.paging import PagedQuerySet

ALL_SOURCES = "all"
# What a reconcile counts, in the order in which it is shown; `Plan.counts()` has a number for each.
COUNT_FIELDS = (
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
    "drifted",
    "misfits",
    "suspended",
    "restored",
)


class ReconciliationQuerySet(PagedQuerySet):
    """Reconciliations, and which of them somebody still has to look at."""

    def unmended(self) -> "ReconciliationQuerySet":
        """Keep the failures after which neither the same source nor all sources have been reconciled well."""
        later = Reconciliation.objects.filter(
            models.Q(scope=models.OuterRef("scope")) | models.Q(scope=ALL_SOURCES),
            status=ReconciliationStatusChoices.SUCCEEDED,
            started__gt=models.OuterRef("started"),
        )
        return self.filter(~models.Exists(later), status=ReconciliationStatusChoices.FAILED)

    def is_unmended(self, scope: str) -> bool:
        """Say whether the last reconcile of a scope failed: a run that finds nothing to do is what mends it."""
        return self.unmended().filter(scope=scope).exists()

    def replaced(self) -> "ReconciliationQuerySet":
        """Keep those after which the same source has been reconciled with the same outcome.

        What is left out is the last success and the last failure of each source.
        """
        later = Reconciliation.objects.filter(
            scope=models.OuterRef("scope"), status=models.OuterRef("status"), started__gt=models.OuterRef("started")
        )
        return self.filter(models.Exists(later))


@extras_features("custom_links", "export_templates")
class Reconciliation(BaseModel):
    """One reconcile of the registry with the code: why it ran, what it changed, how it ended (rules 6, 9, 11)."""

    trigger = models.CharField(max_length=50, choices=ReconciliationTriggerChoices, help_text="What started it")
    scope = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        default=ALL_SOURCES,
        help_text="What was read: all, system, local, app:NAME or git:SLUG; or overrides, for their ends alone",
    )
    status = models.CharField(max_length=50, choices=ReconciliationStatusChoices, help_text="How it ended")
    registered = models.PositiveIntegerField(default=0, help_text="Jobs that got a record")
    changed = models.PositiveIntegerField(default=0, help_text="Jobs whose record changed")
    uninstalled = models.PositiveIntegerField(default=0, help_text="Jobs that were removed, or are missing for now")
    returned = models.PositiveIntegerField(default=0, help_text="Jobs that were restored")
    refreshed = models.PositiveIntegerField(
        default=0, help_text="Jobs of which only the version of the source or the link to core's row changed"
    )
    unchanged = models.PositiveIntegerField(default=0, help_text="Jobs whose record stayed as it was")
    errors_opened = models.PositiveIntegerField(default=0, help_text="Load errors that came up")
    errors_updated = models.PositiveIntegerField(default=0, help_text="Load errors that changed")
    errors_resolved = models.PositiveIntegerField(default=0, help_text="Load errors that were fixed")
    suspended = models.PositiveIntegerField(default=0, help_text="Schedules, hooks and buttons that were switched off")
    restored = models.PositiveIntegerField(
        default=0, help_text="Schedules, hooks and buttons that were switched on again"
    )
    adopted = models.PositiveIntegerField(default=0, help_text="Jobs that took over the history of another record")
    overrides_ended = models.PositiveIntegerField(default=0, help_text="Overrides whose end had come")
    drifted = models.PositiveIntegerField(
        default=0, help_text="Overrides whose source came to say something else than when they were set"
    )
    misfits = models.PositiveIntegerField(default=0, help_text="Schedules that will fail with the new code")
    summary = models.TextField(blank=True, help_text="What changed in one line, with the first jobs by name")
    changes = models.JSONField(
        encoder=DjangoJSONEncoder, default=list, blank=True, help_text="What changed on which job, field by field"
    )
    error = models.TextField(blank=True, help_text="What went wrong, where it failed")
    started = models.DateTimeField(default=timezone.now, db_index=True, help_text="When it began")
    finished = models.DateTimeField(blank=True, null=True, help_text="When it ended")
    user = models.ForeignKey(
        to=settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="job_reconciliations",
        blank=True,
        null=True,
        help_text="Who started it",
    )
    job_result = models.ForeignKey(
        to="extras.JobResult",
        on_delete=models.SET_NULL,
        related_name="job_reconciliations",
        # Nautobot's clean-up of its logs deletes runs without a word, and knows no link that becomes null.
        db_constraint=False,
        blank=True,
        null=True,
        help_text="The job run that it was part of",
    )

    objects = BaseManager.from_queryset(ReconciliationQuerySet)()

    is_data_compliance_model = False
    is_version_controlled = False
    natural_key_field_names = ["pk"]

    class Meta:
        """Meta attributes."""

        ordering = ["-started"]
        get_latest_by = "started"
        # Failures are few among many, and are asked for whenever Nautobot's health is.
        indexes = [models.Index(fields=["status", "started"], name="job_registry_reconciliation")]
        verbose_name = "reconciliation"

    def __str__(self) -> str:
        """Name the reconcile by what started it, what it read, and when."""
        return (
            f"{self.get_trigger_display()} of {self.scope} at {timezone.localtime(self.started):%Y-%m-%d %H:%M:%S %Z}"
        )

    @property
    def duration(self) -> timedelta | None:
        """How long it took, as a timedelta; None while it has not ended."""
        return self.finished - self.started if self.finished else None
