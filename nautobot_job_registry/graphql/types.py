"""GraphQL types of the job registry.

They are explicit, and the models carry no `graphql` feature, so that no type with all the fields is generated:
GraphQL knows the permission to view an object only, which does not include its source code or traceback.
"""

from __future__ import annotations

from typing import Any

import graphene
from django.db.models import Model
from graphene.types.generic import GenericScalar
from graphene_django_optimizer import resolver_hints
from nautobot.apps.graphql import OptimizedNautobotObjectType
from nautobot.apps.utils import get_filterset_for_model

from nautobot_job_registry import models
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS, OVERRIDE_FLAGS, QUEUE_FIELDS

PLAIN_FIELDS = tuple(name for name in OVERRIDABLE_FIELDS if name not in QUEUE_FIELDS)


def graphql_type(model: type[Model], description: str, *, without: str = "") -> type:
    """Return the type of a model.

    Args:
        model: The model.
        description: What the schema says of the type.
        without: A field that is left out.
    """
    shown = {"exclude": [without]} if without else {"fields": "__all__"}
    meta = type("Meta", (), {"model": model, "filterset_class": get_filterset_for_model(model), **shown})
    return type(f"{model.__name__}Type", (OptimizedNautobotObjectType,), {"__doc__": description, "Meta": meta})


class RegisteredJobType(OptimizedNautobotObjectType):
    """A registered job, with what REST tells of it beside its columns; it is read with the rows."""

    class_path = graphene.String(description="The dotted path of the class.")
    overrides = GenericScalar(description="The value of each overridden field, by its name.")
    source_values = GenericScalar(description="What the source says of each overridable field, by its name.")

    class Meta:
        model = models.RegisteredJob
        filterset_class = get_filterset_for_model(models.RegisteredJob)
        exclude = ["core_decisions"]

    @resolver_hints(only=("module_name", "job_class_name"))
    def resolve_class_path(self, info: Any) -> str:
        """Return the dotted path."""
        return str(self.class_path)

    @resolver_hints(
        only=(*PLAIN_FIELDS, *OVERRIDE_FLAGS, "default_job_queue__name"),
        select_related=("default_job_queue",),
        prefetch_related=("job_queues",),
    )
    def resolve_overrides(self, info: Any) -> dict[str, Any]:
        """Return the values that are overridden."""
        return dict(self.overrides)

    @resolver_hints(only=("current_revision__metadata",), select_related=("current_revision",))
    def resolve_source_values(self, info: Any) -> dict[str, Any]:
        """Return what the source says."""
        return dict(self.source_values)


graphql_types = [
    RegisteredJobType,
    graphql_type(models.JobRevision, "A job revision, without the source code.", without="source_code"),
    graphql_type(models.FieldOverride, "A field override."),
    graphql_type(models.JobRun, "A job run."),
    graphql_type(models.JobSchedule, "A job schedule."),
    graphql_type(models.JobLoadError, "A load error, without the traceback.", without="traceback"),
    graphql_type(models.Reconciliation, "A reconciliation."),
    graphql_type(models.Suspension, "A suspension."),
]
