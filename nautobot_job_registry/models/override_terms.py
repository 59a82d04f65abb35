"""What a person says about the overrides of a job as they are saved: why, and until when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from nautobot_job_registry.engine.overrides import overrides_to_note, terms_are_for
from nautobot_job_registry.models.constants import APP_NAME, REASON_MAX_LENGTH
from nautobot_job_registry.models.field_override import FieldOverride

NOTHING_SET = "There is no override that this could be for: set the flag of a field as well."
NOTHING_NAMED = (
    "Say which overrides this is for: set or change one, or name those that are set already by their flag, such as "
    "'time_limit_override'."
)

# The last days of the year after it are in no year that Python knows, as soon as they are told in another time zone.
LAST_YEAR = 9998


def reasons_are_required() -> bool:
    """Return whether an operator has to say why a field is overridden."""
    return bool(settings.PLUGINS_CONFIG[APP_NAME]["require_override_reason"])


@dataclass
class OverrideTerms:
    """What a person says about overrides; they are for those that the save sets or changes, or else for the named.

    Attributes:
        reason: Why, where it is said.
        says_reason: Whether it is.
        expires_at: When the overrides are to end; None for never, where it is said.
        says_end: Whether it is.
        named: The fields that the person names; None for every override that there is.
        changed: The fields whose override is set or changed, as far as that is known.
    """

    reason: str = ""
    says_reason: bool = False
    expires_at: datetime | None = None
    says_end: bool = False
    named: frozenset[str] | None = None
    changed: set[str] = field(default_factory=set)

    def said(self) -> dict[str, Any]:
        """Return what is said, by the names of the columns of the ledger."""
        said: dict[str, Any] = {}
        if self.says_reason:
            said["reason"] = self.reason
        if self.says_end:
            said["expires_at"] = self.expires_at
        return said

    def are_for(self, overridden: Collection[str]) -> tuple[str, ...]:
        """Return the fields that this is said about."""
        return terms_are_for(overridden, self.changed, self.named)

    def errors(self, overridden: Collection[str]) -> dict[str, str]:
        """Return what is wrong with what is said, by the names that a request has for it.

        Args:
            overridden: The fields whose flag is set as the record is saved.
        """
        errors = {}
        if len(self.reason) > REASON_MAX_LENGTH:
            errors["override_reason"] = (
                f"The reason has {len(self.reason):,} characters: {REASON_MAX_LENGTH:,} are the most."
            )
        if self.expires_at is not None and self.expires_at <= timezone.now():
            errors["override_expires_at"] = (
                f"{self.expires_at.isoformat()} is in the past: choose a later end, or clear the flag to revert now."
            )
        if self.expires_at is not None and self.expires_at.year > LAST_YEAR:
            errors["override_expires_at"] = (
                f"{LAST_YEAR} is the last year that can be chosen: leave out an end that never comes."
            )
        if not self.are_for(overridden):
            problem = NOTHING_NAMED if overridden and self.named is not None else NOTHING_SET
            if self.reason:
                errors.setdefault("override_reason", problem)
            if self.expires_at is not None:
                errors.setdefault("override_expires_at", problem)
        return errors


class OverrideTermsMixin(models.Model):
    """A record whose overrides have a reason and an end, which are said before it is saved.

    What is said holds for the next save, and for the queues that are written after it.
    """

    override_terms: OverrideTerms | None = None
    _terms_of_save: OverrideTerms | None = None

    class Meta:
        """Meta attributes."""

        abstract = True

    @property
    def override_reason(self) -> str | None:
        """Why the overrides are set that the next save sets or changes; None while nothing is said."""
        return self.override_terms.reason if self.override_terms and self.override_terms.says_reason else None

    @override_reason.setter
    def override_reason(self, value: str | None) -> None:
        terms = self._terms()
        terms.reason, terms.says_reason = value or "", True

    @property
    def override_expires_at(self) -> datetime | None:
        """When those overrides are to end; None for never, and while nothing is said."""
        return self.override_terms.expires_at if self.override_terms else None

    @override_expires_at.setter
    def override_expires_at(self, value: datetime | Literal[""] | None) -> None:
        terms = self._terms()
        terms.expires_at, terms.says_end = value or None, True

    @property
    def override_never_ends(self) -> bool:
        """Whether it is said that those overrides have no end."""
        return bool(self.override_terms and self.override_terms.says_end and self.override_terms.expires_at is None)

    @override_never_ends.setter
    def override_never_ends(self, value: bool) -> None:
        if value:
            self.override_expires_at = None

    @property
    def override_named(self) -> frozenset[str] | None:
        """The overrides that reason and end are for where the save sets and changes none; None for all."""
        return self.override_terms.named if self.override_terms else None

    @override_named.setter
    def override_named(self, value: Collection[str] | None) -> None:
        self._terms().named = None if value is None else frozenset(value)

    def override_changes(self, field: str) -> None:
        """Say that the override of a field is changed by what is written after the record: its queues."""
        self._terms().changed.add(field)

    def _terms(self) -> OverrideTerms:
        if self.override_terms is None:
            self.override_terms = OverrideTerms()
        return self.override_terms

    def clean_override_terms(self) -> None:
        """See that what is said about the overrides makes sense, and that a reason is there where one is required.

        Raises:
            ValidationError: Names `override_reason` or `override_expires_at`.
        """
        terms, required = self.override_terms, reasons_are_required()
        if not required and (terms is None or not terms.said()):
            return
        terms = terms or OverrideTerms()
        overrides = self.overrides
        noted = {row.field: row for row in self.field_overrides.all()}
        news = overrides_to_note(overrides, {name: row.value for name, row in noted.items()}, None)
        terms.changed.update(override.field for override in news)
        errors = terms.errors(overrides)
        if required:
            unexplained = [name for name in terms.are_for(overrides) if not self._is_explained(name, terms, noted)]
            if unexplained:
                names = ", ".join(unexplained)
                errors.setdefault("override_reason", f"A reason is required for each override. Missing for: {names}.")
        if errors:
            raise ValidationError(errors)

    @staticmethod
    def _is_explained(name: str, terms: OverrideTerms, noted: dict[str, FieldOverride]) -> bool:
        if terms.says_reason:
            return bool(terms.reason.strip())
        known = name in noted and bool(noted[name].reason)
        return known or name not in terms.changed

    def begin_save(self) -> OverrideTerms | None:
        """Take what has been said for this save, so that the next one does not repeat it, and return it."""
        said, self.override_terms = self.override_terms, None
        self._terms_of_save = said
        return said

    @property
    def said_terms(self) -> OverrideTerms | None:
        """What is said for the next save, or was said with the last one: queues are written after it."""
        return self.override_terms or self._terms_of_save

    def told_terms(self) -> dict[str, Any]:
        """Return what was said with the save, for the change log."""
        said = self.said_terms.said() if self.said_terms else {}
        if said.get("expires_at") is not None:
            said["expires_at"] = said["expires_at"].isoformat()
        return said
