"""The arguments of a job, as core takes them to run or schedule it."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, signature
from typing import Any, Final

from nautobot.extras.models import JobResult

_ARE_ONE: Final = signature(JobResult.enqueue_job).parameters["job_kwargs"].kind is not Parameter.VAR_KEYWORD


def job_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `JobResult.enqueue_job()` and `ScheduledJob.create_schedule()` are to be called with.

    Nautobot takes the arguments of a job as one, `job_kwargs`, since 3.2; before, it took each as one of its own.

    Args:
        values: The values of the job's variables, by their names.
    """
    return {"job_kwargs": dict(values)} if _ARE_ONE else dict(values)
