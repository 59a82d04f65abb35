"""Which code a run executes: told by the process that executes it, as it begins."""

from __future__ import annotations

import logging

from nautobot_job_registry import anchors, discovery, loaded_code

logger = logging.getLogger(__name__)


def record(class_path: str, job_result_id: str, worker: str) -> None:
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
    if not anchors.record_evidence(job_result_id, **evidence):
        logger.info("Run %s is not anchored: `nautobot-server anchor_job_runs` anchors it.", job_result_id)
