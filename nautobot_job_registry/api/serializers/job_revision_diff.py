"""Serializers of two revisions side by side."""

from enum import Enum

from rest_framework import serializers

from nautobot_job_registry.history.arguments import ArgumentProblemKind
from nautobot_job_registry.history.changes import VariableChangeKind


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
