"""A reconcile that a person asks for: who may, what it would do, and its run in a worker.

Pages and REST API share this door. A plan is made here and now; a real run is a run of the app's own job.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.http import urlencode
from nautobot.apps.utils import get_permission_for_model
from nautobot.extras.models import JobResult

from nautobot_job_registry.core_bridge import own_jobs
from nautobot_job_registry.core_bridge.permissions import NotPermittedError
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.models import Reconciliation
from nautobot_job_registry.models.choices import ReconciliationStatusChoices, ReconciliationTriggerChoices
from nautobot_job_registry.models.constants import APP_NAME
from nautobot_job_registry.reconcile import reconcile
from nautobot_job_registry.reconcile.plan import Plan
from nautobot_job_registry.sources import discovery

ALL = "all"
ADD = get_permission_for_model(Reconciliation, "add")
RECONCILE_JOB = "nautobot_job_registry.jobs.ReconcileJobRegistry"


def known_scopes() -> tuple[str, ...]:
    """Return what can be asked for: `all`, and the label of each source of jobs that exists now."""
    return (ALL, *discovery.known_sources())


def plan_on_request(user: Any, source: str | None) -> Plan:
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


def begin_on_request(user: Any, source: str | None, *, plan_digest: str = "", enable: bool = False) -> JobResult:
    """Have a worker reconcile, as a run of the app's own job in the name of a user.

    Args:
        user: Who asks; needs the right to add a reconciliation, and the right to run the job.
        source: The label of the only source to read, or None or `all` for all of them.
        plan_digest: The digest of the plan that the user has seen, if the worker is to carry out none but that one.
        enable: Whether the job is enabled first, which takes the right to change it; it stays so if the run begins.

    Returns:
        The run, which has not ended yet.

    Raises:
        NotPermittedError: If the user has not the rights.
        NotRunnableError: If the job is not installed or not enabled, or if a run needs an approval.
        NoWorkerError: If no worker listens to the default queue of the job.
        UnknownSourceError: If there is no such source.
    """
    scope = _permitted_scope(user, source)
    arguments = {"source": scope or "", "dryrun": False, "plan_digest": plan_digest}
    # Whatever keeps the run from beginning takes the enabling back.
    with transaction.atomic() if enable else nullcontext():
        if enable:
            own_jobs.enable(RECONCILE_JOB, user)
        return own_jobs.run_own_job(RECONCILE_JOB, user, arguments)


def plan_address(source: str) -> str:
    """Return the address of the page with the plan of a source.

    Args:
        source: Its label, or `all`.
    """
    return f"{reverse(f'plugins:{APP_NAME}:reconcile_now')}?{urlencode({'source': source})}"


def may_begin_reconcile(user: Any) -> bool:
    """Return whether a user has the rights for a real run, whatever the state of the job."""
    return user.has_perm(ADD) and own_jobs.may_run(RECONCILE_JOB, user)


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
