"""A small app that brings jobs."""

from nautobot.apps import NautobotAppConfig


class ExampleJobsAppConfig(NautobotAppConfig):
    """App configuration."""

    name = "example_jobs_app"
    verbose_name = "Example Jobs"
    version = "1.2.3"
    author = "Nautobot Job Registry contributors"
    description = "Jobs of an app, for the demo of the job registry."


config = ExampleJobsAppConfig
