"""What core's own rows say about jobs."""

from __future__ import annotations

import math
from collections import defaultdict

from django.db.models import F, Q
from nautobot.extras.models import Job

from nautobot_job_registry.core_bridge.columns import OURS_ALONE, SHARED_FIELDS, SHARED_FLAGS, SHARED_VALUES
from nautobot_job_registry.engine.fields import FLAG_FIELDS, LIMIT_FIELDS, override_flag
from nautobot_job_registry.engine.records import CoreState, JobKey

# The job whose record points at a row of core's.
HOLDER = ("registered_job__module_name", "registered_job__job_class_name")
COLUMNS = (
    "id",
    "module_name",
    "job_class_name",
    "enabled",
    "default_job_queue__name",
    "registered_job__core_decisions",
    *HOLDER,
    *SHARED_VALUES,
    *FLAG_FIELDS,
    *SHARED_FLAGS,
    *(f"registered_job__{name}" for name in OURS_ALONE),
)


def _tells_anything() -> Q:
    """Return the query for the rows that say something else than the record that points at them.

    Of chosen queues the number is not compared: their rows are few, and always read.
    """
    news = Q(registered_job=None) | Q(job_queues_override=True)
    for name in ("module_name", "job_class_name", *SHARED_VALUES, *SHARED_FLAGS, "default_job_queue", "enabled"):
        news |= ~Q(**{name: F(f"registered_job__{name}")})
    return news


TELLS_ANYTHING = _tells_anything()


def news_of_core() -> dict[JobKey, CoreState]:
    """Read those of core's rows that tell anything new, in at most two statements.

    Left out are the rows that say what the record that points at them says; that they are many is what keeps a
    reconcile with nothing to do cheap.
    """
    rows = list(Job.objects.filter(TELLS_ANYTHING).order_by().values(*COLUMNS))
    queues = _queue_names([row["id"] for row in rows])
    states = (core_state(row, tuple(sorted(queues.get(row["id"], ())))) for row in rows)
    return {state.key: state for state in states}


def _queue_names(job_ids: list[object]) -> dict[object, list[str]]:
    names: dict[object, list[str]] = defaultdict(list)
    if job_ids:
        through = Job.job_queues.through.objects.order_by().filter(job_id__in=job_ids)
        for job_id, name in through.values_list("job_id", "job_queue__name"):
            names[job_id].append(name)
    return names


def core_state(values: dict, queues: tuple[str, ...]) -> CoreState:
    """Return the state of one row of core's.

    Args:
        values: The value of each of `COLUMNS`, by its name.
        queues: The names of its queues, sorted.
    """
    key = (values["module_name"], values["job_class_name"])
    module_name, job_class_name = (values.get(name) for name in HOLDER)
    held_by = (module_name, job_class_name) if module_name and (module_name, job_class_name) != key else None
    known = values["registered_job__core_decisions"] if held_by is None else None
    overridable = {field: values[field] for field in SHARED_VALUES}
    # Core stores infinity, too, of a class that says so; it is taken for the default of the system, as JSON has none.
    overridable |= {field: 0.0 for field in LIMIT_FIELDS if not math.isfinite(values[field])}
    overridable["job_queues"] = queues
    overridable["default_job_queue"] = values["default_job_queue__name"]
    overridden = {field for field in SHARED_FIELDS if values[override_flag(field)]}
    # What core has no place for it is taken to say as it is known.
    chosen = known["overrides"] if known else {}
    for field in OURS_ALONE:
        overridable[field] = chosen.get(field, bool(values[f"registered_job__{field}"]))
        overridden |= {field} & chosen.keys()
    return CoreState(
        id=values["id"],
        key=key,
        enabled=values["enabled"],
        values=overridable,
        overridden=frozenset(overridden),
        flags={field: values[field] for field in FLAG_FIELDS},
        known=known,
        held_by=held_by,
    )
