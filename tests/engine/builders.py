"""Builders of the engine's data, every value of which a test may set."""

from typing import Any
from uuid import UUID, uuid5

from nautobot_job_registry.engine.descriptor import (
    Discovery,
    JobDescriptor,
    LoadFailure,
    ScanStatus,
    Source,
    SourceScan,
    SourceText,
    SourceType,
)
from nautobot_job_registry.engine.fields import OVERRIDE_FLAGS, RECORD_COLUMNS
from nautobot_job_registry.engine.records import CoreState, JobRecord, RegistryState

NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
LOCAL = Source(SourceType.LOCAL, "JOBS_ROOT")
GIT = Source(SourceType.GIT, "repo")
METADATA = {
    "grouping": "Group",
    "name": "Name",
    "description": "What it does",
    "hidden": False,
    "console_log_default": False,
    "dryrun_default": False,
    "soft_time_limit": 0.0,
    "time_limit": 0.0,
    "has_sensitive_variables": True,
    "is_singleton": False,
    "job_queues": ["default"],
    "default_job_queue": "default",
    "is_job_hook_receiver": False,
    "is_job_button_receiver": False,
    "read_only": False,
    "supports_dryrun": False,
    "variables": [],
}


def make_descriptor(
    module: str = "mod",
    source: Source = LOCAL,
    code: str = "x = 1",
    registered_in: str = "",
    is_runnable: bool = True,
    **metadata: Any,
) -> JobDescriptor:
    text = SourceText(code.encode())
    return JobDescriptor(module, "Cls", source, "", {**METADATA, **metadata}, text, registered_in, is_runnable)


def make_scan(
    *descriptors: JobDescriptor,
    source: Source = LOCAL,
    status: ScanStatus = ScanStatus.COMPLETE,
    version: str = "",
    failures: tuple[LoadFailure, ...] = (),
    **values: Any,
) -> SourceScan:
    return SourceScan(source, status, version, None, tuple(descriptors), failures, **values)


def make_discovery(*scans: SourceScan, scope: Source | None = None, **values: Any) -> Discovery:
    return Discovery(scans=scans, scope=scope, **values)


def make_failure(module: str = "mod", cls: str = "", source: Source = LOCAL, message: str = "boom") -> LoadFailure:
    return LoadFailure(source, "", module, cls, f"{module}.py", 3, "ValueError", message, "Traceback")


def make_record(descriptor: JobDescriptor, number: int = 1, **columns: Any) -> JobRecord:
    """Return the record that a reconcile leaves of a descriptor, with some columns set otherwise."""
    metadata = descriptor.metadata
    values = {
        "source_type": descriptor.source.type.value,
        "source_name": descriptor.source.name,
        "source_version": descriptor.source_version,
        "git_repository": None,
        "installed": True,
        "absence": "",
        "registered_in": descriptor.registered_in,
        **{name: metadata[name] for name in RECORD_COLUMNS if name in metadata},
        "job_queues": tuple(sorted(metadata["job_queues"])),
        **dict.fromkeys(OVERRIDE_FLAGS, False),
        "enabled": False,
        **columns,
    }
    return JobRecord(
        id_text=str(uuid5(NAMESPACE, descriptor.class_path)),
        key=descriptor.key,
        values=tuple(values[name] for name in RECORD_COLUMNS),
        revision_number=number,
        metadata_hash=descriptor.metadata_hash,
        source_hash=descriptor.source_hash,
        core_job_text=str(core_id(descriptor)),
    )


def core_id(descriptor: JobDescriptor) -> UUID:
    """Return the primary key of core's row."""
    return uuid5(NAMESPACE, f"core {descriptor.class_path}")


def make_core(
    descriptor: JobDescriptor, enabled: bool = False, known: dict[str, Any] | None = None, **overrides: Any
) -> CoreState:
    metadata = descriptor.metadata
    values = {name: metadata[name] for name in RECORD_COLUMNS if name in metadata}
    values["job_queues"] = tuple(values["job_queues"])
    flags = {name: metadata[name] for name in ("is_job_hook_receiver", "is_job_button_receiver")}
    flags |= {"read_only": False, "supports_dryrun": False}
    return CoreState(
        core_id(descriptor), descriptor.key, enabled, values | overrides, frozenset(overrides), flags, known
    )


def make_state(*records: JobRecord, core: tuple[CoreState, ...] = (), errors: tuple[Any, ...] = ()) -> RegistryState:
    return RegistryState(
        jobs={record.key: record for record in records},
        core={state.key: state for state in core},
        errors={error.key: error for error in errors},
    )
