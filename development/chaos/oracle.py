"""What must hold, worked out from what was done, in plain Python: nothing of the app is asked.

It knows the files of the jobs, what each person has decided on either side, and what hangs on a job; and it says what
the records and core's rows have to say of it. What the rules leave open it leaves open, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LOCAL, GIT = "local", "git"
SLUG = "chaos_git"
PLAIN, HOOK, BUTTON = "Job", "JobHookReceiver", "JobButtonReceiver"
KIND_OF_RECEIVER = {PLAIN: "schedule", HOOK: "hook", BUTTON: "button"}
REMOVED = "removed"
TEMPORARY = frozenset({"load_error", "unconfirmed", "source_unavailable"})
THERE, BROKEN, GONE = "there", "broken", "gone"


@dataclass
class Dependent:
    """A schedule, job hook or job button.

    Attributes:
        kind: Which of them.
        name: Its name.
        is_on: Whether it has to be on.
        is_suspended: Whether it is off only because its job went, so that it comes back.
        is_kept_on: Whether a person switched it on in this absence, so that it stays on.
    """

    kind: str
    name: str
    is_on: bool = True
    is_suspended: bool = False
    is_kept_on: bool = False

    def switch_off(self) -> None:
        """Let it go off with its job."""
        if self.is_on:
            self.is_on, self.is_suspended, self.is_kept_on = False, True, False

    def come_back(self) -> None:
        """Let it come back with its job."""
        self.is_on = self.is_on or self.is_suspended
        self.is_suspended = self.is_kept_on = False


@dataclass
class JobState:
    """All that is known of one job.

    Attributes:
        place: The kind of its source.
        module: The module in that source.
        class_name: The name of its class, which a move changes.
        base: Which class it inherits.
        is_written: Whether its class is in the file of the module.
        meta: What its class says.
        previous: The class paths that it says to have had.
        has_record: Whether the registry has a record.
        has_core: Whether core has a row.
        is_linked: Whether the record points at core's row.
        core_installed: Whether core's row says that it is installed.
        absence: Why it is away, as it was seen last.
        said: What its source said when it was read last.
        decided: The value of each field that a person decided, queues as a set of names.
        silent: What was written to core's row without a word since the two sides were compared.
        reasons: Why a field was decided, where that was said and nobody has decided it otherwise since.
        enabled: Whether it may be run.
        runs: How many runs hang on it.
        dependents: What hangs on it, by name.
    """

    place: str
    module: str
    class_name: str
    base: str = PLAIN
    is_written: bool = True
    meta: dict[str, Any] = field(default_factory=dict)
    previous: list[str] = field(default_factory=list)
    has_record: bool = False
    has_core: bool = False
    is_linked: bool = False
    core_installed: bool = False
    absence: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    decided: dict[str, Any] = field(default_factory=dict)
    silent: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    enabled: bool = False
    runs: int = 0
    dependents: dict[str, Dependent] = field(default_factory=dict)

    @property
    def module_name(self) -> str:
        """The dotted name of the module, as Nautobot has it."""
        return self.module if self.place == LOCAL else f"{SLUG}.jobs.{self.module}"

    @property
    def class_path(self) -> str:
        """The dotted path of the class."""
        return f"{self.module_name}.{self.class_name}"

    @property
    def is_there(self) -> bool:
        """Whether it is installed, as far as was seen last."""
        return self.has_record and not self.absence

    def notice(self) -> None:
        """Take what was written to core's row without a word for decided; a row that is not linked tells nothing."""
        if self.is_linked or not self.has_record:
            self.decided.update(self.silent)
            for name in self.silent:
                self.reasons.pop(name, None)
        self.silent = {}

    def decide(self, name: str, value: Any, reason: str = "") -> None:
        """Take a decision about a field, None to have it follow the source."""
        self.notice()
        self.reasons.pop(name, None)
        if value is None:
            self.decided.pop(name, None)
            return
        self.decided[name] = value
        if reason:
            self.reasons[name] = reason

    def lose_core_row(self) -> None:
        """Delete core's row, and with it the hooks and buttons."""
        self.has_core = self.is_linked = self.core_installed = False
        self.silent = {}
        self.dependents = {name: one for name, one in self.dependents.items() if one.kind == "schedule"}

    def lose_record(self) -> None:
        """Delete the record, and core's row with it: what is on goes off, and nothing comes back by itself."""
        self.lose_core_row()
        self.has_record, self.absence, self.enabled = False, "", False
        self.decided, self.reasons = {}, {}
        for dependent in self.dependents.values():
            dependent.is_on = dependent.is_suspended = dependent.is_kept_on = False


@dataclass
class Files:
    """The files of one source.

    Attributes:
        modules: What is the matter with each module.
        classes: What the class of each job says, by its key; those that are not there are left out.
        is_reachable: Whether there is anything to read.
    """

    modules: dict[str, str]
    classes: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_reachable: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether all of it can be read."""
        return self.is_reachable and BROKEN not in self.modules.values()

    @property
    def is_empty(self) -> bool:
        """Whether there is no file at all."""
        return all(state == GONE for state in self.modules.values())


@dataclass
class Oracle:
    """All jobs, and the files that Nautobot reads.

    Attributes:
        jobs: The jobs by a key that never changes.
        files: The files of each source, as Nautobot reads them: of the repository, those of the last good sync.
    """

    jobs: dict[str, JobState]
    files: dict[str, Files]

    def of(self, place: str | None) -> Iterator[tuple[str, JobState]]:
        """Yield the jobs of one source, or of all."""
        return ((key, job) for key, job in self.jobs.items() if place in (None, job.place))

    def is_present(self, key: str) -> bool:
        """Say whether the class of a job can be loaded."""
        job = self.jobs[key]
        files = self.files[job.place]
        return files.is_reachable and files.modules[job.module] == THERE and key in files.classes

    def core_refreshes(self, place: str | None, *, is_saved: bool = False) -> None:
        """Let core refresh its own rows.

        Args:
            place: The source that it reads; None for all.
            is_saved: Whether core saves the rows, so that what hangs on one that is missing is switched off.
        """
        for key, job in self.of(place):
            if self.is_present(key):
                if not job.has_core:
                    job.has_core, job.is_linked, job.silent = True, False, {}
                job.core_installed = True
            elif job.has_core:
                if is_saved and job.core_installed:
                    self.core_row_is_saved(job, installed=False)
                job.core_installed = False

    def core_row_is_saved(self, job: JobState, *, installed: bool) -> None:
        """Let core save a row: with one that is not installed it switches off what hangs on it."""
        if not installed:
            for dependent in job.dependents.values():
                dependent.switch_off()

    def absences(self, key: str) -> frozenset[str]:
        """Return what a record may say of the absence of a job, once its source has been read."""
        job = self.jobs[key]
        files = self.files[job.place]
        if self.is_present(key):
            return frozenset({""})
        before = frozenset({REMOVED}) if job.absence == REMOVED else frozenset()
        if not files.is_reachable or (job.place == LOCAL and files.is_empty):
            return before | {"source_unavailable"}
        if files.is_complete:
            return frozenset({REMOVED})
        if files.modules[job.module] == BROKEN and job.is_written:
            return before | {"load_error"}
        return before | {"load_error", "unconfirmed"}

    def reconciled(self, place: str | None, seen: Mapping[str, tuple[bool, str]]) -> None:
        """Let a reconcile of one source, or of all, come by.

        Args:
            place: The source; None for all.
            seen: Of each job whether the record is installed, and its absence: what is left open is taken from there.
        """
        for key, job in self.of(place):
            is_present = self.is_present(key)
            if key not in seen:
                continue
            if not job.has_record:
                job.has_record = True
            if is_present:
                job.said = dict(self.files[job.place].classes[key])
                if not job.has_core:
                    job.has_core = job.core_installed = True
            job.is_linked = job.has_core
            installed, job.absence = seen[key]
            if installed and job.core_installed:
                for dependent in job.dependents.values():
                    dependent.come_back()
            elif job.absence == REMOVED:
                for dependent in job.dependents.values():
                    if not dependent.is_kept_on:
                        dependent.switch_off()

    def queue_is_deleted(self, name: str) -> None:
        """Let a queue be deleted: who chose it has one less, or nothing chosen."""
        for job in self.jobs.values():
            for chosen in (job.decided, job.silent):
                if chosen.get("default_job_queue") == name:
                    del chosen["default_job_queue"]
                if "job_queues" in chosen:
                    chosen["job_queues"] = chosen["job_queues"] - {name}

    def queue_is_renamed(self, old: str, new: str) -> None:
        """Let a queue be called otherwise."""
        for job in self.jobs.values():
            for chosen in (job.decided, job.silent):
                if chosen.get("default_job_queue") == old:
                    chosen["default_job_queue"] = new
                if old in chosen.get("job_queues", ()):
                    chosen["job_queues"] = (chosen["job_queues"] - {old}) | {new}

    def is_in_use(self, queue: str) -> bool:
        """Say whether a queue is what a row of core's has to have."""
        return any(job.has_core and job.decided.get("default_job_queue") == queue for job in self.jobs.values())


def in_step(rows: Iterable[tuple[str, Any, Any]]) -> list[str]:
    """Return in words what the two sides say otherwise.

    Args:
        rows: The name of a field, what the record says, and what core's row says.
    """
    return [f"{name}: the record says {ours!r}, core's row {theirs!r}" for name, ours, theirs in rows if ours != theirs]
