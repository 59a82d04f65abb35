"""Choices of the registry's fields."""

from nautobot.apps.choices import ChoiceSet

from nautobot_job_registry.engine.dependents import DependentKind
from nautobot_job_registry.engine.descriptor import Absence, SourceType
from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS


class SourceTypeChoices(ChoiceSet):
    """Where the code of a job comes from."""

    SYSTEM = SourceType.SYSTEM.value
    APP = SourceType.APP.value
    GIT = SourceType.GIT.value
    LOCAL = SourceType.LOCAL.value

    CHOICES = (
        (SYSTEM, "System"),
        (APP, "App"),
        (GIT, "Git repository"),
        (LOCAL, "Local (JOBS_ROOT)"),
    )


class AbsenceChoices(ChoiceSet):
    """Why a job that was known is not installed now; only `removed` is final (rule 3)."""

    REMOVED = Absence.REMOVED.value
    LOAD_ERROR = Absence.LOAD_ERROR.value
    UNCONFIRMED = Absence.UNCONFIRMED.value
    SOURCE_UNAVAILABLE = Absence.SOURCE_UNAVAILABLE.value

    CHOICES = (
        (REMOVED, "Removed"),
        (LOAD_ERROR, "Load error"),
        (UNCONFIRMED, "Unconfirmed"),
        (SOURCE_UNAVAILABLE, "Source unavailable"),
    )


class JobStateChoices(ChoiceSet):
    """What a list of jobs is asked for: whether they are there, why not, and what else is to be known of them."""

    INSTALLED = "installed"
    NOT_ENABLED = "not_enabled"
    DRIFTED = "drifted"
    SYNC_REJECTED = "sync_rejected"

    CHOICES = (
        (INSTALLED, "Installed"),
        *AbsenceChoices.CHOICES,
        (NOT_ENABLED, "Installed, not enabled"),
        (DRIFTED, "Drifted"),
        (SYNC_REJECTED, "Sync rejected"),
    )


class ReconciliationTriggerChoices(ChoiceSet):
    """What started a reconcile."""

    POST_MIGRATE = "post_migrate"
    GIT_SYNC = "git_sync"
    COMMAND = "command"
    JOB = "job"

    CHOICES = (
        (POST_MIGRATE, "Migration"),
        (GIT_SYNC, "Git sync"),
        (COMMAND, "Command"),
        (JOB, "Job"),
    )


class ReconciliationStatusChoices(ChoiceSet):
    """How a reconcile ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"

    CHOICES = (
        (SUCCEEDED, "Succeeded"),
        (FAILED, "Failed"),
        (REJECTED, "Sync rejected"),
    )

    CSS_CLASSES = {
        SUCCEEDED: "success",
        FAILED: "danger",
        REJECTED: "warning",
    }


class OverridableFieldChoices(ChoiceSet):
    """The fields of a job that can be overridden."""

    CHOICES = tuple((field, field.replace("_", " ").capitalize()) for field in OVERRIDABLE_FIELDS)


class OverrideOriginChoices(ChoiceSet):
    """Where an override was made."""

    OPERATOR = "operator"
    CORE = "core"
    POLICY = "policy"
    COLLISION = "collision"

    CHOICES = (
        (OPERATOR, "Operator"),
        (CORE, "Edited in Nautobot's Jobs page"),
        (POLICY, "Policy"),
        (COLLISION, "Collision of names"),
    )


class SuspendedObjectChoices(ChoiceSet):
    """What can be switched off with a job, by the name of its model in Nautobot."""

    SCHEDULE = DependentKind.SCHEDULE.value
    HOOK = DependentKind.HOOK.value
    BUTTON = DependentKind.BUTTON.value

    CHOICES = (
        (SCHEDULE, "Schedule"),
        (HOOK, "Job hook"),
        (BUTTON, "Job button"),
    )


class SuspensionOriginChoices(ChoiceSet):
    """Who switched a schedule, hook or button off when its job went away."""

    CORE = "core"
    REGISTRY = "registry"

    CHOICES = (
        (CORE, "Nautobot"),
        (REGISTRY, "Job Registry"),
    )


class SuspensionOutcomeChoices(ChoiceSet):
    """How a suspension ended, if it has."""

    SUSPENDED = "suspended"
    RESTORED = "restored"
    CHANGED = "changed"
    GONE = "gone"

    CHOICES = (
        (SUSPENDED, "Suspended"),
        (RESTORED, "Restored"),
        (CHANGED, "Changed by a person"),
        (GONE, "Deleted"),
    )

    CSS_CLASSES = {
        SUSPENDED: "warning",
        RESTORED: "success",
        CHANGED: "secondary",
        GONE: "secondary",
    }
