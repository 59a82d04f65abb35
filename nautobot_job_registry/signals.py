"""Handlers of Nautobot's signals: thin doors into the reconcile."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextvars import ContextVar
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import ProtectedError
from django.db.models.signals import post_migrate
from django.utils import timezone
from nautobot.extras.choices import ObjectChangeEventContextChoices
from nautobot.extras.signals import change_context_state

from nautobot_job_registry.core_bridge import change_log, host
from nautobot_job_registry.core_bridge.host import harmless
from nautobot_job_registry.models.choices import ReconciliationTriggerChoices
from nautobot_job_registry.models.constants import APP_NAME, STILL_INSTALLED

logger = logging.getLogger(__name__)

M2M_CHANGED = ("post_add", "post_remove", "post_clear")
# Before something is added Django has asked already what is there: whoever waited then would add it twice.
M2M_TAKING_AWAY = ("pre_remove", "pre_clear")
# Where an instance of a queue keeps the name that it was read with.
QUEUE_NAME = "_registry_name"
# Whether the queues of a job are being added or taken away just now, several at once.
_queues_are_set: ContextVar[bool] = ContextVar("job_registry_queues_are_set", default=False)


# The keys under which the reconcile waits for the end of a migration.
_AT_THE_END = "nautobot_job_registry.reconcile_at_the_end"
# Whether a migration goes on at whose end the registry is reconciled.
_is_awaited: ContextVar[bool] = ContextVar("job_registry_awaits_the_end", default=False)


def await_end_of_migration(sender: Any, **kwargs: Any) -> None:
    """Have the registry reconciled when all apps have done what they do after a migration.

    Apps enable and change jobs in their handlers of `nautobot_database_ready` and of `post_migrate`. Both are sent app
    by app, so that the last receiver of the last app's `post_migrate` comes after all of them. As a migration begins
    all apps are ready and have connected theirs.
    """
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    post_migrate.disconnect(sender=last, dispatch_uid=_AT_THE_END)
    post_migrate.connect(reconcile_at_the_end, sender=last, dispatch_uid=_AT_THE_END)
    _is_awaited.set(True)


def reconcile_at_the_end(sender: Any, *, using: str = "default", **kwargs: Any) -> None:
    """Reconcile as the last thing that is done after a migration."""
    _is_awaited.set(False)
    post_migrate.disconnect(sender=sender, dispatch_uid=_AT_THE_END)
    reconcile_after_migrate(sender, using=using)


def reconcile_as_the_database_is_ready(sender: Any, *, using: str = "default", **kwargs: Any) -> None:
    """Reconcile where the signal is sent and no migration goes on, at whose end that is done (`flush` is one case)."""
    if not _is_awaited.get():
        reconcile_after_migrate(sender, using=using)


def reconcile_after_migrate(sender: Any, *, using: str = "default", **kwargs: Any) -> None:
    """Reconcile after `migrate` and `post_upgrade`, unless the tables are not those of the models (M5, rule 11).

    Core has loaded all job code and refreshed its own rows when this is called, so that nothing is loaded again.
    """
    from nautobot_job_registry.reconcile import reconcile

    if not settings.PLUGINS_CONFIG[APP_NAME]["reconcile_after_migrate"]:
        return
    try:
        if host.is_migrated(using):
            reconcile(trigger=ReconciliationTriggerChoices.POST_MIGRATE, reload=False)
        else:
            logger.info(
                "The job registry is not reconciled: its tables, or Nautobot's, are not migrated to the latest."
            )
    except Exception:
        # Whatever it was has been stored and logged with its traceback; the migration goes on as it would without us.
        logger.error("The job registry could not be reconciled; run `nautobot-server reconcile_jobs` to try again.")


def refuse_deletion_while_installed(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Keep the record of an installed job, by whatever way its deletion is asked for (rule 19).

    Raises:
        ProtectedError: If the job is installed.
    """
    if instance.installed:
        raise ProtectedError(STILL_INSTALLED, {instance})


def prepare_deletion(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Keep what hangs on a record that is about to be deleted, by whatever way, in the same transaction (rule 19).

    A failure is not swallowed: it keeps the record, and with it what would be lost.
    """
    from nautobot_job_registry.lifecycle import deletion

    deletion.keep_what_hangs_on([instance])


def delete_core_job(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Delete Nautobot's own row of a job with its record, in the same transaction (M9)."""
    from nautobot_job_registry.core_bridge import dependents as core_dependents

    if instance.core_job_id:
        core_dependents.delete_core_row(instance.core_job_id)


def prepare_decision(sender: Any, instance: Any, saving: Any, **kwargs: Any) -> None:
    """Look at core's row before a record is saved that decides anything (rule 16)."""
    from nautobot_job_registry.core_bridge import agreement

    agreement.agree_before_saving(instance, saving)


def note_decision(sender: Any, instance: Any, saving: Any, **kwargs: Any) -> None:
    """Note in the ledger what was decided in a record."""
    from nautobot_job_registry.overrides import ledger

    if saving.decides:
        ledger.note_saved(instance, saving)
        instance.forget_ledger()


def decide_in_core(sender: Any, instance: Any, saving: Any, **kwargs: Any) -> None:
    """Write to core what was decided in a record (rule 16)."""
    from nautobot_job_registry.core_bridge import agreement

    agreement.push_decisions(instance, saving)


def leave_loaded_record_alone(sender: Any, instance: Any, raw: bool = False, **kwargs: Any) -> None:
    """Have the queues of a record that `loaddata` stores written as they are: the file has all the other rows, too."""
    from nautobot_job_registry.models.saving import Saving

    if raw:
        instance.saving = Saving()


def note_changed_queues(sender: Any, instance: Any, action: str, reverse: bool, **kwargs: Any) -> None:
    """Save an override of the queues, which are written after the record; keep the default queue among the others."""
    if action not in M2M_CHANGED or reverse or instance.saving is not None:
        return
    if instance.job_queues_override:
        instance.save(update_fields=["last_updated"])
    else:
        instance.include_default_queue()


def note_queue(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Keep in mind what a queue was called when it was read."""
    instance.__dict__[QUEUE_NAME] = instance.__dict__.get("name")


def follow_renamed_queue(sender: Any, instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    """Have the registry call a queue by its new name."""
    from nautobot_job_registry.overrides import ledger

    old = instance.__dict__.get(QUEUE_NAME)
    if not (created or raw) and old and old != instance.name:
        rename = partial(ledger.rename_queue, old, instance.name)
        host.now_or_after_commit(rename, what=f"call the queue {old} by its new name {instance.name}")
        note_queue(sender, instance)


def note_core_job(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Keep in mind what a row of core's said when it was read."""
    from nautobot_job_registry.core_bridge import agreement

    agreement.note_core_row(instance)


def look_at_core_job(sender: Any, instance: Any, raw: bool = False, update_fields: Any = None, **kwargs: Any) -> None:
    """See what core's row says before it is saved, and what is decided with it."""
    from nautobot_job_registry.core_bridge import agreement, rows

    if raw or instance._state.adding or rows.is_our_own_write() or change_log.is_bulk_edit():
        return
    try:
        agreement.look_at_core_row(instance, update_fields)
    except DatabaseError:
        # The transaction is lost, and with it what Nautobot is about to save.
        raise
    except Exception:
        if _is_a_person():
            raise
        logger.exception("The job registry could not look at %s; the next reconcile does.", instance)


def take_over_from_core(
    sender: Any, instance: Any, created: bool, raw: bool = False, update_fields: Any = None, **kwargs: Any
) -> None:
    """Take over what was decided in core (rule 16); a row that is new there is for the next reconcile."""
    from nautobot_job_registry.core_bridge import agreement

    decided = agreement.take_news(instance)
    if change_log.is_bulk_edit() and not (created or raw):
        _take_over_at_the_end(instance, agreement.look_at_bulk_edit(instance))
    elif decided is not None:
        _pull(instance, decided)
    transaction.on_commit(partial(agreement.note_core_row, instance, update_fields), robust=True)


def take_over_queues_from_core(
    sender: Any, instance: Any, action: str, reverse: bool, pk_set: Any = None, **kwargs: Any
) -> None:
    """Take over the queues that were chosen in core, where they are overridden there.

    Whoever has read the row before they were gives it the queues of the source: what is stored tells that later.
    """
    _queues_are_set.set(action not in M2M_CHANGED)
    if action in M2M_TAKING_AWAY and not reverse:
        _lock_before_queues(instance)
    # Core adds the default queue whenever it saves a row, which tells nothing where it was there.
    if action not in M2M_CHANGED or (pk_set is not None and not pk_set):
        return
    if reverse:
        jobs = sender._meta.get_field("job").related_model.objects
        found = list(jobs.filter(job_queues_override=True, pk__in=pk_set or ()))
    else:
        found = [instance] if instance.job_queues_override else []
    for job in found:
        _take_over_queues(job)


def _lock_before_queues(job: Any) -> None:
    from nautobot_job_registry.core_bridge import both_sides

    both_sides.lock_before_queues(job)


def take_over_assigned_queue(sender: Any, instance: Any, raw: bool = False, origin: Any = None, **kwargs: Any) -> None:
    """Take over a queue that was given to a job, or taken from it, by itself: the only way that core's REST knows.

    With a job that is deleted nothing is decided about its queues, and of queues that are set together another signal
    tells.
    """
    from nautobot_job_registry.core_bridge import rows

    job_model = sender._meta.get_field("job").related_model
    if raw or rows.is_our_own_write() or _queues_are_set.get() or getattr(origin, "model", type(origin)) is job_model:
        return
    if instance.job.job_queues_override:
        _take_over_queues(instance.job)


def _take_over_queues(job: Any) -> None:
    from nautobot_job_registry.core_bridge import rows

    if rows.is_our_own_write():
        return
    if change_log.is_bulk_edit():
        _take_over_at_the_end(job, {"job_queues"})
    else:
        _pull(job, {"job_queues"})


def _pull(job: Any, decided: Collection[str]) -> None:
    """Take over what is decided in core's row. Where no person waits for it, a failure is for the next reconcile.

    Core gives names by itself as it refreshes its rows, and would take our failure for one of the sync (rule 11).
    """
    from nautobot_job_registry.core_bridge import agreement
    from nautobot_job_registry.sources import discovery

    name = discovery.loaded_name(job.class_path)
    pull = partial(agreement.pull_decisions, job, decided=decided, source_name=name)
    if _is_a_person():
        pull()
    else:
        what = f"take over what was decided in Nautobot's own job {job.class_path}; the next reconcile does it"
        host.now_or_after_commit(pull, what=what)


def _is_a_person() -> bool:
    """Say whether what is saved just now is a person's edit, and not that of a job or a script."""
    context = change_context_state.get()
    return context is not None and context.context != ObjectChangeEventContextChoices.CONTEXT_JOB


def _take_over_at_the_end(job: Any, decided: Collection[str]) -> None:
    """Take over the decisions of a bulk edit all at once, and once only, as soon as it is committed.

    One by one they would cost some statements each.
    """
    if not decided:
        return
    context = change_context_state.get()
    told = context.__dict__.setdefault("_job_registry_told", {})
    if not told:
        user = context.get_user()
        transaction.on_commit(lambda: _take_over_all(told, user), robust=True)
    told.setdefault(job.pk, set()).update(decided)


def _take_over_all(told: dict[Any, set[str]], user: Any) -> None:
    from nautobot_job_registry.reconcile import take_over_core

    decided = dict(told)
    told.clear()
    with harmless("take over what was edited in Nautobot's own jobs; the next reconcile does it"):
        take_over_core(decided, user=user)


def record_what_core_switches_off(sender: Any, instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    """Record what core is about to switch off with a job that is not installed (rule 18)."""
    from nautobot_job_registry.core_bridge import dependents as core_dependents
    from nautobot_job_registry.lifecycle.suspensions import suspending

    if created or raw or instance.installed:
        return
    what = f"record what Nautobot switches off with the job {instance.class_path}"
    with harmless(what):
        dependents = core_dependents.about_to_be_switched_off(instance)
        if dependents:
            record = partial(suspending.record_switching_off, instance, dependents, timezone.now())
            host.now_or_after_commit(record, what=what)


def record_deletion_of_suspended(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Note that a schedule, hook or button that was suspended is deleted."""
    from nautobot_job_registry.lifecycle.suspensions import suspending

    with harmless(f"end the suspension of {instance}, which was deleted"):
        suspending.record_deletion(instance)


def anchor_new_run(
    sender: Any, instance: Any, created: bool, raw: bool = False, using: str = "default", **kwargs: Any
) -> None:
    """Anchor a run that is asked for (M2)."""
    from nautobot_job_registry.runs import anchoring

    if created and not raw:
        host.now_or_after_commit(partial(anchoring.anchor_run, instance, using), what="anchor a run", using=using)


def anchor_new_schedule(
    sender: Any, instance: Any, created: bool, raw: bool = False, using: str = "default", **kwargs: Any
) -> None:
    """Anchor a schedule that is made (M2)."""
    from nautobot_job_registry.runs import anchoring

    if created and not raw:
        anchor = partial(anchoring.anchor_schedule, instance, using)
        host.now_or_after_commit(anchor, what="anchor a schedule", using=using)


def note_loaded_code(sender: Any = None, **kwargs: Any) -> None:
    """Hash the code that a worker has loaded as it starts, before anything on the disk is changed."""
    from nautobot_job_registry.sources import discovery, loaded_code

    with harmless("hash the code that the worker has loaded"):
        loaded_code.hash_loaded_files(discovery.loaded_classes())
