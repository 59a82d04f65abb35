"""Two revisions of one job side by side: what they say, which code they are, and which schedules no longer fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Q, Subquery
from nautobot.apps.utils import is_uuid

from nautobot_job_registry.engine.plan import FieldChange
from nautobot_job_registry.history import arguments, changes, diff
from nautobot_job_registry.history.arguments import Misfit
from nautobot_job_registry.history.changes import VariableChange
from nautobot_job_registry.models import JobRevision, constants


class ComparisonError(Exception):
    """Two revisions cannot be compared; the text says why, and what to do."""


class NothingBeforeError(ComparisonError):
    """No revision was named, and there is none before."""


@dataclass(frozen=True)
class Comparison:
    """Two revisions of one job, the older one first.

    Attributes:
        old: The revision with the smaller number.
        new: The revision with the larger number, or the same.
        misfits: The schedules that do not fit the new revision, of those that the user may view.
        may_view_source: Whether the user may see the code of both.
    """

    old: JobRevision
    new: JobRevision
    misfits: tuple[Misfit, ...]
    may_view_source: bool

    @cached_property
    def fields(self) -> tuple[FieldChange, ...]:
        """What the two say differently, without the inputs."""
        return changes.field_changes(self.old.metadata, self.new.metadata)

    @cached_property
    def variables(self) -> tuple[VariableChange, ...]:
        """The inputs that the two do not describe alike."""
        return changes.variable_changes(self.old.metadata, self.new.metadata)

    @property
    def code_differs(self) -> bool:
        """Whether the texts of the module differ; everybody who may view the revisions may know that."""
        return self.old.source_hash != self.new.source_hash

    @cached_property
    def code(self) -> diff.TextDiff | None:
        """The lines that differ, or None for those who may not see the code of both."""
        if not self.may_view_source:
            return None
        return diff.compare_texts(self.old.source_code, self.new.source_code)

    @property
    def code_diff_is_coarse(self) -> bool:
        """Whether a changed place was too large to be compared line by line."""
        return self.code is not None and self.code.is_coarse

    @property
    def unified(self) -> str:
        """The lines that differ in the unified format; empty where there are none, or none that may be seen."""
        if self.code is None:
            return ""
        return diff.unified(self.code, *map(_file_name, (self.old, self.new)))


def _file_name(revision: JobRevision) -> str:
    """Name the text of a revision by its module, number and version: in one line, whatever they hold."""
    version = f" {revision.source_version}" if revision.source_version else ""
    return " ".join(f"{revision.job.module_name} (revision {revision.number}{version})".split())


def compare_revisions(revision: JobRevision, against: str | None, user: Any) -> Comparison:
    """Compare a revision with another one of the same job.

    Args:
        revision: One of them, which the user may view.
        against: The ID of the other one, or None for the one before.
        user: Who asks.

    Raises:
        ComparisonError: If there is no such revision that the user may view, or it is one of another job.
        NothingBeforeError: If none is named and there is none before that the user may view.
    """
    other = _other(revision, against, user)
    old, new = sorted((revision, other), key=lambda one: one.number)
    keys = {old.pk, new.pk}
    visible = JobRevision.objects.restrict(user, constants.VIEW_SOURCE).filter(pk__in=keys).count() == len(keys)
    return Comparison(old, new, tuple(arguments.misfits(new.job, new, user)), visible)


def _other(revision: JobRevision, against: str | None, user: Any) -> JobRevision:
    visible = JobRevision.objects.restrict(user, "view").select_related("job")
    if not against:
        before = visible.filter(job=revision.job_id, number__lt=revision.number).order_by("-number")
        found = before.defer("source_code").first()
        if found is None:
            raise NothingBeforeError("There is no revision before this one to compare it with: name another one.")
        return found
    found = visible.defer("source_code").filter(pk=against).first() if is_uuid(against) else None
    if found is None:
        raise ComparisonError("There is no revision with this ID that you may view.")
    if found.job_id != revision.job_id:
        raise ComparisonError(
            f"It is a revision of another job, {found.job.class_path}: only revisions of one job can be compared."
        )
    return found


@dataclass(frozen=True)
class Neighbours:
    """The primary keys of the revisions around one: of its job, and that a user may view; None where there is none.

    Attributes:
        before: Of the one before.
        after: Of the one after.
        current: Of the current one, where that is another one.
    """

    before: Any
    after: Any
    current: Any


def neighbours(revision: JobRevision, user: Any) -> Neighbours:
    """Return the revisions around a revision, in one statement."""
    current = revision.job.current_revision_id
    visible = JobRevision.objects.restrict(user, "view")
    of_job = visible.filter(job=revision.job_id)
    before = of_job.filter(number__lt=revision.number).order_by("-number").values("pk")[:1]
    after = of_job.filter(number__gt=revision.number).order_by("number").values("pk")[:1]
    rows = visible.filter(Q(pk=current) | Q(pk=Subquery(before)) | Q(pk=Subquery(after))).order_by()
    found = dict(rows.values_list("pk", "number"))
    return Neighbours(
        before=max((pk for pk in found if found[pk] < revision.number), key=found.__getitem__, default=None),
        after=min((pk for pk in found if found[pk] > revision.number), key=found.__getitem__, default=None),
        current=current if current in found and current != revision.pk else None,
    )
