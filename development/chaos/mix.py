"""Many at the same time: reconciles, editors on both sides, core's own refresh, Git syncs; and somebody who kills.

Every few seconds all of them pause. Then one reconcile is made, and it is asked whether what each editor was told to
be done is in effect on both sides, and whether there is nothing left to do.

Run by `development.chaos` in a process of its own, on a database of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nautobot

from development import database

nautobot.setup(str(database.CONFIG))

from django.conf import settings
from django.db import connection, connections

from development.chaos import actors, quiet, sources
from development.chaos.figures import Figures, read, together
from development.chaos.world import World
from development.git_server import GitServer, serving
from development.server_process import die_with_parent

RECONCILERS = 8
SECONDS_BETWEEN_PAUSES = 20.0
SECONDS_BETWEEN_KILLS = 1.5
# What a pause waits for: a sync that goes on, on a machine that does other things, too.
SECONDS_TO_PAUSE = 120.0


class Mix:
    """All that goes on at the same time."""

    def __init__(self, options: argparse.Namespace, server: GitServer) -> None:
        """Make the files and the registry anew; nothing goes on yet."""
        self.options, self.server = options, server
        self.folder: Path = options.json.parent / "mix"
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            path.unlink()
        self.rng = random.Random(f"{options.seed}/mix")
        self.figures = Figures()
        self.children: dict[str, int] = {}
        self.told = 0
        self.expected: dict[str, dict[str, Any]] = {}
        self.shop = sources.Workshop(sources.begun(), Path(settings.JOBS_ROOT), Path(settings.GIT_ROOT), server)
        self._run_apart("begin", self._begin)
        self.deadlocks = _deadlocks()
        connections.close_all()

    def _begin(self, figures: Figures) -> None:
        world = World(figures)
        world.begin(self.shop.repository.url)
        world.sync()
        world.migrate()

    def begin(self) -> None:
        """Let all of them go."""
        for number in range(1, RECONCILERS + 1):
            self._start(f"reconcile-{number}", actors.reconciling)
        for name in ("editor-1", "editor-2"):
            self._start(name, actors.editing)
        self._start("saver", actors.saving)
        self._start("core", actors.refreshing_core)
        self._start("git", lambda actor: actors.syncing(actor, self.shop))

    def _start(self, name: str, work: Callable[[Any], None]) -> None:
        self.children[name] = _forked(lambda: actors.begun(name, self.folder, self.options.seed).run(work))

    def go_on(self, seconds: float) -> None:
        """Let them go on for a while, with some of them killed meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.rng.random() * 2 * SECONDS_BETWEEN_KILLS)
            if self.options.no_kills:
                continue
            name = f"reconcile-{self.rng.randint(1, RECONCILERS)}"
            if self.rng.random() < 0.5:
                self._kill(name)
            else:
                self._run_apart("terminate", lambda figures, name=name: _terminate(name, figures))

    def _kill(self, name: str) -> None:
        os.kill(self.children[name], signal.SIGKILL)
        os.waitpid(self.children[name], 0)
        self.figures.add("kills")
        self._start(name, actors.reconciling)

    def pause(self) -> None:
        """Have all of them pause, and see whether all is as it has to be."""
        (self.folder / "pause").touch()
        states = self._states()
        for lock in Path(settings.GIT_ROOT).glob("*/.git/*.lock"):
            lock.unlink()
        unsure = set()
        for state in states.values():
            self.figures.counts.update(state["counts"])
            self.figures.findings += state["findings"]
            unsure |= {tuple(one) for one in state["unsure"]}
            for job, values in state["told"].items():
                self.expected.setdefault(job, {}).update(values)
        for job, name in unsure:
            self.expected.get(job, {}).pop(name, None)
        lost = self.folder / "lost"
        lost.write_text("[]")
        self._run_apart("quiet", lambda figures: quiet.look(figures, self.expected, lost))
        for job, name in json.loads(lost.read_text()):
            del self.expected[job][name]
        (self.folder / "pause").unlink()
        while any(self.folder.glob("*.paused")):
            time.sleep(0.02)

    def _states(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS_TO_PAUSE
        states: dict[str, Any] = {}
        while len(states) < len(self.children) and time.monotonic() < end:
            time.sleep(0.05)
            for name, child in self.children.items():
                path = self.folder / f"{name}.paused"
                if name not in states and path.exists():
                    states[name] = json.loads(path.read_text())
                elif os.waitpid(child, os.WNOHANG)[0]:
                    raise RuntimeError(f"{name} ended by itself")
        for name in self.children.keys() - states.keys():
            self.figures.find("crashed", f"{name} did not pause within {SECONDS_TO_PAUSE:g} s")
        return states

    def _run_apart(self, name: str, work: Callable[[Figures], None]) -> None:
        """Do what needs a database in a process of its own: this one has no connection that others would inherit."""
        path = self.folder / f"{name}.json"
        path.unlink(missing_ok=True)

        def counted() -> None:
            figures = Figures()
            work(figures)
            figures.write(path)

        os.waitpid(_forked(counted), 0)
        self.figures = together([self.figures, read(path)])

    def tell(self) -> None:
        """Print what was found since the last time."""
        for text in self.figures.findings[self.told :]:
            print(f"\n{text}\n", flush=True)
        self.told = len(self.figures.findings)

    def end(self) -> None:
        """Stop all of them."""
        for child in self.children.values():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.figures.counts["deadlocks"] = _deadlocks() - self.deadlocks


def _forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own, and return its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        die_with_parent()
        work()
        code = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _terminate(name: str, figures: Figures) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [name],
        )
        figures.add("terminated", cursor.fetchone()[0])


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def main() -> int:
    """Let all of it go on as long as there is time, and return 0 where all held."""
    options = _options()
    end = time.monotonic() + options.seconds
    with serving(options.json.parent / "git_server_of_mix") as server:
        mix = Mix(options, server)
        mix.begin()
        try:
            while time.monotonic() < end:
                mix.go_on(min(SECONDS_BETWEEN_PAUSES, max(1.0, end - time.monotonic())))
                mix.pause()
                counts = mix.figures.counts
                names = ("reconciles", "edits", "lost", "kills", "terminated", "answers_500", "answers_503")
                mix.tell()
                print("mix: " + ", ".join(f"{name} {counts[name]}" for name in names), flush=True)
        finally:
            mix.end()
    mix.figures.write(options.json)
    return 0 if mix.figures.hold else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--no-kills", action="store_true", help="nobody is killed")
    return parser.parse_known_args()[0]


if __name__ == "__main__":
    sys.exit(main())
