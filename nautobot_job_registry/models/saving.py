"""How a record is saved: what is not overridden is put back, and only what was changed is written (rules 10, 13)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import connection, models, transaction
from django.dispatch import Signal

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, VALUE_FIELDS, override_flag
from nautobot_job_registry.engine.overrides import restored_values, with_default_queue
from nautobot_job_registry.models.override_terms import OverrideTerms

# Sent with the `Saving`: before a record is saved, and when it has been saved with its queues.
job_saving = Signal()
job_saved = Signal()
# What is written with a record whatever columns are asked for, once something has been decided.
DECIDED_COLUMNS = (
    *(name for name in OVERRIDABLE_FIELDS if name != "job_queues"),
    *map(override_flag, OVERRIDABLE_FIELDS),
    "enabled",
    "core_job",
    "core_decisions",
)
DECIDED_ATTRIBUTES = frozenset(
    {*VALUE_FIELDS, *map(override_flag, OVERRIDABLE_FIELDS), "enabled", "default_job_queue_id"}
)


@dataclass
class Saving:
    """One save of a record, and all that is known of it only while it goes on.

    It is made by `save()`, or by whoever saves what was decided in core, and sent with the signals.

    Attributes:
        terms: What a person says about the overrides with it, if anything.
        core_row: Core's row of the job, locked, where anything is decided.
        queues: The names of the queues that it takes over from core; None where it takes over none.
        colliding: The fields that are overridden only because core cannot store what the source says.
        of_core: The fields whose override was made or changed in core meanwhile, and that it takes over from there.
        is_requeued: Whether core's row may have other queues than the record has, whatever its columns say.
        is_of_core: Whether it saves what was decided in core, and nothing of a person's here.
        is_ledger_known: Whether what was read beforehand of the ledger is known to be what it says now.
        decides: Whether a decision is, or may be, among what is written.
    """

    terms: OverrideTerms | None = None
    core_row: Any = None
    queues: list[str] | None = None
    colliding: frozenset[str] = frozenset()
    of_core: frozenset[str] = frozenset()
    is_requeued: bool = False
    is_of_core: bool = False
    is_ledger_known: bool = False
    decides: bool = field(default=True, init=False)


class SavingMixin(models.Model):
    """A record that knows what it said when it was read, and is saved as rules 10 and 13 ask for."""

    # What the columns said when the record was read, without those that it has written since.
    _read: dict[str, Any] = {}
    # The save that goes on, if one does: the queues that are written with it do not have the record saved again.
    saving: Saving | None = None

    class Meta:
        """Meta attributes."""

        abstract = True

    def save(self, *args: Any, saving: Saving | None = None, **kwargs: Any) -> None:
        """Save the record with every field whose flag is clear put back to what the source says (rule 13).

        Columns that say what they said when the record was read are left as they are stored: somebody else, or a
        reconcile, may have written them meanwhile (rule 10).

        Args:
            *args: As Django has them.
            saving: What is known of the save beforehand, if anything is.
            **kwargs: As Django has them.
        """
        with nullcontext() if connection.in_atomic_block else transaction.atomic(), self._being_saved(saving) as saving:
            saving.terms = self.begin_save()
            decisions = self.core_decisions
            job_saving.send(sender=type(self), instance=self, saving=saving)
            if not saving.is_ledger_known:
                self.forget_ledger()
            self.restore_source_values()
            queues = self._restore_queues(saving)
            _widen(kwargs, decided=self.core_decisions != decisions)
            saving.decides = self._leave_out_what_was_read(kwargs, saving)
            super().save(*args, **kwargs)
            self._forget_read(kwargs.get("update_fields"))
            if queues is not None and set(self.job_queues.all()) != set(queues):
                self.job_queues.set(queues)
            self.include_default_queue()
            job_saved.send(sender=type(self), instance=self, saving=saving)

    @contextmanager
    def _being_saved(self, saving: Saving | None) -> Iterator[Saving]:
        """Let the queues that are written with a record not have it saved again."""
        before, self.saving = self.saving, saving or Saving()
        try:
            yield self.saving
        finally:
            self.saving = before

    @classmethod
    def from_db(cls, db: str, field_names: Sequence[str], values: Sequence[Any]) -> SavingMixin:
        """Keep in mind what the record said as it was read."""
        instance = super().from_db(db, field_names, values)
        instance._note_read()
        return instance

    def refresh_from_db(self, using: str | None = None, fields: Collection[str] | None = None, **kwargs: Any) -> None:
        """Read the record, or some columns of it, again."""
        super().refresh_from_db(using=using, fields=fields, **kwargs)
        self._note_read(fields)

    @property
    def may_write_queues(self) -> bool:
        """Whether the queues may be written with a save: they are chosen, or what is decided of them changes."""
        values = self.__dict__
        names = ("job_queues_override", "default_job_queue_override", "default_job_queue_id")
        return bool(self.job_queues_override) or any(
            self._read.get(name, _UNREAD) != values.get(name) for name in names
        )

    def take_stored(self, stored: models.Model) -> None:
        """Have all columns that nobody has touched since they were read say what is stored now.

        Args:
            stored: The same record as it was just read, and locked.
        """
        for name, value in list(self._read.items()):
            now = stored.__dict__[name]
            if self.__dict__.get(name, _UNREAD) == value:
                if now != value:
                    setattr(self, name, now)
                self._read[name] = _copy(now)
        if self.current_revision_id == stored.current_revision_id:
            self.current_revision = stored.current_revision
        # Nobody but the registry writes it, and what an attempt wrote that was rolled back is not stored.
        self.core_decisions, self._read["core_decisions"] = stored.core_decisions, _copy(stored.core_decisions)

    def include_default_queue(self) -> None:
        """Keep the default queue among the queues, as Nautobot does."""
        if self.default_job_queue and self.default_job_queue not in self.job_queues.all():
            self.job_queues.add(self.default_job_queue)

    def forget_ledger(self) -> None:
        """Have the ledger read anew where it was read with many other records."""
        getattr(self, "_prefetched_objects_cache", {}).pop("field_overrides", None)

    def _note_read(self, fields: Collection[str] | None = None) -> None:
        """Keep in mind what columns say in the database: all that are loaded, or those of the named fields."""
        values = self.__dict__
        read = {name: _copy(values[name]) for name in _noted_columns(type(self), fields) if name in values}
        self._read = read if fields is None else self._read | read

    def _forget_read(self, fields: Collection[str] | None) -> None:
        """Have what has been written written again by each save until it is committed: it may be rolled back."""
        values = self.__dict__
        written = {name: _copy(values[name]) for name in _noted_columns(type(self), fields) if name in values}
        for name in written:
            self._read.pop(name, None)
        transaction.on_commit(lambda: self._read.update(written), robust=True)

    def _leave_out_what_was_read(self, kwargs: dict[str, Any], saving: Saving) -> bool:
        """Write only the columns that have been changed, and return whether a decision is or may be among them."""
        if self._state.adding or kwargs.get("update_fields") is not None or kwargs.get("force_insert"):
            return True
        kept = {name for name, value in self._read.items() if self.__dict__[name] == value}
        fields = [field for field in self._meta.concrete_fields if field.attname in self.__dict__]
        kwargs["update_fields"] = [
            field.name for field in fields if field.attname not in kept and not field.primary_key
        ]
        is_decided = not (DECIDED_ATTRIBUTES - {"enabled"}).isdisjoint(self.__dict__.keys() - kept)
        return is_decided or saving.queues is not None or saving.terms is not None

    def _restore_queues(self, saving: Saving) -> list[models.Model] | None:
        """Put the default queue back where it is not overridden, and return the queues that the record is to have.

        A queue that does not exist (any more) is left out: only a reconcile makes queues.

        Returns:
            Their rows; None where they stay as they are.
        """
        metadata = self.current_revision.metadata if self.current_revision else None
        values = restored_values(metadata, self.overridden_fields)
        names = values.get("job_queues") if saving.queues is None else saving.queues
        default = values.get("default_job_queue")
        if names is None and default is None:
            return None
        rows = self._queue_rows({*(names or ()), *([default] if default else ())})
        if default in rows:
            self.default_job_queue = rows[default]
        if names is None:
            return None
        chosen = self.default_job_queue.name if self.default_job_queue else None
        return [rows[name] for name in with_default_queue(names, chosen) if name in rows]

    def _queue_rows(self, names: set[str]) -> dict[str, models.Model]:
        """Return the rows of queues by their names; those that the record has already are not asked for again."""
        rows = {queue.name: queue for queue in (*self.job_queues.all(), self.default_job_queue) if queue}
        if names - rows.keys():
            queue_model = self._meta.get_field("default_job_queue").related_model
            rows |= {queue.name: queue for queue in queue_model.objects.filter(name__in=names - rows.keys())}
        return rows


# Stands for what was not read.
_UNREAD = object()


def _copy(value: Any) -> Any:
    """Return a value as it is now, whatever is changed in it later."""
    return deepcopy(value) if isinstance(value, (dict, list)) else value


def _noted_columns(model: Any, fields: Collection[str] | None = None) -> frozenset[str]:
    """Return the columns of which a record keeps in mind what they said: all, or those of the named fields."""
    noted: frozenset[str] = _all_noted_columns(model)
    if fields is None:
        return noted
    return noted & {field.attname for field in model._meta.concrete_fields if {field.name, field.attname} & {*fields}}


@cache
def _all_noted_columns(model: Any) -> frozenset[str]:
    left_out = {"id", "last_updated", "_custom_field_data"}
    return frozenset(field.attname for field in model._meta.concrete_fields if field.name not in left_out)


def _widen(kwargs: dict[str, Any], decided: bool) -> None:
    """Widen `update_fields`, so that a flag that is saved alone takes its restored value with it."""
    fields = kwargs.get("update_fields")
    if fields is not None:
        names = {*fields, *(DECIDED_COLUMNS if decided else ())}
        names.update(name for name in OVERRIDABLE_FIELDS if name != "job_queues" and override_flag(name) in names)
        kwargs["update_fields"] = names
