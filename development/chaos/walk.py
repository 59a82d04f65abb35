"""The random walk: one step after the other, and after each a look at whether all is as the oracle says.

A walk is made of rounds, each of which begins anew and is known by the seed and its number. What a step does is chosen
by its own random numbers, so that some of the steps of a round can be left out and the others stay as they are: that is
how a round that failed is made shorter.

Run by `development.chaos` in a process of its own, on a database of its own.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Collection, Iterator
from pathlib import Path

import nautobot

from development import database

nautobot.setup(str(database.CONFIG))

from django.conf import settings

from development.chaos import checks, holding, sources, steps, upheavals
from development.chaos.checks import BrokenError
from development.chaos.figures import Figures
from development.chaos.world import World
from development.git_server import GitServer, serving

STEPS = 60
WEIGHTS = {**steps.DECISIONS, **holding.HOLDING, **upheavals.UPHEAVALS}
NAMES = {step.__name__: step for step in WEIGHTS}


class Walk(steps.Walk):
    """A walk that is looked after."""

    def check(self) -> None:
        """See whether all is as the oracle says.

        Raises:
            BrokenError: Says what is not.
        """
        wrong = list(checks.always())
        for place, is_refreshed in self.read:
            wrong += self._after_a_reconcile(place, is_refreshed)
        for key in sorted(self.touched):
            job = self.oracle.jobs[key]
            if job.is_linked or not (job.has_core and job.has_record):
                wrong += checks.decisions(self.world, job)
        self.read, self.touched = [], set()
        if wrong:
            raise BrokenError("\n".join(wrong[:12]))

    def _after_a_reconcile(self, place: str | None, is_refreshed: bool) -> Iterator[str]:
        """Yield what is wrong now that a source, or all of them, were read."""
        seen = {}
        for key, job in self.oracle.of(place):
            job.notice()
            yield from checks.as_read(self.world, self.oracle, key, core_is_refreshed=is_refreshed)
            record = self.world.record(job)
            if record is not None:
                seen[key] = (record.installed, record.absence)
        self.oracle.reconciled(place, seen)
        for _, job in self.oracle.of(place):
            yield from checks.both_sides(self.world, job)
            yield from checks.decisions(self.world, job)
            yield from checks.dependents(self.world, job)
        is_empty, plan = self.world.is_in_step(place)
        if not is_empty:
            self.world.figures.add("not_empty")
            yield f"The plan of {place or 'all'} is not empty after it was applied: {plan}"


def chosen(seed: str, number: int, left_out: Collection[str]) -> str:
    """Return the name of the step that a walk takes."""
    rng = random.Random(f"{seed}/{number}/step")
    names = [name for name in sorted(NAMES) if name not in left_out]
    return rng.choices(names, [WEIGHTS[NAMES[name]] for name in names])[0]


def walk_round(
    world: World, server: GitServer, seed: str, options: argparse.Namespace, only: Collection[int] | None = None
) -> tuple[int, str]:
    """Walk one round.

    Returns:
        The number of the step that failed, and what did not hold; -1 and nothing where all held.
    """
    oracle = sources.begun()
    shop = sources.Workshop(oracle, Path(settings.JOBS_ROOT), Path(settings.GIT_ROOT), server)
    world.begin(shop.repository.url)
    walk = Walk(world, shop)
    number = -1
    try:
        upheavals.sync(walk)
        upheavals.migrate(walk)
        walk.check()
        for number in range(options.steps):
            if only is not None and number not in only:
                continue
            name = chosen(seed, number, options.without)
            walk.rng, walk.number = random.Random(f"{seed}/{number}"), number
            if options.trace:
                print(f"{number:>4} {name}", flush=True)
            NAMES[name](walk)
            world.figures.add("steps")
            walk.check()
        number = options.steps
        upheavals.sync(walk)
        upheavals.migrate(walk)
        walk.check()
    except BrokenError as error:
        return number, str(error)
    except Exception:
        return number, traceback.format_exc()[-4000:]
    return -1, ""


def shortened(world: World, server: GitServer, seed: str, options: argparse.Namespace, failed: int) -> list[int]:
    """Return the fewest steps of a round that still fail, as far as leaving out one part after the other finds them."""
    left = list(range(min(failed + 1, options.steps)))
    size = max(1, len(left) // 2)
    while size:
        start = 0
        while start < len(left):
            fewer = left[:start] + left[start + size :]
            if walk_round(world, server, seed, options, fewer)[1]:
                left = fewer
            else:
                start += size
        size //= 2
    return left


def tell(figures: Figures, seed: str, options: argparse.Namespace, failed: int, text: str) -> None:
    """Tell of a round that failed, and how it is walked again."""
    names = [f"{number} {chosen(seed, number, options.without)}" for number in range(min(failed + 1, options.steps))]
    number = seed.partition("/")[2]
    again = f"./dev chaos --seed {options.seed} -- --part walk --round {number}"
    told = f"Round {seed}, step {failed}:\n{text}\nThe steps: {', '.join(names)}\nAgain: {again}"
    figures.find("broken", told)
    print(f"\n{told}\n", flush=True)


def main() -> int:
    """Walk as long as there is time, and return 0 where all held."""
    options = _options()
    figures = Figures()
    end = time.monotonic() + options.seconds
    with serving(options.json.parent / "git_server") as server:
        world = World(figures)
        number = options.round or 0
        while time.monotonic() < end or not figures.counts["rounds"]:
            seed = f"{options.seed}/{number}"
            failed, text = walk_round(world, server, seed, options, options.only)
            figures.add("rounds")
            if text:
                tell(figures, seed, options, failed, text)
            if text and options.shrink:
                fewest = shortened(world, server, seed, options, failed)
                print(f"The fewest steps: --only {','.join(map(str, fewest))}", flush=True)
                options.trace = True
                print(walk_round(world, server, seed, options, fewest)[1], flush=True)
                options.trace = False
            if options.round is not None or (text and options.first):
                break
            number += 1
            print(
                f"walk: {figures.counts['steps']} steps, {number} rounds, {figures.counts['broken']} broken", flush=True
            )
            figures.write(options.json)
    figures.write(options.json)
    return 0 if figures.hold else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--round", type=int)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--only", type=lambda text: {int(number) for number in text.split(",")})
    parser.add_argument("--without", type=lambda text: text.split(","), default=[])
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--first", action="store_true", help="end with the first round that fails")
    parser.add_argument("--trace", action="store_true")
    # What is for the mix is for the mix.
    return parser.parse_known_args()[0]


if __name__ == "__main__":
    sys.exit(main())
