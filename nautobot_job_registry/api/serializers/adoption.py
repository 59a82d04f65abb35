"""Serializers of the requests about the past of a job (rule 21)."""

from typing import Any

from rest_framework import serializers

ONLY_PREDECESSOR = "The only member is `predecessor`."
NO_MEMBER = "This request takes no members."


class NoOtherMembersMixin(serializers.Serializer):
    """Refuses members that say nothing here, so that a misspelt one is not taken for its absence."""

    refusal = NO_MEMBER

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Name the members that are not known.

        Raises:
            ValidationError: If there are any.
        """
        if isinstance(data, dict):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name: [self.refusal] for name in unknown})
        return super().to_internal_value(data)


class AdoptionSerializer(NoOtherMembersMixin):
    """Whose past is to be adopted."""

    refusal = ONLY_PREDECESSOR
    predecessor = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="ID of the registered job that this one was before; the one that is proposed where it is left out",
    )


class DismissalSerializer(NoOtherMembersMixin):
    """Says nothing but that the proposal is wrong."""
