"""GraphQL types of the job registry.

They are explicit, and the models carry no `graphql` feature, so that no type with all the fields is generated:
GraphQL knows the permission to view an object only, which does not include its source code or traceback.
"""

from nautobot.apps.graphql import OptimizedNautobotObjectType

from nautobot_job_registry import filters, models


class RegisteredJobType(OptimizedNautobotObjectType):
    """A registered job."""

    class Meta:
        """Meta attributes."""

        model = models.RegisteredJob
        filterset_class = filters.RegisteredJobFilterSet
        exclude = ["core_decisions"]


class JobRevisionType(OptimizedNautobotObjectType):
    """A job revision, without the source code."""

    class Meta:
        """Meta attributes."""

        model = models.JobRevision
        filterset_class = filters.JobRevisionFilterSet
        exclude = ["source_code"]


class FieldOverrideType(OptimizedNautobotObjectType):
    """A field override."""

    class Meta:
        """Meta attributes."""

        model = models.FieldOverride
        filterset_class = filters.FieldOverrideFilterSet
        fields = "__all__"


class JobRunType(OptimizedNautobotObjectType):
    """A job run."""

    class Meta:
        """Meta attributes."""

        model = models.JobRun
        filterset_class = filters.JobRunFilterSet
        fields = "__all__"


class JobScheduleType(OptimizedNautobotObjectType):
    """A job schedule."""

    class Meta:
        """Meta attributes."""

        model = models.JobSchedule
        filterset_class = filters.JobScheduleFilterSet
        fields = "__all__"


class JobLoadErrorType(OptimizedNautobotObjectType):
    """A load error, without the traceback."""

    class Meta:
        """Meta attributes."""

        model = models.JobLoadError
        filterset_class = filters.JobLoadErrorFilterSet
        exclude = ["traceback"]


class ReconciliationType(OptimizedNautobotObjectType):
    """A reconciliation."""

    class Meta:
        """Meta attributes."""

        model = models.Reconciliation
        filterset_class = filters.ReconciliationFilterSet
        fields = "__all__"


class SuspensionType(OptimizedNautobotObjectType):
    """A suspension."""

    class Meta:
        """Meta attributes."""

        model = models.Suspension
        filterset_class = filters.SuspensionFilterSet
        fields = "__all__"


graphql_types = [
    RegisteredJobType,
    JobRevisionType,
    FieldOverrideType,
    JobRunType,
    JobScheduleType,
    JobLoadErrorType,
    ReconciliationType,
    SuspensionType,
]
