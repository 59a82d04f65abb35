"""The anchor of one schedule."""

from django.db import models
from django.utils import timezone
from nautobot.apps.models import BaseModel, extras_features

from nautobot_job_registry.models.constants import CLASS_PATH_MAX_LENGTH


@extras_features("custom_links", "export_templates")
class JobSchedule(BaseModel):
    """What holds one `ScheduledJob` to its registered job, whatever happens to the job (M2).

    The class path is kept as text beside the link: where the record is deleted the link becomes null, and the path
    still says what was scheduled (M9, rule 20).
    """

    scheduled_job = models.OneToOneField(
        to="extras.ScheduledJob",
        on_delete=models.CASCADE,
        related_name="registry_schedule",
        help_text="Nautobot's own record of the schedule",
    )
    job = models.ForeignKey(
        to="nautobot_job_registry.RegisteredJob",
        on_delete=models.SET_NULL,
        related_name="schedules",
        blank=True,
        null=True,
        help_text="The registered job that is scheduled; empty where its record was deleted",
    )
    class_path = models.CharField(
        max_length=CLASS_PATH_MAX_LENGTH, db_index=True, help_text="Dotted path of the class that is scheduled"
    )
    created = models.DateTimeField(default=timezone.now, editable=False, help_text="When the schedule was anchored")

    is_data_compliance_model = False
    is_version_controlled = False
    natural_key_field_names = ["pk"]

    class Meta:
        """Meta attributes."""

        ordering = ["class_path", "created"]
        verbose_name = "job schedule"

    def __str__(self) -> str:
        """Name the class."""
        return self.class_path
