"""App declaration of the Nautobot Job Registry."""

from importlib import metadata
from typing import Any

from nautobot.apps import NautobotAppConfig, nautobot_database_ready

from nautobot_job_registry import checks

try:
    __version__ = metadata.version("nautobot-job-registry")
except metadata.PackageNotFoundError:  # run from a checkout that was not installed
    __version__ = "0.0.0"


class NautobotJobRegistryConfig(NautobotAppConfig):
    """App configuration: connects the signals and registers the checks, nothing else."""

    name = "nautobot_job_registry"
    verbose_name = "Job Registry"
    version = __version__
    author = "Nautobot Job Registry contributors"
    description = "The database record of every job: where it comes from, what its source says, what was decided."
    base_url = "job-registry"
    min_version = "3.0.0"
    max_version = "3.99"
    default_settings = checks.default_settings()
    docs_view_name = "plugins:nautobot_job_registry:docs"
    home_view_name = "plugins:nautobot_job_registry:dashboard"
    searchable_models = ["registeredjob", "jobloaderror", "suspension"]

    @classmethod
    def validate(cls, user_config: dict[str, Any], nautobot_version: str) -> None:
        """Refuse settings that are not known or of a wrong type.

        Raises:
            PluginImproperlyConfigured: Names the setting and what it should be.
        """
        checks.validate_settings(user_config)
        super().validate(user_config, nautobot_version)

    def ready(self) -> None:
        """Connect the signals, and add the checks."""
        super().ready()
        from celery.signals import import_modules
        from django.core import checks as django_checks
        from django.db.models.signals import m2m_changed, post_delete, post_init, post_save, pre_migrate, pre_save
        from nautobot.extras.models import Job, JobButton, JobHook, JobQueue, JobResult, ScheduledJob

        from nautobot_job_registry import datasources, models, signals
        from nautobot_job_registry.runs import evidence
        from nautobot_job_registry.sources import discovery, loaded_code

        self._connect_records(models.RegisteredJob)
        pre_migrate.connect(signals.await_end_of_migration, sender=self)
        nautobot_database_ready.connect(signals.reconcile_as_the_database_is_ready, sender=self)
        post_init.connect(signals.note_queue, sender=JobQueue)
        post_save.connect(signals.follow_renamed_queue, sender=JobQueue)
        post_init.connect(signals.note_core_job, sender=Job)
        pre_save.connect(signals.look_at_core_job, sender=Job)
        post_save.connect(signals.take_over_from_core, sender=Job)
        post_save.connect(signals.record_what_core_switches_off, sender=Job)
        for dependent in (ScheduledJob, JobHook, JobButton):
            post_delete.connect(signals.record_deletion_of_suspended, sender=dependent)
        m2m_changed.connect(signals.take_over_queues_from_core, sender=Job.job_queues.through)
        for is_assigned in (post_save, post_delete):
            is_assigned.connect(signals.take_over_assigned_queue, sender=Job.job_queues.through)
        post_save.connect(signals.anchor_new_run, sender=JobResult)
        post_save.connect(signals.anchor_new_schedule, sender=ScheduledJob)
        discovery.watch_registrations()
        loaded_code.watch_loading()
        import_modules.connect(signals.note_loaded_code)
        evidence.listen_to_run_starts()
        datasources.listen_to_syncs()
        checks.register_health_check()
        django_checks.register(checks.check_database)

    @staticmethod
    def _connect_records(model: Any) -> None:
        """Connect what happens as a record of ours is saved or deleted."""
        from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

        from nautobot_job_registry import signals
        from nautobot_job_registry.models.saving import job_saved, job_saving

        pre_delete.connect(signals.refuse_deletion_while_installed, sender=model)
        pre_delete.connect(signals.prepare_deletion, sender=model)
        post_delete.connect(signals.delete_core_job, sender=model)
        job_saving.connect(signals.prepare_decision, sender=model)
        # The ledger is written before core's row is.
        job_saved.connect(signals.note_decision, sender=model)
        job_saved.connect(signals.decide_in_core, sender=model)
        post_save.connect(signals.leave_loaded_record_alone, sender=model)
        m2m_changed.connect(signals.note_changed_queues, sender=model.job_queues.through)


config = NautobotJobRegistryConfig
