"""A reconcile that a person asks for: who may, what it would do, and its run in a worker.

Pages and REST API share this door. A plan is made here and now; a real run is a run of the app's own job.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from nautobot.apps.utils import get_permission_for_model, get_worker_count
from nautobot.extras.choices import JobQueueTypeChoices
from nautobot.extras.models import Job, JobResult, ScheduledJob

from nautobot_job_registry import discovery
from nautobot_job_registry.choices import ReconciliationStatusChoices, ReconciliationTriggerChoices
from nautobot_job_registry.core_bridge import job_arguments
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.engine.plan import Plan
from nautobot_job_registry.models import Reconciliation
from nautobot_job_registry.reconcile import reconcile

ALL = "all"
ADD = get_permission_for_model(Reconciliation, "add")
JOB_MODULE = "nautobot_job_registry.jobs"
JOB_CLASS = "ReconcileJobRegistry"


class ReconcileNowError(Exception):
    """A reconcile that was asked for is not begun, and nothing was changed."""


class NotPermittedError(ReconcileNowError):
    """The user has not the rights that it takes."""


class NotRunnableError(ReconcileNowError):
    """Nautobot's own record of the job says that it cannot be run now, or not from here."""


class NoWorkerError(ReconcileNowError):
    """No worker is there that would run the job."""


def sources() -> tuple[str, ...]:
    """Return what can be asked for: `all`, and the label of each source of jobs that exists now."""
    return (ALL, *discovery.known_sources())


def make_plan(user: Any, source: str | None) -> Plan:
    """Return what a reconcile would do now, and write nothing; all job code is loaded in this process.

    Args:
        user: Who asks; needs the right to add a reconciliation.
        source: The label of the only source to read, or None or `all` for all of them.

    Raises:
        NotPermittedError: If the user has not the right.
        UnknownSourceError: If there is no such source.
    """
    scope = _permitted_scope(user, source)
    return reconcile(scope, dry_run=True, trigger=ReconciliationTriggerChoices.JOB, user=user).plan


def begin(user: Any, source: str | None) -> JobResult:
    """Have a worker reconcile, as a run of the app's own job in the name of a user.

    Args:
        user: Who asks; needs the right to add a reconciliation, and the right to run the job.
        source: The label of the only source to read, or None or `all` for all of them.

    Returns:
        The run, which has not ended yet.

    Raises:
        NotPermittedError: If the user has not the rights.
        NotRunnableError: If the job is not installed or not enabled, or if a run needs an approval.
        NoWorkerError: If no worker listens to the default queue of the job.
        UnknownSourceError: If there is no such source.
    """
    scope = _permitted_scope(user, source)
    job = job_to_run(user)
    arguments = {"source": scope or "", "dryrun": False}
    if _needs_approval(job, user, arguments):
        raise NotRunnableError(f"A run of the job {job.name!r} needs an approval: ask for it on the job's own page.")
    queue = job.default_job_queue
    if queue.queue_type == JobQueueTypeChoices.TYPE_CELERY and not get_worker_count(queue=queue):
        raise NoWorkerError(
            f"Nothing was done: no worker listens to the queue {queue.name!r}. Start one, and try again."
        )
    return JobResult.enqueue_job(job, user, job_queue=queue, **job_arguments(arguments))


def may_begin(user: Any) -> bool:
    """Return whether a user has the rights for a real run, whatever the state of the job."""
    return user.has_perm(ADD) and _core_jobs().restrict(user, "run").exists()


def job_to_run(user: Any) -> Job:
    """Return Nautobot's own record of the job that reconciles.

    Args:
        user: Who wants to run it.

    Raises:
        NotPermittedError: If the user may not run it.
        NotRunnableError: If it is not installed or not enabled.
    """
    job = _core_jobs().select_related("default_job_queue").first()
    if job is None or not job.installed:
        raise NotRunnableError(
            f"Nautobot does not know the job {JOB_MODULE}.{JOB_CLASS}: run `nautobot-server post_upgrade` first."
        )
    if not _core_jobs().restrict(user, "run").exists():
        raise NotPermittedError(f"You have not the right to run the job {job.name!r}.")
    if not job.enabled:
        raise NotRunnableError(
            f"The job {job.name!r} is not enabled. Somebody who may change it has to enable it first: "
            f"Jobs → Jobs → {job.name} → Edit → Enabled."
        )
    return job


def _core_jobs() -> Any:
    return Job.objects.filter(module_name=JOB_MODULE, job_class_name=JOB_CLASS)


def _permitted_scope(user: Any, source: str | None) -> str | None:
    scope = None if source in (None, ALL) else source
    if not user.has_perm(ADD):
        raise NotPermittedError("You have not the right to add a reconciliation.")
    known = discovery.known_sources()
    if scope is not None and scope not in known:
        raise UnknownSourceError(scope, known)
    if not _may_add(user, scope or ALL):
        raise NotPermittedError(f"You have not the right to add a reconciliation of {scope or ALL}.")
    return scope


def _may_add(user: Any, scope: str) -> bool:
    """Ask the constraints of the right as core does: of a row that is there, and that is taken back again."""
    with transaction.atomic():
        row = Reconciliation(
            trigger=ReconciliationTriggerChoices.JOB,
            scope=scope,
            status=ReconciliationStatusChoices.SUCCEEDED,
            user=user,
        )
        row.save()
        permitted = Reconciliation.objects.restrict(user, "add").filter(pk=row.pk).exists()
        transaction.set_rollback(True)
    return permitted


def _needs_approval(job: Job, user: Any, arguments: dict[str, Any]) -> bool:
    """Ask core whether a run has to be approved, which it says of a schedule that is there only."""
    with transaction.atomic():
        queue = job.default_job_queue
        schedule = ScheduledJob.create_schedule(job, user, job_queue=queue, **job_arguments(arguments))
        needed = schedule.has_approval_workflow_definition()
        transaction.set_rollback(True)
    return needed
