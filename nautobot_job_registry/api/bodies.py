"""What the actions of the REST API are sent and answer, beside the models themselves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from nautobot.apps.api import BaseModelSerializer
from nautobot.extras.models import JobResult
from rest_framework import serializers

from nautobot_job_registry.engine.arguments import ArgumentProblemKind
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS
from nautobot_job_registry.history.changes import VariableChangeKind
from nautobot_job_registry.models.reconciliation import COUNT_FIELDS


class KnownMembersSerializer(serializers.Serializer):
    """Refuses members that say nothing here, so that a misspelt one is not taken for its absence."""

    refusal = "This request takes no members."

    def to_internal_value(self, data: Any) -> Any:
        """Name the members that are not known, and those whose type is only nearly right.

        Raises:
            ValidationError: If there are any.
        """
        if isinstance(data, dict):
            errors = {str(name): [self.refusal] for name in data if name not in self.fields}
            errors.update(self.wrong_types(data))
            if errors:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    def wrong_types(self, data: dict[str, Any]) -> dict[str, list[str]]:
        """Return what is wrong with members that Django REST framework would convert."""
        return {}


class RefusalSerializer(serializers.Serializer):
    """Why a reconcile was not begun."""

    detail = serializers.CharField(read_only=True)


class AdoptionSerializer(KnownMembersSerializer):
    """Whose past is to be adopted."""

    refusal = "The only member is `predecessor`."
    predecessor = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="ID of the registered job that this one was before; the one that is proposed where it is left out",
    )


class DismissalSerializer(KnownMembersSerializer):
    """Says nothing but that the proposal is wrong."""


class ResetOverridesSerializer(KnownMembersSerializer):
    """Which overrides are to be cleared."""

    refusal = "The only member is `fields`."
    fields = serializers.MultipleChoiceField(
        choices=OVERRIDABLE_FIELDS,
        required=False,
        allow_empty=False,
        help_text="The fields; all of them where it is left out",
    )


class OverrideIdSerializer(serializers.Serializer):
    """An override of a request for many: an object with its `id`, or the ID alone."""

    id = serializers.UUIDField()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Take the ID alone for an object with it."""
        return super().to_internal_value(data if isinstance(data, Mapping) else {"id": data})


class OverrideDecisionSerializer(serializers.Serializer):
    """How many overrides something was done about."""

    changed = serializers.IntegerField(read_only=True, help_text="How many overrides were changed")


class SuspensionToRestoreSerializer(serializers.Serializer):
    """One of the suspensions that are to be restored."""

    id = serializers.UUIDField(help_text="ID of the suspension")


class DependentSerializer(serializers.Serializer):
    """An object that hangs on a job."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class DependentsSerializer(serializers.Serializer):
    """The objects of one kind that hang on a job: all of them as a number, and those that the user may view by name."""

    count = serializers.IntegerField()
    objects = DependentSerializer(many=True)


class DeletionImpactSerializer(serializers.Serializer):
    """What a deletion would unlink, and what Nautobot would delete with it."""

    can_be_deleted = serializers.BooleanField(help_text="Whether the job is not installed")
    refusal = serializers.CharField(allow_blank=True, help_text="Why it cannot be deleted; empty where it can")
    runs = serializers.IntegerField(help_text="Job results whose link becomes null")
    schedules = DependentsSerializer(help_text="Scheduled jobs whose link becomes null")
    job_hooks = DependentsSerializer(help_text="Job hooks that are deleted")
    job_buttons = DependentsSerializer(help_text="Job buttons that are deleted")


class ReconcileRequestSerializer(KnownMembersSerializer):
    """What to reconcile, and whether for real."""

    refusal = "This member is not known."
    source = serializers.CharField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Only this source: system, local, app:NAME or git:SLUG. Null, absent or all for all of them.",
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Whether the plan is only returned, and nothing is written."
    )
    plan_digest = serializers.RegexField(
        "^[0-9a-f]{64}$",
        required=False,
        allow_null=True,
        default=None,
        help_text="What a dry run has answered: the worker carries out none but that plan. Null or absent for any.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse the digest of a plan where nothing is carried out."""
        if attrs["dry_run"] and attrs["plan_digest"] is not None:
            raise serializers.ValidationError({"plan_digest": ["A dry run answers with it, and takes none."]})
        return attrs

    def wrong_types(self, data: dict[str, Any]) -> dict[str, list[str]]:
        """Refuse a text that is none, and a truth that is none."""
        errors = {}
        if not isinstance(data.get("source"), str | None):
            errors["source"] = ["Must be a string or null."]
        if not isinstance(data.get("dry_run", False), bool):
            errors["dry_run"] = ["Must be true or false."]
        if not isinstance(data.get("plan_digest"), str | None):
            errors["plan_digest"] = ["Must be a string or null."]
        return errors


class ReconcileCountsSerializer(serializers.Serializer):
    """How many records and load errors each kind of action concerns."""

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return a field for each count of a reconciliation."""
        return {name: serializers.IntegerField(read_only=True) for name in COUNT_FIELDS}


class ReconcilePlanSerializer(serializers.Serializer):
    """What a reconcile would do."""

    dry_run = serializers.BooleanField(read_only=True)
    source = serializers.CharField(read_only=True, allow_null=True)
    counts = ReconcileCountsSerializer(read_only=True)
    changes = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="As in the changes of a reconciliation."
    )
    plan_digest = serializers.CharField(
        read_only=True, help_text="What the plan comes to: sent with a real run, none but this plan is carried out."
    )


class EnqueuedRunSerializer(BaseModelSerializer):
    """The run of the job that reconciles."""

    class Meta:
        model = JobResult
        fields = ["id", "object_type", "display", "url", "name", "status", "date_created"]


class ReconcileBegunSerializer(serializers.Serializer):
    """A reconcile that a worker will do."""

    dry_run = serializers.BooleanField(read_only=True)
    source = serializers.CharField(read_only=True, allow_null=True)
    job_result = EnqueuedRunSerializer(read_only=True)


def choices_of(kinds: type[Enum]) -> list[str]:
    """Return the values of an enumeration."""
    return [kind.value for kind in kinds]


class ComparedRevisionSerializer(serializers.Serializer):
    """One of the two revisions."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    source_version = serializers.CharField(allow_blank=True)
    created = serializers.DateTimeField(allow_null=True)


class FieldChangeSerializer(serializers.Serializer):
    """A field of the metadata that differs."""

    field = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class VariableChangeSerializer(serializers.Serializer):
    """An input variable that differs."""

    name = serializers.CharField()
    changes = serializers.ListField(
        source="kinds", child=serializers.ChoiceField(choices_of(VariableChangeKind)), help_text="What happened to it"
    )
    old = serializers.DictField(allow_null=True, help_text="How it was; null where there was no such input")
    new = serializers.DictField(allow_null=True, help_text="How it is; null where there is no such input any more")


class ArgumentProblemSerializer(serializers.Serializer):
    """An argument of a schedule that does not fit."""

    argument = serializers.CharField()
    kind = serializers.ChoiceField(choices_of(ArgumentProblemKind))
    message = serializers.CharField(help_text="What it means for the next run")


class MisfitSerializer(serializers.Serializer):
    """A schedule whose stored arguments do not fit the new revision."""

    id = serializers.UUIDField(source="schedule.pk")
    name = serializers.CharField(source="schedule.name")
    enabled = serializers.BooleanField(source="schedule.enabled")
    problems = ArgumentProblemSerializer(many=True)


class JobRevisionDiffSerializer(serializers.Serializer):
    """Two revisions of one job, the older one first, and what differs."""

    old = ComparedRevisionSerializer()
    new = ComparedRevisionSerializer()
    metadata = FieldChangeSerializer(source="fields", many=True, help_text="The fields that differ")
    variables = VariableChangeSerializer(many=True, help_text="The input variables that differ")
    schedules = MisfitSerializer(
        source="misfits", many=True, help_text="Schedules whose stored arguments do not fit the new revision"
    )
    code_differs = serializers.BooleanField()
    code_visible = serializers.BooleanField(
        source="may_view_source", help_text="Whether you have the permission to view the source of both revisions"
    )
    code_diff = serializers.CharField(
        source="unified",
        allow_blank=True,
        help_text="What differs in the code, in the unified format; empty where nothing does, or you may not see it",
    )
    code_diff_is_coarse = serializers.BooleanField(
        help_text="Whether a changed place was too large to be compared, and is told as replaced as a whole"
    )
