"""What is done to a real Nautobot, and what it says: the only part of the walk that touches its rows.

Set Nautobot up before this is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection, connections
from django.db.migrations.state import ProjectState
from django.test import Client
from kombu import pools
from nautobot.core.celery import app
from nautobot.core.utils.cache import construct_cache_key
from nautobot.extras.models import GitRepository, Job, JobButton, JobHook, JobQueue, JobResult, ScheduledJob
from nautobot.extras.registry import registry
from nautobot.extras.signals import refresh_job_models
from nautobot.extras.utils import get_celery_queues

from development.chaos.figures import Figures
from development.chaos.oracle import GIT, LOCAL, SLUG, JobState
from nautobot_job_registry import signals
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.models import JobRun, JobSchedule, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile

SCOPES = {None: None, LOCAL: "local", GIT: f"git:{SLUG}"}
QUEUES = ("day", "night", "late")
ADDRESS = "/api/plugins/job-registry/registered-jobs/"
CORE_ADDRESS = "/api/extras/jobs/"
SYNC = ("nautobot.core.jobs", "GitRepositorySync")


class World:
    """A Nautobot that is walked through.

    Attributes:
        figures: Counts what is done.
        client: Asks REST as an administrator.
    """

    def __init__(self, figures: Figures) -> None:
        """Make an administrator, and the models as a migration hands them to those who listen."""
        self.figures = figures
        users = get_user_model().objects
        self.user = users.filter(username="chaos").first() or users.create_superuser("chaos", "c@example.com", "chaos")
        self.client = Client(HTTP_HOST="localhost", raise_request_exception=False)
        self.client.force_login(self.user)
        # Core asks all workers for their queues when it logs a change, and waits a second for them. There are none.
        cache.set(construct_cache_key(get_celery_queues, branch_aware=False), {}, timeout=None)
        self.historical = ProjectState.from_apps(apps).apps

    def begin(self, url: str) -> None:
        """Put everything back to the beginning."""
        self._forget_what_is_loaded()
        for model in (JobHook, JobButton, ScheduledJob):
            model.objects.filter(name__startswith="Chaos").delete()
        JobRun.objects.exclude(class_path__startswith="nautobot").delete()
        JobSchedule.objects.all().delete()
        JobResult.objects.all().delete()
        empty_registry()
        Job.objects.exclude(module_name__startswith="nautobot").delete()
        JobQueue.objects.exclude(name="default").delete()
        for name in QUEUES:
            JobQueue.objects.create(name=name, queue_type="celery")
        values = {"name": SLUG, "branch": "main", "current_head": "", "provided_contents": ["extras.job"]}
        GitRepository.objects.update_or_create(slug=SLUG, defaults={**values, "remote_url": url})

    def _forget_what_is_loaded(self) -> None:
        """Be as a process that has just started: it has loaded no jobs of ours yet."""
        for path in list(registry["jobs"]):
            if not path.startswith("nautobot"):
                del registry["jobs"][path]
        for name in [name for name in sys.modules if name.partition(".")[0] == SLUG]:
            del sys.modules[name]

    # Doors

    def migrate(self) -> None:
        """Do what a `migrate` with nothing to apply does: core's refresh on its historical models, and then ours."""
        self.refresh_core()
        signals.reconcile_after_migrate(sender=None)
        self.figures.add("reconciles")

    def refresh_core(self) -> None:
        """Refresh core's own rows as a migration does."""
        self._forget_what_is_loaded()
        refresh_job_models(sender=None, apps=self.historical)
        self.figures.add("refreshes")

    def reconcile(self, place: str | None) -> None:
        """Reconcile one source, or all, as the command does."""
        self._forget_what_is_loaded()
        reconcile(SCOPES[place])
        self.figures.add("reconciles")

    def sync(self) -> bool:
        """Sync the repository by core's own job, and say whether that ended well."""
        job = Job.objects.get(module_name=SYNC[0], job_class_name=SYNC[1])
        repository = GitRepository.objects.get(slug=SLUG)
        self.figures.add("syncs")
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
            result = JobResult.execute_job(job, self.user, job_kwargs={"repository": str(repository.pk)})
        result.refresh_from_db()
        return bool(result.status == "SUCCESS")

    def is_in_step(self, place: str | None) -> tuple[bool, str]:
        """Say whether there is nothing to do now for a source, or for all, and what there is."""
        plan = reconcile(SCOPES[place], dry_run=True, reload=False).plan
        return plan.is_empty, "" if plan.is_empty else repr(plan)[:3000]

    def last_failure(self) -> str:
        """Return what the last reconcile says that went wrong."""
        last = Reconciliation.objects.order_by("-finished").first()
        return last.error[-1500:] if last is not None and last.status == "failed" else ""

    # Violence

    def killed(self, work: Callable[[], Any], seconds: float) -> None:
        """Begin a work in a process of its own, and kill it: it gets none of our connections."""
        connections.close_all()
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                pools.reset()
                app._after_fork()
                work()
            os._exit(0)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.figures.add("kills")
        for lock in Path(settings.GIT_ROOT).glob(f"{SLUG}/.git/*.lock"):
            # What is left by a git that was killed is core's to clear up, and it does not.
            lock.unlink()

    def terminated(self, work: Callable[[], Any], seconds: float) -> None:
        """Do a work whose connection the database ends meanwhile."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = cursor.fetchone()[0]
        timer = threading.Timer(seconds, self._terminate, [backend])
        timer.start()
        with contextlib.suppress(DatabaseError, InterfaceError):
            work()
        timer.cancel()
        timer.join()
        connections.close_all()

    def _terminate(self, backend: int) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
            self.figures.add("terminated")
        finally:
            connection.close()

    # Rows

    def record(self, job: JobState) -> RegisteredJob | None:
        """Return the record of a job."""
        return RegisteredJob.objects.filter(module_name=job.module_name, job_class_name=job.class_name).first()

    def core(self, job: JobState) -> Job | None:
        """Return core's row of a job."""
        return Job.objects.filter(module_name=job.module_name, job_class_name=job.class_name).first()

    def row(self, side: str, job: JobState) -> Any:
        """Return the row of a job on one of the two sides: `ours` or `core`."""
        return self.record(job) if side == "ours" else self.core(job)

    def dependent(self, kind: str, name: str) -> Any:
        """Return a schedule, hook or button."""
        model = {"schedule": ScheduledJob, "hook": JobHook, "button": JobButton}[kind]
        return model.objects.filter(name=name).first()

    # REST

    def patch(self, address: str, body: dict[str, Any]) -> int:
        """Send a PATCH, and return the status of the answer; any error is counted."""
        return self._counted(self.client.patch(address, json.dumps(body), content_type="application/json"), address)

    def post(self, address: str, body: dict[str, Any]) -> int:
        """Send a POST."""
        return self._counted(self.client.post(address, json.dumps(body), content_type="application/json"), address)

    def delete(self, address: str) -> int:
        """Send a DELETE."""
        return self._counted(self.client.delete(address), address)

    def _counted(self, answer: Any, address: str) -> int:
        status = int(answer.status_code)
        self.last_answer = answer.content.decode(errors="replace")[:600]
        if status >= 500:
            self.figures.find("answers_500", f"{address} answered {status}: {self.last_answer}")
        return status


def put(row: Any, name: str, value: Any) -> None:
    """Set the value of a field; queues are rows of their own, and set by `put_queues`."""
    if name == "default_job_queue":
        row.default_job_queue = JobQueue.objects.get(name=value)
    elif name != "job_queues":
        setattr(row, name, value)


def put_queues(row: Any, name: str, value: Any) -> None:
    """Set the queues of a row that has been saved, where they are what was decided."""
    if name == "job_queues":
        row.job_queues.set(JobQueue.objects.filter(name__in=value))


def said(row: Any, name: str) -> Any:
    """Return what a row says of a field, queues by name."""
    if name == "job_queues":
        return frozenset(row.job_queues.values_list("name", flat=True))
    if name == "default_job_queue":
        return row.default_job_queue.name if row.default_job_queue_id else None
    return getattr(row, name)


def as_body(name: str, value: Any) -> dict[str, Any]:
    """Return the members of a request that override a field."""
    sent = value
    if name == "default_job_queue":
        sent = str(JobQueue.objects.get(name=value).pk)
    elif name == "job_queues":
        sent = [str(pk) for pk in JobQueue.objects.filter(name__in=value).values_list("pk", flat=True)]
    return {name: sent, f"{name}_override": True}


def moments(rng: random.Random, most: float) -> Iterator[float]:
    """Yield moments to strike at: many at once, some later."""
    while True:
        yield most * rng.random() ** 2
