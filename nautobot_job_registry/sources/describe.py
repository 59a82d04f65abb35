"""A loaded job class in, what it says about itself out (rule 1)."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence, Set
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, TextField
from nautobot.apps.jobs import BaseJob, Job, JobButtonReceiver, JobHookReceiver

from nautobot_job_registry.engine.descriptor import JobDescriptor, Source, SourceText
from nautobot_job_registry.engine.errors import DescriptorError
from nautobot_job_registry.engine.fields import (
    FLAG_FIELDS,
    LIMIT_FIELDS,
    QUEUE_FIELDS,
    TEXT_FIELDS,
    TEXT_MAX_LENGTH,
    VALUE_FIELDS,
)
from nautobot_job_registry.engine.text import shortened_text, storable_text
from nautobot_job_registry.sources.variables import describe_variables

SWITCH_FIELDS = (*(name for name in VALUE_FIELDS if name not in {*TEXT_FIELDS, *LIMIT_FIELDS}), "read_only")
# What core says of a job whose Meta is silent: most jobs are, about most of these. What a release of Nautobot does not
# know, as 3.0 does not know `console_log_default`, is off.
SILENT = {name: float(getattr(Job, name)) for name in LIMIT_FIELDS}
SILENT |= {name: getattr(Job, name, False) for name in SWITCH_FIELDS}
ASKED_SWITCHES = tuple(name for name in SWITCH_FIELDS if hasattr(Job, name))
ASKED = (*LIMIT_FIELDS, *ASKED_SWITCHES, "task_queues")
# The metadata of a class that has not been asked yet, in the order in which they are hashed: to sort what is sorted
# already costs little.
ALWAYS_SAID = (*TEXT_FIELDS, *FLAG_FIELDS, *QUEUE_FIELDS, "previous_class_paths", "variables")
UNASKED = dict(sorted((dict.fromkeys(ALWAYS_SAID) | SILENT).items()))
# Core asks for the length of these, and for their beginning: what has none ends its refresh of all jobs.
CUT_BY_CORE = ("grouping", "name")
# Core's own fields are of these kinds: they say what is stored of a value that is of another type.
_TEXT: Final = TextField()
_BOOLEAN: Final = BooleanField()
# Where an object is in memory, which its text tells where its class does not say anything better.
_ADDRESS: Final = re.compile(" at 0x[0-9a-f]+", re.IGNORECASE)
# No class that the registry knows has a longer path.
MAX_CLASS_PATH = 2 * TEXT_MAX_LENGTH + 1
# How much of an odd value is told.
TOLD_LENGTH = 100
# A tuple, as a class need not have a hash.
BASES_THAT_SAY_NOTHING = (object, BaseJob, Job)


def describe_class(
    job_class: type[Job], source: Source, source_version: str, source_code: SourceText, **known: Any
) -> tuple[JobDescriptor, tuple[str, ...]]:
    """Read everything that a job class says about itself.

    What Nautobot stores and runs is read as it stores it, however odd it is.

    Args:
        job_class: The class, as Nautobot has loaded it.
        source: Where it comes from.
        source_version: Version or commit of the source.
        source_code: The text of its module.
        **known: What else is known of it, as `JobDescriptor` has it.

    Returns:
        What it says, and what is wrong with it nevertheless, each flaw as a sentence.

    Raises:
        DescriptorError: If a value cannot be stored, by Nautobot neither.
        Exception: Whatever the class raises when it is asked, such as `TypeError` for a `Meta` of a wrong type.
    """
    module_name = job_class.__module__
    if not isinstance(module_name, str) or storable_text(module_name) != module_name:
        raise DescriptorError(f"The name of the module, {module_name!r}, cannot be stored.")
    flaws: list[str] = []
    descriptor = JobDescriptor(
        module_name=module_name,
        job_class_name=job_class.__name__,
        source=source,
        source_version=source_version,
        metadata=_metadata(job_class, flaws),
        source_code=source_code,
        **known,
    )
    return descriptor, tuple(flaws)


def _metadata(job_class: type[Job], flaws: list[str]) -> dict[str, Any]:
    # Thousands of classes are asked in each reconcile, most of which say little: they are asked for no more than that.
    metadata: dict[str, Any] = UNASKED.copy()
    bases = [base for base in job_class.__mro__ if base not in BASES_THAT_SAY_NOTHING]
    for name in TEXT_FIELDS:
        metadata[name] = _text(name, getattr(job_class, name), flaws)
    # Core checks the types of what a Meta says when it is asked, and takes what stands in the class itself as it is.
    meta, bodies = _names_of(job_class.Meta), _names_in(bases)
    for name in LIMIT_FIELDS:
        if name in meta or name in bodies:
            metadata[name] = _seconds(name, getattr(job_class, name), flaws)
    for name in ASKED_SWITCHES:
        if name in meta or name in bodies:
            metadata[name] = _switch(name, getattr(job_class, name), flaws)
    if "class_path" in bodies:
        flaws.append("`class_path` is what Nautobot finds a job by, and is not to be set: it cannot run this one.")
    says_dryrun = "dryrun" in bodies or "supports_dryrun" in bodies
    metadata["supports_dryrun"] = says_dryrun and _switch("supports_dryrun", job_class.supports_dryrun, flaws)
    metadata["is_job_hook_receiver"] = issubclass(job_class, JobHookReceiver)
    metadata["is_job_button_receiver"] = issubclass(job_class, JobButtonReceiver)
    says_queues = "task_queues" in meta or "task_queues" in bodies
    metadata["job_queues"] = queues = _queues(job_class.task_queues if says_queues else (), flaws)
    metadata["default_job_queue"] = queues[0]
    metadata["previous_class_paths"] = _previous_class_paths(job_class, flaws)
    metadata["variables"] = describe_variables(bases)
    return metadata


def _names_of(meta: Any) -> Collection[str]:
    """Return what a Meta says; one that is no ordinary class is asked for each name, as core asks."""
    if type(meta) is type:
        return _names_in(meta.__mro__[:-1])
    return [name for name in ASKED if hasattr(meta, name)]


def _names_in(bases: Sequence[type]) -> Set[str]:
    """Return the names that stand in the bodies of classes."""
    if len(bases) == 1:
        return vars(bases[0]).keys()
    return {name for base in bases for name in vars(base)}


def _text(name: str, value: Any, flaws: list[str]) -> str:
    if isinstance(value, str):
        return storable_text(value)
    if name in CUT_BY_CORE:
        value[: len(value)]
    text = _as_stored(name, value, _TEXT)
    # Where it is in memory differs from process to process, and tells nothing about the job.
    text = storable_text(_ADDRESS.sub("", text))
    flaws.append(_flaw(name, value, "a text", text))
    return text


def _as_stored(name: str, value: Any, field: Any) -> Any:
    """Return what Django stores of a value in a column, as core has it do.

    Raises:
        DescriptorError: If there is nothing that it can store.
    """
    try:
        stored = field.get_prep_value(value)
    except ValidationError as error:
        raise DescriptorError(f"The {name} cannot be stored: {' '.join(error.messages)}") from error
    if stored is None:
        raise DescriptorError(f"The {name} is None, which cannot be stored.")
    return stored


def _flaw(name: str, value: Any, wanted: str, stored: Any) -> str:
    told = shortened_text(str(stored), TOLD_LENGTH)
    return f"`{name}` should be {wanted}, not {type(value).__name__}: Nautobot takes it for {told!r}."


def _seconds(name: str, value: Any, flaws: list[str]) -> float:
    try:
        seconds = float(value)
    except OverflowError as error:
        raise DescriptorError(f"The {name} is too large.") from error
    if not math.isfinite(seconds):
        raise DescriptorError(f"The {name} should be a number of seconds, not {seconds}.")
    if not isinstance(value, (int, float)):
        flaws.append(_flaw(name, value, "a number of seconds", seconds))
    return seconds


def _switch(name: str, value: Any, flaws: list[str]) -> bool:
    if isinstance(value, bool):
        return value
    stored = bool(_as_stored(name, value, _BOOLEAN))
    flaws.append(_flaw(name, value, "True or False", stored))
    return stored


def _queues(said: Any, flaws: list[str]) -> list[str]:
    if not said:
        return [settings.CELERY_TASK_DEFAULT_QUEUE]
    # Core asks for the first one, as not everything that can be gone through has.
    said[0]
    found = list(said)
    names = [_queue_name(queue) for queue in found]
    if not isinstance(said, (list, tuple)) or names != found or "" in names:
        flaws.append(_flaw("task_queues", said, "a list of names of queues", ", ".join(names)))
    # A queue without a name is nowhere.
    return list(dict.fromkeys(filter(None, names))) or [settings.CELERY_TASK_DEFAULT_QUEUE]


def _queue_name(queue: Any) -> str:
    name = _as_stored("name of a queue", queue, _TEXT)
    if len(name) > TEXT_MAX_LENGTH:
        raise DescriptorError(f"`task_queues` holds {name!r}, which is too long for the name of a queue.")
    return storable_text(_ADDRESS.sub("", name))


def _previous_class_paths(job_class: type[Job], flaws: list[str]) -> list[str]:
    """Return what a class says that it has been before (rule 21); it runs, whatever is wrong with that."""
    paths = vars(job_class).get("previous_class_paths", ())
    if isinstance(paths, (list, tuple)) and all(
        isinstance(path, str) and len(path) <= MAX_CLASS_PATH for path in paths
    ):
        return [storable_text(path) for path in paths]
    flaws.append("`previous_class_paths` should be a list of dotted class paths.")
    return []
