"""A loaded job class in, what it says about itself out (rule 1)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence, Set
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.db.models import Model
from nautobot.apps.jobs import BaseJob, Job, JobButtonReceiver, JobHookReceiver, ScriptVariable

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
from nautobot_job_registry.engine.text import storable_text

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
# How large a number may be that is shown as it is.
MAX_BITS = 1024
# A tuple, as a class need not have a hash.
BASES_THAT_SAY_NOTHING = (object, BaseJob, Job)


def describe_class(job_class: type[Job], source: Source, source_version: str, source_code: SourceText) -> JobDescriptor:
    """Read everything that a job class says about itself.

    Args:
        job_class: The class, as Nautobot has loaded it.
        source: Where it comes from.
        source_version: Version or commit of the source.
        source_code: The text of its module.

    Raises:
        DescriptorError: If a value cannot be stored as it is.
        Exception: Whatever the class raises when it is asked, such as `TypeError` for a `Meta` of a wrong type.
    """
    module_name = job_class.__module__
    if not isinstance(module_name, str) or storable_text(module_name) != module_name:
        raise DescriptorError(f"The name of the module, {module_name!r}, cannot be stored.")
    return JobDescriptor(
        module_name=module_name,
        job_class_name=job_class.__name__,
        source=source,
        source_version=source_version,
        metadata=_metadata(job_class),
        source_code=source_code,
    )


def _metadata(job_class: type[Job]) -> dict[str, Any]:
    # Thousands of classes are asked in each reconcile, most of which say little: they are asked for no more than that.
    metadata: dict[str, Any] = UNASKED.copy()
    bases = [base for base in job_class.__mro__ if base not in BASES_THAT_SAY_NOTHING]
    for name in TEXT_FIELDS:
        metadata[name] = _text(name, getattr(job_class, name))
    # Core checks the types of what a Meta says when it is asked, and takes what stands in the class itself as it is.
    meta, bodies = _names_of(job_class.Meta), _names_in(bases)
    for name in LIMIT_FIELDS:
        if name in meta or name in bodies:
            metadata[name] = _seconds(name, getattr(job_class, name))
    for name in ASKED_SWITCHES:
        if name in meta or name in bodies:
            metadata[name] = _switch(name, getattr(job_class, name))
    metadata["supports_dryrun"] = "dryrun" in bodies and job_class.supports_dryrun
    metadata["is_job_hook_receiver"] = issubclass(job_class, JobHookReceiver)
    metadata["is_job_button_receiver"] = issubclass(job_class, JobButtonReceiver)
    says_queues = "task_queues" in meta or "task_queues" in bodies
    metadata["job_queues"] = queues = _queues(job_class.task_queues if says_queues else ())
    metadata["default_job_queue"] = queues[0]
    metadata["previous_class_paths"] = _previous_class_paths(job_class)
    metadata["variables"] = _variables(bases)
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


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DescriptorError(f"The {name} should be a text, not {type(value).__name__}.")
    return storable_text(value)


def _seconds(name: str, value: float) -> float:
    try:
        seconds = float(value)
    except OverflowError as error:
        raise DescriptorError(f"The {name} is too large.") from error
    if not math.isfinite(seconds):
        raise DescriptorError(f"The {name} should be a number of seconds, not {seconds}.")
    return seconds


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, int):
        raise DescriptorError(f"The {name} should be True or False, not {type(value).__name__}.")
    return bool(value)


def _queues(said: Sequence[Any]) -> list[str]:
    if not said:
        return [settings.CELERY_TASK_DEFAULT_QUEUE]
    for queue in said:
        if not isinstance(queue, str) or not 0 < len(queue) <= TEXT_MAX_LENGTH:
            raise DescriptorError(f"Meta.task_queues holds {queue!r}, which is not the name of a queue.")
    return list(dict.fromkeys(map(storable_text, said)))


def declaration_problem(job_class: type[Job]) -> DescriptorError | None:
    """Return what is wrong with what a class says that it has been before (rule 21); the job runs all the same."""
    if "previous_class_paths" not in vars(job_class):
        return None
    paths = vars(job_class)["previous_class_paths"]
    if isinstance(paths, (list, tuple)) and all(isinstance(path, str) for path in paths):
        return None
    return DescriptorError("`previous_class_paths` should be a list of dotted class paths.")


def _previous_class_paths(job_class: type[Job]) -> list[str]:
    if "previous_class_paths" not in vars(job_class) or declaration_problem(job_class):
        return []
    return [storable_text(path) for path in vars(job_class)["previous_class_paths"]]


def _variables(bases: Sequence[type]) -> list[dict[str, Any]]:
    """Return the inputs in the order of their definition, those of base classes first."""
    found: dict[str, Any] = {}
    for base in reversed(bases):
        for name, value in vars(base).items():
            if isinstance(value, ScriptVariable) or name in found:
                found[name] = value
    return [_variable(name, value) for name, value in found.items() if isinstance(value, ScriptVariable)]


def _variable(name: str, variable: ScriptVariable) -> dict[str, Any]:
    said = variable.field_attrs.get
    return {
        "default": _default(said("initial")),
        "label": storable_text(str(said("label", ""))),
        "name": storable_text(name),
        "required": bool(said("required", True)),
        "type": type(variable).__name__,
    }


def _default(value: Any) -> Any:
    try:
        return storable_value(value)
    except RecursionError:
        # It holds itself.
        return _named(value)


def storable_value(value: Any) -> Any:
    """Return a default in a form that JSON can hold, and that is the same at each reading of the same code."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= MAX_BITS else _named(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Enum):
        return storable_value(value.value)
    if isinstance(value, str):
        return storable_text(str(value))
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable_value(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((storable_value(item) for item in value), key=repr)
    if isinstance(value, (Decimal, PurePath)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [storable_value(item) for item in value]
    return _named(value)


def _named(value: Any) -> str:
    """Name what JSON cannot hold by its kind: a date or a key may have been made at import, and differ each time."""
    if isinstance(value, Model) and not value._state.adding:
        return f"<{value._meta.label_lower} {value.pk}>"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"<{value.__module__}.{value.__qualname__}>"
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
