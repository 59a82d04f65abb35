"""The record of one job class."""

import json
import math
from collections.abc import Collection
from typing import Any

import yaml
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MinValueValidator
from django.db import models
from nautobot.apps.constants import CHARFIELD_MAX_LENGTH
from nautobot.apps.models import BaseManager, PrimaryModel, RestrictedQuerySet, extras_features

from nautobot_job_registry.engine.fields import NAME_MAX_LENGTH, OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag
from nautobot_job_registry.engine.overrides import overridden_fields, restored_values
from nautobot_job_registry.models.choices import AbsenceChoices, SourceTypeChoices
from nautobot_job_registry.models.field_override import FieldOverride
from nautobot_job_registry.models.known_tags import know_tags
from nautobot_job_registry.models.override_terms import OverrideTermsMixin
from nautobot_job_registry.models.saving import SavingMixin


def _flag(what: str) -> models.BooleanField:
    return models.BooleanField(
        default=False, help_text=f"If set, the {what} stays as it is here, whatever the source code says"
    )


class RegisteredJobQuerySet(RestrictedQuerySet):
    """Registered jobs, and which of them need a look."""

    def with_drift(self) -> "RegisteredJobQuerySet":
        """Annotate `is_drifted`: whether the source has changed under an override."""
        drifted = FieldOverride.objects.drifted().filter(job=models.OuterRef("pk"))
        return self.annotate(is_drifted=models.Exists(drifted))

    def with_overridden_count(self) -> "RegisteredJobQuerySet":
        """Annotate `overridden_count`: how many fields are overridden."""
        one = models.Value(1)
        counts = (
            models.Case(models.When(**{override_flag(field): True}, then=one), default=models.Value(0))
            for field in OVERRIDABLE_FIELDS
        )
        return self.annotate(overridden_count=sum(counts, models.Value(0)))


def validate_finite(value: float) -> None:
    """Refuse what is no number, and infinity: neither can be told in JSON.

    Raises:
        ValidationError: If it is either.
    """
    if not math.isfinite(value):
        raise ValidationError("Enter a number of seconds.")


TIME_LIMIT_VALIDATORS = (validate_finite, MinValueValidator(0))


@extras_features(
    "custom_links",
    "custom_validators",
    "export_templates",
    "webhooks",
)
class RegisteredJob(SavingMixin, OverrideTermsMixin, PrimaryModel):
    """The record of one job class: where it comes from, what its source says, what an operator decided (M1).

    There are thousands of records at the most, which are read whole and written in bulk: no index but those of the
    keys would be used, and each would slow the writing down.

    Saving a record puts every field whose flag is clear back to what the current revision says (rule 13).
    The many-to-many field `job_queues` follows in the same save.
    """

    # Identity
    module_name = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH, editable=False, help_text="Dotted name of the Python module"
    )
    job_class_name = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH, editable=False, help_text="Name of the Python class"
    )

    # Provenance
    source_type = models.CharField(
        max_length=50,
        choices=SourceTypeChoices,
        editable=False,
        help_text="Kind of the source that the job comes from",
    )
    source_name = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        editable=False,
        help_text="Nautobot, the package of the app, the slug of the Git repository, or JOBS_ROOT",
    )
    git_repository = models.ForeignKey(
        to="extras.GitRepository",
        on_delete=models.SET_NULL,
        related_name="registered_jobs",
        db_index=False,
        editable=False,
        blank=True,
        null=True,
        help_text="The Git repository that the job comes from",
    )
    source_version = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH,
        editable=False,
        blank=True,
        help_text="Version of Nautobot or of the app, commit of the Git repository, or empty",
    )

    registered_in = models.TextField(
        editable=False,
        blank=True,
        default="",
        help_text="The file that registers the class, in the folder of its source; empty for Nautobot and apps",
    )

    # State
    installed = models.BooleanField(default=True, editable=False, help_text="Whether Nautobot can run the class")
    absence = models.CharField(
        max_length=50,
        choices=AbsenceChoices,
        editable=False,
        blank=True,
        help_text="Why the class is not there; empty while it is",
    )
    uninstalled_at = models.DateTimeField(
        editable=False, blank=True, null=True, help_text="When the class was found to be gone"
    )
    is_job_hook_receiver = models.BooleanField(
        default=False, editable=False, help_text="Whether the job is a job hook receiver"
    )
    is_job_button_receiver = models.BooleanField(
        default=False, editable=False, help_text="Whether the job is a job button receiver"
    )
    read_only = models.BooleanField(
        default=False, editable=False, help_text="Whether the job says that it makes no changes"
    )
    supports_dryrun = models.BooleanField(
        default=False, editable=False, help_text="Whether the job can be run without making changes"
    )
    current_revision = models.ForeignKey(
        to="nautobot_job_registry.JobRevision",
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        editable=False,
        blank=True,
        null=True,
        help_text="What the source said when it was last read",
    )
    core_job = models.OneToOneField(
        to="extras.Job",
        on_delete=models.SET_NULL,
        related_name="registered_job",
        editable=False,
        blank=True,
        null=True,
        help_text="Nautobot's own record of the job, which runs it",
    )
    core_decisions = models.JSONField(
        encoder=DjangoJSONEncoder,
        default=dict,
        editable=False,
        blank=True,
        help_text="What was decided in Nautobot's own record when the registry last looked",
    )

    # The record whose past this one may adopt (rule 21)
    predecessor = models.ForeignKey(
        to="self",
        on_delete=models.SET_NULL,
        related_name="proposed_successors",
        db_index=False,
        editable=False,
        blank=True,
        null=True,
        help_text="The uninstalled job that this one seems to have been; empty where nothing is proposed",
    )
    predecessor_grounds = models.CharField(
        max_length=CHARFIELD_MAX_LENGTH, editable=False, blank=True, help_text="Why the predecessor is proposed"
    )
    dismissed_predecessors = models.JSONField(
        encoder=DjangoJSONEncoder,
        default=list,
        editable=False,
        blank=True,
        help_text="Class paths that a person said this job has not been",
    )

    adopted_records = models.JSONField(
        encoder=DjangoJSONEncoder,
        default=list,
        editable=False,
        blank=True,
        help_text="The records whose past this job took over: which, when, by whom, and what came with them",
    )

    # What the source says and an operator can override
    grouping = models.CharField(max_length=CHARFIELD_MAX_LENGTH, help_text="Grouping under which the job is listed")
    name = models.CharField(max_length=NAME_MAX_LENGTH, help_text="Name of the job")
    description = models.TextField(
        blank=True, help_text="Markdown formatting and a limited subset of HTML are supported"
    )
    hidden = models.BooleanField(default=False, help_text="Whether the job is left out of job lists")
    console_log_default = models.BooleanField(
        default=False, help_text="Whether the job logs to the console of the worker unless told otherwise"
    )
    dryrun_default = models.BooleanField(
        default=False, help_text="Whether the job runs without making changes unless told otherwise"
    )
    soft_time_limit = models.FloatField(
        default=0,
        validators=TIME_LIMIT_VALIDATORS,
        help_text="Seconds before the job is asked to stop; 0 for the default of the system",
    )
    time_limit = models.FloatField(
        default=0,
        validators=TIME_LIMIT_VALIDATORS,
        help_text="Seconds before the job is stopped by force; 0 for the default of the system",
    )
    has_sensitive_variables = models.BooleanField(
        default=True, help_text="Whether the inputs of the job are secret, so that they are not stored"
    )
    is_singleton = models.BooleanField(
        default=False, help_text="Whether the job refuses to run while another run of it goes on"
    )
    job_queues = models.ManyToManyField(
        to="extras.JobQueue",
        related_name="registered_jobs",
        blank=True,
        help_text="The queues that the job can be run on",
    )
    default_job_queue = models.ForeignKey(
        to="extras.JobQueue",
        on_delete=models.SET_NULL,
        related_name="default_for_registered_jobs",
        db_index=False,
        blank=True,
        null=True,
        help_text="The queue that the job runs on unless told otherwise",
    )

    grouping_override = _flag("grouping")
    name_override = _flag("name")
    description_override = _flag("description")
    hidden_override = _flag("hidden setting")
    console_log_default_override = _flag("console log default")
    dryrun_default_override = _flag("dry run default")
    soft_time_limit_override = _flag("soft time limit")
    time_limit_override = _flag("time limit")
    has_sensitive_variables_override = _flag("sensitive variables setting")
    is_singleton_override = _flag("singleton setting")
    job_queues_override = _flag("list of queues")
    default_job_queue_override = _flag("default queue")

    # The operator's own
    enabled = models.BooleanField(default=False, help_text="Whether the job may be run")

    objects = BaseManager.from_queryset(RegisteredJobQuerySet)()

    is_data_compliance_model = False
    is_version_controlled = False
    clone_fields: list[str] = []

    class Meta:
        """Meta attributes."""

        ordering = ["grouping", "name", "module_name", "job_class_name"]
        unique_together = [["module_name", "job_class_name"]]
        verbose_name = "registered job"

    def __str__(self) -> str:
        """Name the job."""
        return self.name

    @property
    def class_path(self) -> str:
        """The dotted path of the class."""
        return f"{self.module_name}.{self.job_class_name}"

    @property
    def overridden_fields(self) -> tuple[str, ...]:
        """The fields whose override flag is set."""
        return overridden_fields({field: getattr(self, override_flag(field)) for field in OVERRIDABLE_FIELDS})

    @property
    def source_values(self) -> dict[str, Any]:
        """What the current revision says about each overridable field; empty where no revision is known yet."""
        if self.current_revision is None:
            return {}
        return restored_values(self.current_revision.metadata, ())

    @property
    def overrides(self) -> dict[str, Any]:
        """The value of each overridden field, queues by name."""
        return {field: self.value_of(field) for field in self.overridden_fields}

    @property
    def warnings(self) -> list[str]:
        """What a reader should know: what could not be restored, as no revision is known yet (rule 13)."""
        if self.current_revision_id is not None:
            return []
        kept = [field for field in OVERRIDABLE_FIELDS if field not in self.overridden_fields]
        return [f"No revision of the source is known yet, so that these fields keep their values: {', '.join(kept)}."]

    def to_yaml(self) -> str:
        """Return the record as a YAML document: what it is, what its source says, and what was decided."""
        document = {
            "class_path": self.class_path,
            "source": {"type": self.source_type, "name": self.source_name, "version": self.source_version},
            "installed": self.installed,
            "absence": self.absence,
            "enabled": self.enabled,
            "source_values": self.source_values,
            "overrides": self.overrides,
            "tags": sorted(tag.name for tag in self.tags.all()),
        }
        # By way of JSON, as YAML would mark Python's own kinds of lists.
        return yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False, allow_unicode=True)

    def value_of(self, field: str) -> Any:
        """Return the value of an overridable field, queues by name."""
        if field == "job_queues":
            return sorted(queue.name for queue in self.job_queues.all())
        if field == "default_job_queue":
            return self.default_job_queue.name if self.default_job_queue else None
        return getattr(self, field)

    def restore_source_values(self) -> tuple[str, ...]:
        """Put every field whose flag is clear back to what the current revision says, without saving (rule 13).

        No job code is loaded. Queues are restored by `save()`, as they are rows of their own.

        Returns:
            The names of the fields with a clear flag that could not be restored, as no revision is known yet.
        """
        overridden = self.overridden_fields
        if self.current_revision is None:
            return tuple(field for field in OVERRIDABLE_FIELDS if field not in overridden)
        values = restored_values(self.current_revision.metadata, overridden)
        for field in VALUE_FIELDS:
            if field in values:
                setattr(self, field, values[field])
        return ()

    def clean(self) -> None:
        """Restore what is not overridden before it is validated, so that a value that is dropped cannot be refused.

        Raises:
            ValidationError: If a name is chosen that another job has in Nautobot, which knows each name once only; if
                no default queue is chosen, without which it has no job; or if what is said about the overrides makes
                no sense.
        """
        super().clean()
        self.restore_source_values()
        self.clean_override_terms()
        if self._is_overridden_anew("name") and self._is_name_taken():
            raise ValidationError({"name": "Another job has this name in Nautobot: choose one that is free."})
        if self.default_job_queue_id is None and self._is_overridden_anew("default_job_queue"):
            raise ValidationError({"default_job_queue": "A queue is needed where it is overridden."})

    def _is_overridden_anew(self, field: str) -> bool:
        """Return whether an override is set that is not stored: what is stored does not stand in the way of an edit."""
        names = (override_flag(field), self._meta.get_field(field).attname)
        return getattr(self, names[0]) and any(self._read.get(name) != getattr(self, name) for name in names)

    def _is_name_taken(self) -> bool:
        jobs = self._meta.get_field("core_job").related_model.objects
        return jobs.filter(name=self.name).exclude(pk=self.core_job_id).exists()

    def full_clean(self, exclude: Collection[str] | None = None, **kwargs: Any) -> None:
        """Validate what a person decides; the rest is the source's or the reconcile's, and asking the database costs.

        A source may say what a person may not, such as no name: it does not stand in the way of any other edit.
        """
        unasked = {field.name for field in self._meta.fields if field.is_relation or not field.editable}
        if self.current_revision_id is not None:
            unasked |= {*VALUE_FIELDS} - {*self.overridden_fields}
        super().full_clean(exclude=unasked | set(exclude or ()), **kwargs)

    def to_objectchange(self, action: str, **kwargs: Any) -> Any:
        """Return the entry of the change log, for which the queues and tags are read once and not three times."""
        models.prefetch_related_objects([self], "job_queues", "tags")
        know_tags([self])
        change = super().to_objectchange(action, **kwargs)
        said = self.told_terms()
        for data in (change.object_data, change.object_data_v2):
            if said and data is not None:
                data["override_terms"] = said
        return change
