"""The anchor of one schedule."""

from collections.abc import Collection
from uuid import UUID

from django.db import models
from django.utils import timezone
from nautobot.apps.models import BaseManager, BaseModel, extras_features

from nautobot_job_registry.engine.arguments import missing_arguments
from nautobot_job_registry.models.constants import CLASS_PATH_MAX_LENGTH
from nautobot_job_registry.models.paging import PagedQuerySet


class JobScheduleQuerySet(PagedQuerySet):
    """Query set of schedules."""

    def will_run(self, or_these: Collection[UUID] = ()) -> "JobScheduleQuerySet":
        """Keep the schedules that are on, and have not had their only run.

        Args:
            or_these: The primary keys of Nautobot's own rows of schedules that are kept though they are off.
        """
        is_done = models.Q(scheduled_job__one_off=True, scheduled_job__last_run_at__isnull=False)
        is_on = models.Q(scheduled_job__enabled=True) | models.Q(scheduled_job__in=list(or_these))
        return self.filter(is_on).exclude(is_done)

    def failing(self) -> "JobScheduleQuerySet":
        """Keep the schedules whose next run will fail: a required input of the job's current code is not stored.

        It costs one statement beside the one of the query set. Which names are looked for in the arguments is told by
        another column, which no database is asked in a way that all of them understand.
        """
        revision = "job__current_revision__metadata"
        asked = self.will_run().order_by().filter(**{f"{revision}__variables__contains": [{"required": True}]})
        rows = asked.values_list("pk", f"{revision}__variables", "scheduled_job__kwargs")
        return self.filter(pk__in=[pk for pk, variables, stored in rows if missing_arguments(variables, stored)])


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

    objects = BaseManager.from_queryset(JobScheduleQuerySet)()

    is_data_compliance_model = False
    is_version_controlled = False
    natural_key_field_names = ["pk"]

    class Meta:
        """Meta attributes."""

        ordering = ["class_path", "created"]
        verbose_name = "job schedule"

    @property
    def page_title(self) -> str:
        """What its page is called: as the schedule is."""
        return str(self.scheduled_job.name)

    def __str__(self) -> str:
        """Name the class."""
        return self.class_path
