"""Serializers of what a deletion does."""

from rest_framework import serializers


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
