"""What an uninstall switched off."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from nautobot.apps.constants import CHARFIELD_MAX_LENGTH
from nautobot.apps.models import BaseModel, extras_features

from nautobot_job_registry.models.choices import AbsenceChoices, SuspensionOriginChoices, SuspensionOutcomeChoices
from nautobot_job_registry.models.constants import CLASS_PATH_MAX_LENGTH


@extras_features("custom_links", "export_templates")
class Suspension(BaseModel):
    """One schedule, job hook or job button that the absence of its job switched off (rule 18).

    It is restored when the job returns, unless a person changed it since; the row stays and says how it ended.
    """

    job = models.ForeignKey(
        to="nautobot_job_registry.RegisteredJob",
        on_delete=models.SET_NULL,
        related_name="suspensions",
        blank=True,
        null=True,
        help_text="The registered job that went away; empty where its record was deleted",
    )
    class_path = models.CharField(
        max_length=CLASS_PATH_MAX_LENGTH, db_index=True, help_text="Dotted path of the class that went away"
    )
    object_type = models.ForeignKey(
        to=ContentType,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        limit_choices_to=models.Q(app_label="extras", model__in=("scheduledjob", "jobhook", "jobbutton")),
        help_text="Whether it is a schedule, a job hook or a job button",
    )
    object_id = models.UUIDField(db_index=True, help_text="ID of what was switched off")
    suspended_object = GenericForeignKey(ct_field="object_type", fk_field="object_id")
    object_name = models.CharField(max_length=CHARFIELD_MAX_LENGTH, help_text="Name of what was switched off")
    reason = models.CharField(
        max_length=50,
        choices=AbsenceChoices,
        blank=True,
        help_text="Why the job was absent when this was switched off; empty until the next reconcile tells",
    )
    origin = models.CharField(
        max_length=50, choices=SuspensionOriginChoices, help_text="Who switched it off: Nautobot itself or the registry"
    )
    previous_state = models.JSONField(
        encoder=DjangoJSONEncoder, default=dict, help_text="What it was before, as it is to be restored"
    )
    suspended_state = models.JSONField(
        encoder=DjangoJSONEncoder,
        default=dict,
        help_text="What it was once it had been switched off; what differs from this was changed by a person",
    )
    outcome = models.CharField(
        max_length=50,
        choices=SuspensionOutcomeChoices,
        default=SuspensionOutcomeChoices.SUSPENDED,
        db_index=True,
        help_text="Whether it is suspended still, or how that ended",
    )
    suspended_at = models.DateTimeField(default=timezone.now, help_text="When it was switched off")
    restored_at = models.DateTimeField(
        blank=True, null=True, help_text="When it was switched on again, or found to have been changed or deleted"
    )
    restored_by = models.ForeignKey(
        to=settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="restored_job_suspensions",
        blank=True,
        null=True,
        help_text="Who restored it by hand; empty where the job's return did",
    )

    is_data_compliance_model = False
    is_version_controlled = False
    natural_key_field_names = ["pk"]

    class Meta:
        """Meta attributes."""

        ordering = ["-suspended_at", "object_name"]
        verbose_name = "suspension"

    def __str__(self) -> str:
        """Name what was switched off, and for which job."""
        return f"{self.object_name} ({self.class_path})"

    @property
    def is_open(self) -> bool:
        """Whether it is still switched off because of the absence."""
        return self.outcome == SuspensionOutcomeChoices.SUSPENDED
