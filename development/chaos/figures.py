"""What a run of chaos has counted, as a table and as JSON, and whether it held."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# In the order in which they are shown; those that have to be zero are marked.
COUNTED = {
    "steps": "steps of the walk",
    "rounds": "rounds of the walk",
    "reconciles": "reconciles",
    "refreshes": "refreshes of core's own",
    "syncs": "Git syncs",
    "kills": "processes killed",
    "terminated": "backends terminated",
    "deadlocks": "deadlocks that PostgreSQL counted",
    "edits": "edits made",
    "answers_503": "requests answered 503 (nothing was changed, to be tried again)",
    "lost_races": "saves of core's rows by a program that a deadlock ended, tried again",
    "lost_connections": "works that ended with their connection",
    "reconciles_failed": "reconciles that failed, for the next one to mend",
    "syncs_failed": "Git syncs that failed by git itself",
}
ZEROS = {
    "lost": "edits lost",
    "answers_500": "requests answered 500 or otherwise refused: what reached a person",
    "deadlocks_reached": "deadlocks that reached who had asked",
    "broken": "broken invariants",
    "not_empty": "plans that were not empty after they were applied",
    "stay_failed": "reconciles that stay failed",
    "crashed": "processes that ended by themselves",
}


@dataclass
class Figures:
    """Numbers by their names, and what was found, in words.

    Attributes:
        counts: The numbers.
        findings: A text for each thing that did not hold.
    """

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, name: str, number: int = 1) -> None:
        """Count something."""
        self.counts[name] += number

    def find(self, name: str, text: str) -> None:
        """Count something that should not be, and keep what it was."""
        self.counts[name] += 1
        self.findings.append(text)

    @property
    def hold(self) -> bool:
        """Whether all is zero that has to be."""
        return not any(self.counts[name] for name in ZEROS)

    def table(self) -> str:
        """Return the numbers as lines of a table."""
        rows = [(text, self.counts[name], "") for name, text in COUNTED.items()]
        rows += [
            (text, self.counts[name], "" if not self.counts[name] else "  <- not 0") for name, text in ZEROS.items()
        ]
        width = max(len(text) for text, *_ in rows)
        return "\n".join(f"{text:<{width}}{number:>9}{mark}" for text, number, mark in rows)

    def as_json(self) -> dict[str, Any]:
        """Return the same as data."""
        names = (*COUNTED, *ZEROS)
        return {"figures": {name: self.counts[name] for name in names}, "findings": self.findings, "held": self.hold}

    def write(self, path: Path) -> None:
        """Store them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")


def read(path: Path) -> Figures:
    """Read what was stored; a file that is missing is of a process that ended by itself."""
    if not path.exists():
        return Figures(Counter(crashed=1), [f"{path.name}: the process ended without a word."])
    document = json.loads(path.read_text(encoding="utf-8"))
    return Figures(Counter(document["figures"]), document["findings"])


def together(parts: Iterable[Figures]) -> Figures:
    """Return the sum of several."""
    whole = Figures()
    for part in parts:
        whole.counts.update(part.counts)
        whole.findings += part.findings
    return whole
