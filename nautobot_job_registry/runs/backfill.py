"""Anchors of runs and schedules from before the app was installed, in batches beside a running system (M2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from nautobot.extras.models import JobResult, ScheduledJob

from nautobot_job_registry.models import JobRun, JobSchedule, RegisteredJob
from nautobot_job_registry.models.attempts import try_again

DEFAULT_BATCH_SIZE = 1000
# A record that is deleted between the reading and the writing of a batch makes the batch fail; it is read anew then.
ATTEMPTS = 3


class Backfill:
    """How the rows of one of core's models get their anchors; the same for runs and for schedules.

    Attributes:
        name: What the rows are called, in the plural.
        model: Core's model.
        anchor_model: The model of the anchors.
        link: The name of the anchor's field that points at a row.
        names: The columns that may hold a class path where core's job is gone.
        created: The column that says when a row was made; empty where it has none.
    """

    def __init__(
        self, name: str, model: type[Model], anchor_model: type[Model], link: str, names: tuple[str, ...], created: str
    ) -> None:
        """Keep what is told."""
        self.name, self.model, self.anchor_model, self.link = name, model, anchor_model, link
        self.names, self.created = names, created

    def count(self) -> int:
        """Return how many rows of a job of core's have no anchor."""
        return self._unanchored().filter(job_model__isnull=False).count()

    def batches(self, batch_size: int) -> Iterator[tuple[int, int]]:
        """Anchor all rows, in the order of their keys, and hold no more than one batch in memory.

        What was anchored before is left out, so that an interrupted call is simply repeated.

        Args:
            batch_size: How many rows are read, and anchored by one statement.

        Yields:
            For each batch, how many rows were read, and how many of them were anchored.
        """
        last = None
        while True:
            rows = self._rows(last, batch_size)
            if not rows:
                return
            yield len(rows), self._anchor(rows)
            last = rows[-1][0]

    def _unanchored(self) -> QuerySet:
        anchored = self.anchor_model._meta.get_field(self.link).remote_field.name
        return self.model.objects.order_by().filter(**{anchored: None})

    def _rows(self, last: Any, batch_size: int) -> list[tuple[Any, ...]]:
        rows = self._unanchored() if last is None else self._unanchored().filter(pk__gt=last)
        columns = [self.created] if self.created else []
        columns += ["job_model__module_name", "job_model__job_class_name", *self.names]
        return list(rows.order_by("pk").values_list("pk", *columns)[:batch_size])

    def _anchor(self, rows: list[tuple[Any, ...]]) -> int:
        attempts_left = ATTEMPTS
        while True:
            attempts_left -= 1
            try:
                return try_again(lambda: self._anchor_once(rows), what=f"the anchoring of {self.name}")
            except IntegrityError:
                if not attempts_left:
                    raise

    def _anchor_once(self, rows: list[tuple[Any, ...]]) -> int:
        """Write the anchors of a batch in one statement; those that another process made meanwhile are no error."""
        paths = {row[0]: self._paths(row) for row in rows}
        jobs = _registered({path for found in paths.values() for path in found})
        anchors = [anchor for row in rows if (anchor := self._anchor_of(row, paths[row[0]], jobs)) is not None]
        with transaction.atomic():
            # All at once: a batch is as large as was asked for.
            self.anchor_model.objects.bulk_create(anchors, batch_size=len(rows), ignore_conflicts=True)
        return len(anchors)

    def _paths(self, row: tuple[Any, ...]) -> list[str]:
        """Return the class path of core's job of a row; where there is none, what may be one."""
        module_name, job_class_name, *names = row[2 if self.created else 1 :]
        return [f"{module_name}.{job_class_name}"] if module_name else [name for name in names if name and "." in name]

    def _anchor_of(self, row: tuple[Any, ...], paths: list[str], jobs: dict[str, Any]) -> Model | None:
        path = next((path for path in paths if path in jobs), None)
        if path is None and row[2 if self.created else 1]:
            path = paths[0]
        if path is None:
            return None
        values = {"created": row[1]} if self.created else {}
        return self.anchor_model(**{f"{self.link}_id": row[0]}, class_path=path, job_id=jobs.get(path), **values)


RUNS = Backfill("runs", JobResult, JobRun, "job_result", ("task_name", "name"), "date_created")
SCHEDULES = Backfill("schedules", ScheduledJob, JobSchedule, "scheduled_job", ("task",), "")


def _registered(class_paths: set[str]) -> dict[str, Any]:
    """Return the primary keys of the registered jobs among class paths, by their path."""
    modules = {path.rpartition(".")[0] for path in class_paths}
    jobs = RegisteredJob.objects.order_by().filter(module_name__in=modules)
    rows = jobs.values_list("pk", "module_name", "job_class_name")
    return {f"{module_name}.{job_class_name}": pk for pk, module_name, job_class_name in rows}
