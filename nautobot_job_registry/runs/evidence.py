"""Which code a run executes: told by the process that executes it, as it begins.

Nautobot publishes an event when it has loaded the code of a job and is about to execute it: in a worker, in the pod of
a Kubernetes queue, in the process of a console log, and in `nautobot-server runjob --local`. Celery's own signal comes
before the code is loaded.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from celery import current_task
from nautobot.apps.events import EventBroker, register_event_broker

from nautobot_job_registry.core_bridge.host import harmless
from nautobot_job_registry.runs import anchoring
from nautobot_job_registry.sources import discovery, loaded_code

logger = logging.getLogger(__name__)


def record_run_code(class_path: str, job_result_id: str, worker: str) -> None:
    """Store what the code of a run is, in one statement.

    Args:
        class_path: The dotted path of the class, which this process has loaded.
        job_result_id: The primary key of the result.
        worker: The name of the worker, or of the host where there is none.
    """
    job_class = discovery.loaded_class(class_path)
    if job_class is None:
        return
    evidence = {
        "code_hash": loaded_code.code_hash(job_class),
        "source_version": loaded_code.source_version(job_class),
        "worker": worker,
    }
    if not anchoring.record_evidence(job_result_id, **evidence):
        logger.info("Run %s is not anchored: `nautobot-server anchor_job_runs` anchors it.", job_result_id)


RUN_STARTED = "nautobot.jobs.job.started"


class RunStarts(EventBroker):
    """Takes Nautobot's event, in the process that publishes it, and passes nothing on."""

    def publish(self, *, topic: str, payload: Any) -> None:
        """Have the evidence of the run stored."""
        with harmless("store which code a run executes"):
            job_result_id = json.loads(payload)["job_result_id"]
            request = current_task.request if current_task else None
            if request is not None and request.id == job_result_id and request.args:
                record_run_code(request.args[0], job_result_id, request.hostname or "")


def listen_to_run_starts() -> None:
    """Take the event from now on."""
    register_event_broker(RunStarts(include_topics=[RUN_STARTED]))
