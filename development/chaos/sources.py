"""The files of the jobs of a walk: a JOBS_ROOT, and a Git repository that is served over HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from development.chaos.oracle import BROKEN, BUTTON, GIT, GONE, HOOK, LOCAL, SLUG, THERE, Files, JobState, Oracle
from development.git_server import ExampleRepository, GitServer
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

# By a key that never changes: where a job is, the class that it has at first, and what it inherits.
JOBS = {
    "alpha": (LOCAL, "alpha", "Alpha", "Job"),
    "beta": (LOCAL, "beta", "Beta", "Job"),
    "gamma": (LOCAL, "beta", "Gamma", "Job"),
    "hooked": (LOCAL, "hooked", "Hooked", HOOK),
    "pressed": (LOCAL, "pack.pressed", "Pressed", BUTTON),
    "steady": (LOCAL, "steady", "Steady", "Job"),
    "delta": (GIT, "delta", "Delta", "Job"),
    "echo": (GIT, "delta", "Echo", HOOK),
    "fox": (GIT, "fox", "Fox", BUTTON),
    "golf": (GIT, "golf", "Golf", "Job"),
}
MISSING_LIBRARY = "import a_library_of_chaos_that_is_not_there"
RECEIVES = {HOOK: "receive_job_hook(self, change, action, changed_object)", BUTTON: "receive_job_button(self, obj)"}


def begun() -> Oracle:
    """Return an oracle that knows the files at the beginning, and nothing of what Nautobot knows."""
    jobs = {
        key: JobState(place, module, name, base, meta={"name": f"Chaos {key}", "description": "as it was at first"})
        for key, (place, module, name, base) in JOBS.items()
    }
    oracle = Oracle(jobs, {})
    for place in (LOCAL, GIT):
        oracle.files[place] = Files(dict.fromkeys(sorted({job.module for _, job in oracle.of(place)}), THERE))
    return oracle


class Workshop:
    """Where the files are written.

    Attributes:
        oracle: Is told what Nautobot can read from now on.
        committed: What is in the repository, whether Nautobot has synced it or not.
    """

    def __init__(self, oracle: Oracle, jobs_root: Path, git_root: Path, server: GitServer) -> None:
        """Write all files anew."""
        self.oracle, self.jobs_root, self.clone = oracle, jobs_root, git_root / SLUG
        for path in jobs_root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.clone, ignore_errors=True)
        self.away = server.folder / f"{SLUG}.away"
        shutil.rmtree(self.away, ignore_errors=True)
        self.repository: ExampleRepository = server.repository(SLUG)
        self.committed = Files(dict(oracle.files[GIT].modules))
        for path in ("__init__.py", "jobs/__init__.py"):
            self.repository.write(path, "")
        for place in (LOCAL, GIT):
            for module in oracle.files[place].modules:
                self.write(place, module)
        self.commit("Begin")

    def modules(self, place: str) -> dict[str, str]:
        """Return what is the matter with each module of a source, as it is written."""
        return self.oracle.files[LOCAL].modules if place == LOCAL else self.committed.modules

    def is_complete(self, place: str) -> bool:
        """Say whether all that is written can be read."""
        return self.oracle.files[place].is_reachable and BROKEN not in self.modules(place).values()

    def write(self, place: str, module: str) -> None:
        """Write a module as its jobs are, or remove it."""
        state = self.modules(place)[module]
        jobs = {key: job for key, job in self.oracle.of(place) if job.module == module}
        folder = self.jobs_root if place == LOCAL else self.repository.work_tree / "jobs"
        path = Path(folder, *module.split(".")).with_suffix(".py")
        path.unlink(missing_ok=True)
        if state != GONE:
            written = [job for job in jobs.values() if job.is_written]
            JobModuleFactory(
                folder=folder,
                name=module,
                grouping=f"Chaos {module}",
                classes=[_class(job) for job in written],
                before=MISSING_LIBRARY if state == BROKEN else "",
            )
        if place == LOCAL:
            self._note(self.oracle.files[LOCAL])

    def _note(self, files: Files) -> None:
        """Note which classes are in the files, and what they say."""
        place = LOCAL if files is self.oracle.files[LOCAL] else GIT
        files.classes = {
            key: {"grouping": f"Chaos {job.module}", **job.meta}
            for key, job in self.oracle.of(place)
            if job.is_written and files.modules[job.module] == THERE
        }

    def set_state(self, place: str, module: str, state: str) -> None:
        """Break, remove or mend a module."""
        self.modules(place)[module] = state
        self.write(place, module)
        if place == GIT:
            self.commit(f"{module} is {state}")

    def rewrite(self, job: JobState, message: str) -> None:
        """Write the module of a job whose class has changed."""
        self.write(job.place, job.module)
        if job.place == GIT:
            self.commit(message)

    def commit(self, message: str) -> None:
        """Commit what is in the work tree, with the list of the modules that are there."""
        names = [name for name, state in self.committed.modules.items() if state != GONE]
        imports = f"from . import {', '.join(names)}\n" if names else ""
        is_away = self.away.exists()
        if is_away:
            self.away.rename(self.repository.bare)
        self.repository.commit(message, {"jobs/__init__.py": imports})
        if is_away:
            self.repository.bare.rename(self.away)
        self._note(self.committed)

    def synced(self) -> bool:
        """Let Nautobot sync the repository, and say whether it can."""
        if self.away.exists() or not self.committed.is_complete:
            return False
        self.oracle.files[GIT] = Files(dict(self.committed.modules), dict(self.committed.classes))
        return True

    def cut_off(self) -> None:
        """Take the clone away, and the repository with it."""
        if not self.away.exists():
            self.repository.bare.rename(self.away)
        shutil.rmtree(self.clone, ignore_errors=True)
        self.oracle.files[GIT].is_reachable = False

    def reconnect(self) -> None:
        """Bring the repository back: the next one who needs the clone makes it anew."""
        if self.away.exists():
            self.away.rename(self.repository.bare)
        self.oracle.files[GIT].is_reachable = True

    def take_away_all(self) -> dict[str, str]:
        """Empty the JOBS_ROOT, as one that is not mounted, and return what was there."""
        before = dict(self.modules(LOCAL))
        for module in before:
            self.set_state(LOCAL, module, GONE)
        shutil.rmtree(self.jobs_root / "pack", ignore_errors=True)
        return before


def _class(job: JobState) -> Any:
    body = f"previous_class_paths = {job.previous!r}" if job.previous else ""
    if job.base in RECEIVES:
        body += f"\ndef {RECEIVES[job.base]}:\n    return None\n"
    return JobClassSourceFactory(name=job.class_name, base=job.base, meta=job.meta, body=body)
