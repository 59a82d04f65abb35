"""GraphQL types of the job registry.

They are explicit, and the models carry no `graphql` feature, so that no type with all the fields is generated:
GraphQL knows the permission to view an object only, which does not include its source code or traceback.
"""

from __future__ import annotations

from django.db.models import Model
from nautobot.apps.graphql import OptimizedNautobotObjectType
from nautobot.apps.utils import get_filterset_for_model

from nautobot_job_registry import models


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


graphql_types = [
    graphql_type(models.RegisteredJob, "A registered job.", without="core_decisions"),
    graphql_type(models.JobRevision, "A job revision, without the source code.", without="source_code"),
    graphql_type(models.FieldOverride, "A field override."),
    graphql_type(models.JobRun, "A job run."),
    graphql_type(models.JobSchedule, "A job schedule."),
    graphql_type(models.JobLoadError, "A load error, without the traceback.", without="traceback"),
    graphql_type(models.Reconciliation, "A reconciliation."),
    graphql_type(models.Suspension, "A suspension."),
]
