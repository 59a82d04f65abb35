"""The door through which a Git sync refreshes the records of the repository's jobs (M6)."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import Any

from celery import current_task
from django.conf import settings
from django.db import connection, transaction
from nautobot.apps.datasources import DatasourceContent
from nautobot.apps.events import EventBroker, register_event_broker
from nautobot.extras.choices import LogLevelChoices
from nautobot.extras.models import JobResult

from nautobot_job_registry.core_bridge.host import harmless
from nautobot_job_registry.engine.descriptor import SourceType
from nautobot_job_registry.engine.text import log_text
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models.attempts import GIVEN_UP
from nautobot_job_registry.models.choices import ReconciliationTriggerChoices
from nautobot_job_registry.models.constants import APP_NAME
from nautobot_job_registry.reconcile import report
from nautobot_job_registry.sources import failed_loads

logger = logging.getLogger(__name__)

# Core's own callback for jobs, which has loaded the code by then, has the weight 300.
WEIGHT = 310
GROUPING = "job registry"
NOT_RECONCILED = "The job registry could not be reconciled: {error}. The sync goes on; {next}."
AFTER_THE_SYNC = "it is tried again when the sync has been committed"
LATER = "the next reconcile mends it"
SYNC = "nautobot.core.jobs.GitRepositorySync"
SYNC_STARTED, SYNC_ENDED = "nautobot.jobs.job.started", "nautobot.jobs.job.completed"
# How many load errors the log of a sync tells of; the list of load errors has all of them.
MAX_WARNINGS = 50


def refresh_registered_jobs(repository_record: Any, job_result: Any, delete: bool = False) -> None:
    """Reconcile the jobs of one Git repository.

    It is called for every repository that is synced or deleted, inside the transaction of the sync, and never makes
    the sync fail: what goes wrong is logged as a warning, as an error in the job's log would roll the sync back
    (rule 11). Of a sync that is going to be rolled back anyway, only the load errors are kept (rule 12).

    Args:
        repository_record: The repository.
        job_result: The run of the sync.
        delete: Whether the repository is being deleted.
    """
    failed_loads.unwatch()
    if not settings.PLUGINS_CONFIG[APP_NAME]["reconcile_after_git_sync"]:
        return
    _refresh(repository_record, job_result, delete)


def _refresh(repository_record: Any, job_result: Any, delete: bool) -> None:
    try:
        outcome = _reconcile(repository_record, job_result, delete)
    except Exception as error:
        again = isinstance(error, GIVEN_UP) and _will_be_committed(job_result)
        if again:
            # Only whoever began the transaction could begin it anew, and the sync does not.
            transaction.on_commit(partial(_refresh, repository_record, job_result, delete), robust=True)
        message = NOT_RECONCILED.format(error=log_text(str(error).strip()), next=AFTER_THE_SYNC if again else LATER)
        job_result.log(message, level_choice=LogLevelChoices.LOG_WARNING, grouping=GROUPING)
    else:
        if outcome is not None:
            _log(outcome, job_result)


def _will_be_committed(job_result: Any) -> bool:
    """Say whether a sync goes on to be committed, as far as is known."""
    from nautobot_job_registry.reconcile import rejected_sync

    return connection.in_atomic_block and not rejected_sync.is_rejected(job_result)


def _log(outcome: Any, job_result: Any) -> None:
    """Tell a sync's log what was done; what could not be loaded is told one by one, and never as an error (rule 11)."""
    told = sentences.facets(report.outcome_as_json(outcome))
    failed = [entry for entry in told if entry.get("message") or sentences.group_of(entry).needs_a_look]
    for entry in failed[:MAX_WARNINGS]:
        job_result.log(sentences.sentence(entry), level_choice=LogLevelChoices.LOG_WARNING, grouping=GROUPING)
    job_result.log(report.summary_line(outcome.counts()), level_choice=LogLevelChoices.LOG_INFO, grouping=GROUPING)


def _reconcile(repository: Any, job_result: Any, delete: bool) -> Any:
    from nautobot_job_registry.reconcile import reconcile, reconcile_source_gone, rejected_sync

    stored = job_result if job_result.present_in_database else None
    user = getattr(job_result, "user", None)
    if delete or "extras.job" not in repository.provided_contents:
        if not _is_known(repository.slug):
            return None
        return reconcile_source_gone(repository.slug, user=user, job_result=stored)
    if connection.in_atomic_block and rejected_sync.is_rejected(job_result):
        return rejected_sync.keep_load_errors(repository.slug, user=user, job_result=stored)
    return reconcile(
        f"git:{repository.slug}",
        trigger=ReconciliationTriggerChoices.GIT_SYNC,
        user=user,
        job_result=stored,
        reload=False,
    )


def _is_known(slug: str) -> bool:
    """Say whether there is anything to do about a repository that provides no jobs: most never have."""
    from nautobot_job_registry.models import JobLoadError, Reconciliation, RegisteredJob

    of_repository = {"source_type": SourceType.GIT.value, "source_name": slug}
    return (
        RegisteredJob.objects.filter(**of_repository).exists()
        or JobLoadError.objects.filter(**of_repository, resolved_at=None).exists()
        or Reconciliation.objects.is_unmended(f"git:{slug}")
    )


class SyncEvents(EventBroker):
    """Takes Nautobot's events about its Git syncs, in the process that runs them, and passes nothing on.

    Nautobot may end a sync before it asks us. What the files of the new commit raised is noted as it is raised, and
    kept when the run has come to its end, whatever ended it, and all has been rolled back (rule 12).
    """

    def publish(self, *, topic: str, payload: Any) -> None:
        """Note what is raised from the beginning of a sync on; at its end, keep what nobody has told of."""
        request = current_task.request if current_task else None
        if request is None or not request.args or request.args[0] != SYNC:
            return
        with harmless("keep what a Git sync could not load"):
            if topic == SYNC_STARTED:
                failed_loads.watch()
            else:
                _keep_what_was_noted(json.loads(payload)["job_result_id"])


def listen_to_syncs() -> None:
    """Take the events from now on."""
    register_event_broker(SyncEvents(include_topics=[SYNC_STARTED, SYNC_ENDED]))


def _keep_what_was_noted(job_result_id: str) -> None:
    from nautobot_job_registry.reconcile import rejected_sync

    noted = failed_loads.unwatch()
    if not noted or not settings.PLUGINS_CONFIG[APP_NAME]["reconcile_after_git_sync"]:
        return
    job_result = JobResult.objects.get(pk=job_result_id)
    for slug in sorted({failure.source.name for failure in noted}):
        failures = [failure for failure in noted if failure.source.name == slug]
        _log(rejected_sync.keep_failures(failures, slug, user=job_result.user, job_result=job_result), job_result)


datasource_contents = [
    (
        "extras.gitrepository",
        DatasourceContent(
            name="registered jobs",
            content_identifier="nautobot_job_registry.registeredjob",
            icon="mdi-database-search",
            callback=refresh_registered_jobs,
            weight=WEIGHT,
        ),
    )
]
