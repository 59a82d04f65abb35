"""Those who do things at the same time, each in a process of its own: reconciles, editors, core, Git syncs.

An actor goes on until it is stopped. Where the file `pause` is there it writes what it knows and counted into a file,
and waits until the other one is gone: files, as a process that is killed leaves no lock behind.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connections
from nautobot.extras.models import Job

from development.chaos.figures import Figures
from development.chaos.sources import Workshop
from development.chaos.steps import VALUES, says
from development.chaos.world import ADDRESS, CORE_ADDRESS, World, as_body, put
from nautobot_job_registry.engine.fields import override_flag
from nautobot_job_registry.models import RegisteredJob
from nautobot_job_registry.reconcile import reconcile

# Who owns which fields: nobody else decides about them, so that each knows what has to be in effect.
FIELDS = {
    "editor-1": ("description", "time_limit", "job_queues", "enabled"),
    "editor-2": ("grouping", "hidden", "default_job_queue", "name"),
    "saver": ("soft_time_limit", "is_singleton", "has_sensitive_variables"),
}
# Values that core's row cannot have had before. Whoever asks core's own REST for what an old picture of the row says
# already asks for nothing, and gets nothing.
NEW_VALUES = {"soft_time_limit": lambda rng: 1.0 + rng.randrange(1_000_000)}
DEADLOCK = "deadlock detected"
TERMINATED = ("terminating connection", "connection already closed", "server closed the connection")


class Heard(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.errors.append(record.getMessage())


class Actor:
    """One of those who do things.

    Attributes:
        name: Its name, which its connections to the database have, too.
        told: What has to be in effect by what it was told since the last pause: of each field of each job the value,
            None for none, and when.
    """

    def __init__(self, name: str, folder: Path, seed: str) -> None:
        """Begin with nothing decided."""
        self.name, self.folder = name, folder
        self.rng = random.Random(f"{seed}/{name}/{os.getpid() if name.startswith('reconcile') else ''}")
        self.figures = Figures()
        self.told: dict[str, dict[str, Any]] = {}
        os.environ["PGAPPNAME"] = name
        # Whoever edits is not to wait for a processor that many reconciles keep busy: they are to meet.
        os.nice(0 if name in FIELDS else 5)
        connections.close_all()
        self.world = World(self.figures)
        # What has been asked for and not been answered for sure: either may be in effect.
        self.unsure: set[tuple[str, str]] = set()

    def run(self, work: Callable[[Actor], None]) -> None:
        """Do it again and again, with a pause where one is asked for."""
        while True:
            if (self.folder / "pause").exists():
                self.wait()
            close_old_connections()
            try:
                work(self)
            except (OperationalError, InterfaceError) as error:
                self.ended_by_the_database(error)

    def ended_by_the_database(self, error: Exception) -> None:
        """Count what the database has ended, and begin with another connection."""
        text = str(error)
        if any(words in text for words in TERMINATED):
            self.figures.add("lost_connections")
        elif DEADLOCK in text and self.name == "saver":
            self.figures.add("lost_races")
        else:
            self.figures.find("deadlocks_reached", f"{self.name}: {text[:500]}")
        connections.close_all()

    def wait(self) -> None:
        """Tell what is known, and wait."""
        connections.close_all()
        state = {"told": self.told, "unsure": sorted(self.unsure), **self.figures.as_json()}
        state["counts"] = dict(self.figures.counts)
        path = self.folder / f"{self.name}.paused"
        path.with_suffix(".new").write_text(json.dumps(state))
        path.with_suffix(".new").rename(path)
        self.figures.counts, self.figures.findings = Counter(), []
        self.told, self.unsure = {}, set()
        while (self.folder / "pause").exists():
            time.sleep(0.02)
        path.unlink(missing_ok=True)

    def now_in_effect(self, job: str, name: str, value: Any) -> None:
        """Note what was decided, as it was acknowledged."""
        moment = datetime.now(timezone.utc).isoformat()
        self.told.setdefault(job, {})[name] = (_plain(value), moment)
        self.unsure.discard((job, name))
        self.figures.add("edits")


def begun(name: str, folder: Path, seed: str) -> Actor:
    """Return one of them; its connection may be ended while it begins."""
    while True:
        try:
            return Actor(name, folder, seed)
        except (OperationalError, InterfaceError):
            connections.close_all()


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def reconciling(actor: Actor) -> None:
    """Reconcile as a command, of all or of one source, or as a migration."""
    way = actor.rng.choice(("all", "all", "local", "migrate"))
    actor.figures.add("reconciles")
    try:
        if way == "migrate":
            actor.world.migrate()
            actor.figures.add("reconciles", -1)
        else:
            reconcile(None if way == "all" else way)
    except DatabaseError:
        actor.figures.add("reconciles_failed")
        raise


def refreshing_core(actor: Actor) -> None:
    """Refresh core's own rows as a migration does: each is read, and all its columns are saved."""
    actor.world.refresh_core()


def syncing(actor: Actor, shop: Workshop) -> None:
    """Commit a change, and sync the repository by core's own job."""
    job = actor.rng.choice([job for _, job in shop.oracle.of("git")])
    job.meta = {**job.meta, "description": f"committed {actor.rng.randrange(10_000)}"}
    shop.rewrite(job, "Change a job")
    heard = Heard()
    logging.getLogger().addHandler(heard)
    try:
        if actor.world.sync():
            return
    finally:
        logging.getLogger().removeHandler(heard)
    # Core says no more of it in the result than that something went wrong.
    told = "\n".join(heard.errors)
    if DEADLOCK in told:
        actor.figures.find("deadlocks_reached", f"A Git sync failed: {told[:1500]}")
    else:
        actor.figures.add("syncs_failed")
        actor.figures.findings.append(f"Seen beside: a Git sync failed otherwise: {told[:700]}")
        # A clone that somebody was killed in is nothing that core would mend.
        shutil.rmtree(shop.clone, ignore_errors=True)


def editing(actor: Actor) -> None:
    """PATCH a field of a record, or clear it."""
    record = actor.rng.choice(list(_records().only("pk", "module_name", "job_class_name", "enabled")))
    name, key = actor.rng.choice(FIELDS[actor.name]), record.class_path
    value = _some_value(actor, name)
    if name == "enabled":
        value = actor.rng.random() < 0.5
        body = {"enabled": value}
    elif value is None:
        body = {override_flag(name): False}
    else:
        body = {**as_body(name, value), "override_reason": f"By {actor.name}"}
    _ask(actor, f"{ADDRESS}{record.pk}/", body, key, name, value)
    time.sleep(actor.rng.random() * 0.05)


def _ask(actor: Actor, address: str, body: dict[str, Any], key: str, name: str, value: Any) -> None:
    actor.unsure.add((key, name))
    answer = actor.world.client.patch(address, json.dumps(body), content_type="application/json")
    text = answer.content.decode(errors="replace")[:500]
    if answer.status_code == 200:
        actor.now_in_effect(key, name, value)
        return
    actor.unsure.discard((key, name))
    if answer.status_code == 503:
        actor.figures.add("answers_503")
    elif address.startswith(CORE_ADDRESS) and DEADLOCK in text:
        actor.figures.find("deadlocks_reached", f"PATCH of core's row answered {answer.status_code}: {text}")
    else:
        actor.figures.find("answers_500", f"PATCH {body} of {key} answered {answer.status_code}: {text}")


def saving(actor: Actor) -> None:
    """Save a row of core's that was read a while ago: as it was read, or with something decided in it."""
    row = actor.rng.choice(list(Job.objects.filter(pk__in=_records().values("core_job"))))
    key, name = row.class_path, actor.rng.choice(FIELDS["saver"])
    time.sleep(actor.rng.random() * 0.2)
    value = _some_value(actor, name)
    if actor.rng.random() < 0.25 and value is not None and name in NEW_VALUES:
        body = {name: value, override_flag(name): True}
        _ask(actor, f"{CORE_ADDRESS}{row.pk}/", body, key, name, value)
        return
    decides = actor.rng.random() < 0.7 and not says(row, name, value)
    if decides:
        actor.unsure.add((key, name))
        setattr(row, override_flag(name), value is not None)
        if value is not None:
            put(row, name, value)
    row.save()
    if decides:
        actor.now_in_effect(key, name, value)


def _some_value(actor: Actor, name: str) -> Any:
    if name == "enabled" or actor.rng.random() < 0.25:
        return None
    return NEW_VALUES.get(name, VALUES[name])(actor.rng)


def _records() -> Any:
    return RegisteredJob.objects.exclude(module_name__startswith="nautobot").filter(installed=True).order_by("pk")
