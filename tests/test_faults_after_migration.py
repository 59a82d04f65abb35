"""Whatever apps decide after a migration, the registry knows when it ends, wherever they stand in PLUGINS."""

import pytest
from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db.models.signals import post_migrate
from nautobot.core.signals import nautobot_database_ready
from nautobot.extras.models import Job

from nautobot_job_registry import signals
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from nautobot_job_registry.models import Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import refresh_core

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(jobs_root):
    """A job that the registry knows, and that is not enabled."""
    JobModuleFactory(folder=jobs_root, name="one", classes=[JobClassSourceFactory(name="One")])
    refresh_core()
    reconcile(reload=False)
    return RegisteredJob.objects.get(module_name="one")


def migrate():
    """Send what a migration that has nothing to apply sends."""
    emit_pre_migrate_signal(0, False, "default", plan=[])
    emit_post_migrate_signal(0, False, "default", plan=[])


def enable(**kwargs):
    Job.objects.filter(module_name="one").update(enabled=True, description="Chosen", description_override=True)


def with_models():
    return [config for config in apps.get_app_configs() if config.models_module is not None]


LAST = {
    "nautobot_database_ready of the last app": (nautobot_database_ready, lambda: list(apps.get_app_configs())[-1]),
    "nautobot_database_ready of our own app": (
        nautobot_database_ready,
        lambda: apps.get_app_config("nautobot_job_registry"),
    ),
    "nautobot_database_ready of any app": (nautobot_database_ready, lambda: None),
    "post_migrate of the last app": (post_migrate, lambda: with_models()[-1]),
    "post_migrate of any app": (post_migrate, lambda: None),
}


@pytest.mark.parametrize("when", LAST)
def test_what_another_app_decides_after_us_is_known_when_the_migration_ends(job, when):
    signal, sender = LAST[when]
    signal.connect(enable, sender=sender())
    before = Reconciliation.objects.count()
    try:
        migrate()
    finally:
        signal.disconnect(enable, sender=sender())
    job.refresh_from_db()
    assert (job.enabled, job.description, job.description_override) == (True, "Chosen", True)
    assert Reconciliation.objects.count() == before + 1
    assert reconcile(dry_run=True, reload=False).plan.is_empty


def test_the_signal_alone_reconciles_too(job):
    enable()
    config = apps.get_app_config("nautobot_job_registry")
    nautobot_database_ready.send(sender=config, app_config=config, using="default", apps=apps)
    job.refresh_from_db()
    assert job.enabled


def test_a_migration_reconciles_once_and_waits_for_nothing_afterwards(job, monkeypatch):
    asked = []
    monkeypatch.setattr(signals, "reconcile_after_migrate", lambda sender, using: asked.append(using))
    for sender in (config for config in with_models() if config.label == "nautobot_job_registry"):
        signals.await_end_of_migration(sender)
        # A migration that failed in between is begun anew.
        signals.await_end_of_migration(sender)
    last = with_models()[-1]
    for _ in range(2):
        post_migrate.send(sender=last, app_config=last, verbosity=0, interactive=False, using="default", plan=[])
    assert asked == ["default"]
