"""The numbers of the dashboard as Prometheus metrics, on Nautobot's own page of metrics.

Nautobot calls what `metrics` lists whenever the page is asked for, and once at the end of each migration. A metric is
there also where its number cannot be read: without a sample.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.db import transaction
from prometheus_client.metrics_core import GaugeMetricFamily

from nautobot_job_registry import models
from nautobot_job_registry.engine.text import log_text
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models.choices import ReconciliationStatusChoices

logger = logging.getLogger(__name__)

# Nautobot caches what begins so, where it is told to cache metrics.
PREFIX = "nautobot_job_registry"


def registry_metrics() -> Iterator[GaugeMetricFamily]:
    """Yield every metric of the registry, in a number of statements that does not depend on what is in the database.

    Whatever goes wrong, the page of metrics and the migration go on (rule 11).
    """
    families = _families()
    try:
        # Of its own, so that a transaction that somebody else has begun stays usable.
        with transaction.atomic():
            _read(families)
    except Exception as error:
        logger.warning("The metrics of the job registry cannot be read: %s", log_text(str(error)))
        families = _families()
    yield from families.values()


metrics = [registry_metrics]


def _families() -> dict[str, GaugeMetricFamily]:
    """Return the metrics, by the last part of their name, without a number yet."""
    described = {
        "jobs": ("Registered jobs by type of source and state.", ("source_type", "state")),
        **{need.key: (f"{need.title}.", ()) for need in needs.NEEDS},
        "last_reconciliation_timestamp_seconds": ("When the last reconcile began, in Unix time.", ()),
        "last_reconciliation_succeeded": ("Whether the last reconcile succeeded: 1 if it did, 0 if not.", ()),
    }
    return {key: GaugeMetricFamily(f"{PREFIX}_{key}", text, labels=labels) for key, (text, labels) in described.items()}


def _read(families: dict[str, GaugeMetricFamily]) -> None:
    for source_type, counts in needs.count_jobs_by_source(models.RegisteredJob.objects.all()).items():
        for state in (*needs.JOB_STATES, needs.NOT_ENABLED):
            families["jobs"].add_metric((source_type, state.key), counts[state.key])
    for need in needs.NEEDS:
        families[need.key].add_metric((), need.count())
    last = needs.last_reconciliation(models.Reconciliation.objects.all())
    if last is not None:
        succeeded = last.status == ReconciliationStatusChoices.SUCCEEDED
        families["last_reconciliation_timestamp_seconds"].add_metric((), last.started.timestamp())
        families["last_reconciliation_succeeded"].add_metric((), int(succeeded))
