"""Two texts in, the lines that differ out; at a cost that is bounded, whatever the texts are."""

from __future__ import annotations

import io
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import Match, SequenceMatcher
from itertools import zip_longest
from typing import Final

CONTEXT_LINES: Final = 3
# How many pairs of lines are looked at before what is left counts as replaced as a whole. Two modules of two megabytes
# with a thousand changed places take a fraction of it, and all of it takes about a second.
BUDGET: Final = 2_000_000
NO_NEWLINE: Final = "\\ No newline at end of file"

EQUAL: Final = "equal"
REPLACE: Final = "replace"
DELETE: Final = "delete"
INSERT: Final = "insert"

# What is done to the lines of one side to get the other: kind, first and last line of the old and of the new side.
Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True)
class TextDiff:
    """Two texts line by line, and which lines of the one are which of the other.

    Attributes:
        old: The lines of the old text, with their ends.
        new: The lines of the new text, with their ends.
        hunks: The changed places with the lines around them; none where the texts are the same.
        is_coarse: Whether some place was too large to be compared, and is shown as replaced as a whole.
    """

    old: tuple[str, ...] = field(repr=False)
    new: tuple[str, ...] = field(repr=False)
    hunks: tuple[tuple[Opcode, ...], ...]
    is_coarse: bool = False

    @property
    def added(self) -> int:
        """How many lines only the new text has."""
        return sum(j2 - j1 for kind, _, _, j1, j2 in self._changes() if kind in (REPLACE, INSERT))

    @property
    def removed(self) -> int:
        """How many lines only the old text has."""
        return sum(i2 - i1 for kind, i1, i2, _, _ in self._changes() if kind in (REPLACE, DELETE))

    def _changes(self) -> Iterator[Opcode]:
        return (opcode for hunk in self.hunks for opcode in hunk)


@dataclass(frozen=True)
class DiffRow:
    """One row of two texts side by side; a side that has no line there has no number.

    Attributes:
        kind: `equal`, `replace`, `delete` or `insert`.
        old_number: The number of the line in the old text, counted from 1.
        old: The line of the old text, without its end.
        new_number: The number of the line in the new text, counted from 1.
        new: The line of the new text, without its end.
    """

    kind: str
    old_number: int | None
    old: str
    new_number: int | None
    new: str


def compare_texts(old_text: str, new_text: str, *, budget: int = BUDGET) -> TextDiff:
    """Compare two texts line by line.

    Args:
        old_text: The old text.
        new_text: The new text.
        budget: How many pairs of lines are looked at, at the most, beside what is done once for each line.
    """
    old, new = _lines(old_text), _lines(new_text)
    aligned = _Aligned(old, new, budget)
    hunks = tuple(tuple(hunk) for hunk in aligned.get_grouped_opcodes(CONTEXT_LINES))
    return TextDiff(old, new, hunks, aligned.is_coarse)


def _lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text as a file has them: only a line feed ends one."""
    return tuple(io.StringIO(text, newline="\n"))


class _Aligned(SequenceMatcher[str]):
    """Matches the lines that both texts have exactly once, and in the gaps between them all lines, as difflib does.

    difflib alone takes minutes for long texts with lines that come again and again.
    """

    def __init__(self, old: Sequence[str], new: Sequence[str], budget: int) -> None:
        super().__init__(None, (), ())
        self.is_coarse = False
        self.budget = budget
        self.blocks = [*_joined(self._matches(old, new)), Match(len(old), len(new), 0)]

    def get_matching_blocks(self) -> list[Match]:
        """Return the blocks of equal lines, in their order."""
        return self.blocks

    def _matches(self, old: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
        i = j = 0
        for anchor_i, anchor_j in [*_anchors(old, new), (len(old), len(new))]:
            yield from self._gap(old[i:anchor_i], new[j:anchor_j], i, j)
            if anchor_i < len(old):
                yield Match(anchor_i, anchor_j, 1)
            i, j = anchor_i + 1, anchor_j + 1

    def _gap(self, old: Sequence[str], new: Sequence[str], i: int, j: int) -> Iterator[Match]:
        if not old or not new:
            return
        matcher = _Bounded(old, new, self.budget)
        for block in matcher.get_matching_blocks():
            yield Match(i + block.a, j + block.b, block.size)
        self.budget = matcher.budget
        self.is_coarse = self.is_coarse or matcher.is_coarse


class _Bounded(SequenceMatcher[str]):
    """Finds no more matches once it has looked at as many pairs of lines as it may."""

    def __init__(self, old: Sequence[str], new: Sequence[str], budget: int) -> None:
        super().__init__(None, old, new, autojunk=False)
        self.old, self.length = old, len(new)
        self.counts = Counter(new)
        self.budget = budget
        self.is_coarse = False

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """Return the longest block of equal lines in a range, or an empty one where the budget is spent."""
        ahi = len(self.old) if ahi is None else ahi
        cost = ahi - alo + sum(self.counts[line] for line in self.old[alo:ahi])
        if cost > self.budget:
            self.is_coarse = True
            return Match(alo, blo, 0)
        self.budget -= cost
        return super().find_longest_match(alo, ahi, blo, self.length if bhi is None else bhi)


def _joined(matches: Iterator[Match]) -> Iterator[Match]:
    """Yield matches with those joined that touch; empty ones are left out."""
    last = Match(0, 0, 0)
    for match in matches:
        if (match.a, match.b) == (last.a + last.size, last.b + last.size):
            last = Match(last.a, last.b, last.size + match.size)
            continue
        if last.size:
            yield last
        last = match
    if last.size:
        yield last


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the lines are that both sides have exactly once, as far as they come in the same order.

    The lines that both begin or end with count too, however often they come.
    """
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    end_i, end_j = len(old) - tail, len(new) - tail
    positions = _only_once(new[head:end_j])
    pairs = [(head + i, head + positions[line]) for line, i in _only_once(old[head:end_i]).items() if line in positions]
    begin = [(i, i) for i in range(head)]
    return [*begin, *_increasing(pairs), *((end_i + n, end_j + n) for n in range(tail))]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many lines both sides begin with."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _only_once(lines: Sequence[str]) -> dict[str, int]:
    """Return the places of the lines that come exactly once, in their order."""
    counts = Counter(lines)
    return {line: place for place, line in enumerate(lines) if counts[line] == 1}


def _increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest part of pairs that increases on both sides; they increase on the first (patience sorting)."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for number, (_, j) in enumerate(pairs):
        place = bisect_left(ends, j)
        ends[place : place + 1] = [j]
        last[place : place + 1] = [number]
        before.append(last[place - 1] if place else None)
    found = []
    step = last[-1] if last else None
    while step is not None:
        found.append(pairs[step])
        step = before[step]
    return found[::-1]


def unified(diff: TextDiff, old_name: str, new_name: str) -> str:
    """Return a diff in the unified format, which `patch` and `git apply` read; empty where nothing differs.

    Args:
        diff: The diff.
        old_name: What the old text is called in the header.
        new_name: What the new text is called in the header.
    """
    if not diff.hunks:
        return ""
    return "".join([f"--- {old_name}\n+++ {new_name}\n", *(part for hunk in diff.hunks for part in _hunk(diff, hunk))])


def _hunk(diff: TextDiff, hunk: Sequence[Opcode]) -> Iterator[str]:
    yield header(hunk) + "\n"
    for kind, i1, i2, j1, j2 in hunk:
        if kind == EQUAL:
            yield from (_ended(" ", line) for line in diff.old[i1:i2])
        else:
            yield from (_ended("-", line) for line in diff.old[i1:i2])
            yield from (_ended("+", line) for line in diff.new[j1:j2])


def header(hunk: Sequence[Opcode]) -> str:
    """Return the line that says where a changed place is, as the unified format has it."""
    return f"@@ -{_range(hunk[0][1], hunk[-1][2])} +{_range(hunk[0][3], hunk[-1][4])} @@"


def _range(start: int, stop: int) -> str:
    length = stop - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"


def _ended(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{NO_NEWLINE}\n"


def rows(diff: TextDiff, hunk: Sequence[Opcode]) -> Iterator[DiffRow]:
    """Yield a changed place as rows of two columns."""
    for kind, i1, i2, j1, j2 in hunk:
        for i, j in zip_longest(range(i1, i2), range(j1, j2)):
            yield DiffRow(
                kind,
                None if i is None else i + 1,
                "" if i is None else _shown(diff.old[i]),
                None if j is None else j + 1,
                "" if j is None else _shown(diff.new[j]),
            )


def _shown(line: str) -> str:
    return line.removesuffix("\n")
