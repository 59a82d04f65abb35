"""Serializers of the job registry's REST API; Nautobot looks for them here, by their names."""

from nautobot_job_registry.api.serializers.adoption import AdoptionSerializer, DismissalSerializer
from nautobot_job_registry.api.serializers.deletion import (
    DeletionImpactSerializer,
    DependentSerializer,
    DependentsSerializer,
)
from nautobot_job_registry.api.serializers.field_override import FieldOverrideSerializer
from nautobot_job_registry.api.serializers.job_load_error import JobLoadErrorSerializer
from nautobot_job_registry.api.serializers.job_revision import JobRevisionSerializer
from nautobot_job_registry.api.serializers.job_revision_diff import JobRevisionDiffSerializer
from nautobot_job_registry.api.serializers.job_run import JobRunSerializer
from nautobot_job_registry.api.serializers.job_schedule import JobScheduleSerializer
from nautobot_job_registry.api.serializers.override_decision import OverrideDecisionSerializer, OverrideIdSerializer
from nautobot_job_registry.api.serializers.queues import MAX_JOB_DEPTH, QueueDepthMixin, quiet_queue_serializer
from nautobot_job_registry.api.serializers.reconciliation import ReconciliationSerializer
from nautobot_job_registry.api.serializers.registered_job import (
    ChangeLogMixin,
    RegisteredJobSerializer,
    ResetOverridesSerializer,
)
from nautobot_job_registry.api.serializers.suspension import SuspensionSerializer, SuspensionToRestoreSerializer
from nautobot_job_registry.api.serializers.visibility import SourceVisibilityMixin

__all__ = (
    "MAX_JOB_DEPTH",
    "AdoptionSerializer",
    "ChangeLogMixin",
    "DeletionImpactSerializer",
    "DependentSerializer",
    "DependentsSerializer",
    "DismissalSerializer",
    "FieldOverrideSerializer",
    "JobLoadErrorSerializer",
    "JobRevisionDiffSerializer",
    "JobRevisionSerializer",
    "JobRunSerializer",
    "JobScheduleSerializer",
    "OverrideDecisionSerializer",
    "OverrideIdSerializer",
    "QueueDepthMixin",
    "ReconciliationSerializer",
    "RegisteredJobSerializer",
    "ResetOverridesSerializer",
    "SourceVisibilityMixin",
    "SuspensionSerializer",
    "SuspensionToRestoreSerializer",
    "quiet_queue_serializer",
)
