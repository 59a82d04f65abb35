"""The door through which a Git sync refreshes the records of the repository's jobs (M6)."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from nautobot.apps.datasources import DatasourceContent
from nautobot.extras.choices import LogLevelChoices

from nautobot_job_registry.engine.descriptor import SourceType
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models.attempts import GIVEN_UP
from nautobot_job_registry.models.choices import ReconciliationTriggerChoices
from nautobot_job_registry.models.constants import APP_NAME
from nautobot_job_registry.reconcile import report

logger = logging.getLogger(__name__)

# Core's own callback for jobs, which has loaded the code by then, has the weight 300.
WEIGHT = 310
GROUPING = "job registry"
NOT_RECONCILED = "The job registry could not be reconciled: {error}. The sync goes on; {next}."
AFTER_THE_SYNC = "it is tried again when the sync has been committed"
LATER = "the next reconcile mends it"
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
    if not settings.PLUGINS_CONFIG[APP_NAME]["reconcile_after_git_sync"]:
        return
    _refresh(repository_record, job_result, delete)


def _refresh(repository_record: Any, job_result: Any, delete: bool) -> None:
    try:
        outcome = _reconcile(repository_record, job_result, delete)
    except Exception as error:
        again = isinstance(error, GIVEN_UP) and connection.in_atomic_block
        if again:
            # Only whoever began the transaction could begin it anew, and the sync does not.
            transaction.on_commit(partial(_refresh, repository_record, job_result, delete), robust=True)
        message = NOT_RECONCILED.format(error=str(error).strip(), next=AFTER_THE_SYNC if again else LATER)
        job_result.log(message, level_choice=LogLevelChoices.LOG_WARNING, grouping=GROUPING)
    else:
        if outcome is not None:
            _log(outcome, job_result)


def _log(outcome: Any, job_result: Any) -> None:
    """Tell a sync's log what was done; what could not be loaded is told one by one, and never as an error (rule 11)."""
    failed = [entry for entry in report.outcome_as_json(outcome) if entry.get("message")]
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
