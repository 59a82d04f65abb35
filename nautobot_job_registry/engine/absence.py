"""Why a class is not there, and when that says nothing about its job (rule 3)."""

from __future__ import annotations

from dataclasses import replace

from nautobot_job_registry.engine.descriptor import Absence, Discovery, Registrar, ScanStatus, Source
from nautobot_job_registry.engine.records import JobKey, RegistryState


def absence(discovery: Discovery, source: Source, key: JobKey, known: str = "") -> str:
    """Say why a class is not there; a removal that was confirmed once stays one (rule 3).

    Args:
        discovery: What the sources in scope said.
        source: Where the class comes from.
        key: Module and class name.
        known: The absence that is known already; empty where there is none.

    Returns:
        The value of an `Absence`.
    """
    scan, registrar = discovery.by_source.get(source), discovery.registrars.get(key)
    if key in discovery.failed_classes:
        found = Absence.LOAD_ERROR
    elif known == Absence.REMOVED.value or (scan is None and registrar is None):
        found = Absence.REMOVED
    elif scan is None:
        # A source that there never was: a library's name, before it was known who registers its classes.
        found = _absence_of(registrar, is_complete=True)
    elif scan.status is ScanStatus.UNAVAILABLE:
        found = Absence.SOURCE_UNAVAILABLE
    else:
        found = _absence_of(registrar, is_complete=scan.status is ScanStatus.COMPLETE)
    return found.value


def _absence_of(registrar: Registrar | None, *, is_complete: bool) -> Absence:
    """Say why a class is not there whose source was read, by what is known of the file that registered it.

    Args:
        registrar: What is known of it; None where it was not asked.
        is_complete: Whether all of the source could be read.
    """
    if registrar is Registrar.BROKEN:
        return Absence.LOAD_ERROR
    if registrar is Registrar.OUT_OF_REACH:
        return Absence.UNCONFIRMED
    if is_complete:
        return Absence.REMOVED
    return Absence.LOAD_ERROR if registrar is None else Absence.UNCONFIRMED


def is_left_alone(discovery: Discovery, source: Source, key: JobKey) -> bool:
    """Say whether a process that has loaded other code than is on the disk may say nothing about a job."""
    scan = discovery.by_source.get(source)
    return scan is not None and (scan.is_outdated or key in scan.outdated)


def with_emptied_sources(discovery: Discovery, state: RegistryState) -> Discovery:
    """Take a folder that held jobs and is wholly empty for one that is not mounted, unless a person says otherwise.

    One that never held any, or whose jobs have all been removed, is what it seems to be.

    Args:
        discovery: What the sources in scope said.
        state: What the database holds.
    """
    empty = {scan.source for scan in discovery.scans if scan.is_empty and scan.status is ScanStatus.COMPLETE}
    if discovery.confirms_empty or not empty:
        return discovery
    emptied = empty & {record.source for record in state.jobs.values() if not record.is_removed}
    scans = (
        replace(scan, status=ScanStatus.UNAVAILABLE) if scan.source in emptied else scan for scan in discovery.scans
    )
    return replace(discovery, scans=tuple(scans)) if emptied else discovery
