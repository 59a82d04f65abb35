"""The door through which a worker tells that a run begins.

Nautobot publishes an event when it has loaded the code of a job and is about to execute it: in a worker, in the pod of
a Kubernetes queue, in the process of a console log, and in `nautobot-server runjob --local`. Celery's own signal comes
before the code is loaded.
"""

from __future__ import annotations

import json
from typing import Any

from celery import current_task
from nautobot.apps.events import EventBroker, register_event_broker

from nautobot_job_registry.harmless import harmless

TOPIC = "nautobot.jobs.job.started"


class RunStarts(EventBroker):
    """Takes Nautobot's event, in the process that publishes it, and passes nothing on."""

    def publish(self, *, topic: str, payload: Any) -> None:
        """Have the evidence of the run stored."""
        from nautobot_job_registry import evidence

        with harmless("store which code a run executes"):
            job_result_id = json.loads(payload)["job_result_id"]
            request = current_task.request if current_task else None
            if request is not None and request.id == job_result_id and request.args:
                evidence.record(request.args[0], job_result_id, request.hostname or "")


def listen() -> None:
    """Take the event from now on."""
    register_event_broker(RunStarts(include_topics=[TOPIC]))
