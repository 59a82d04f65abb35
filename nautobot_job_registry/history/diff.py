"""Two texts in, the lines that differ out; at a cost that is bounded, whatever the texts are."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import Match, SequenceMatcher
from itertools import takewhile, zip_longest
from operator import eq
from typing import Final

CONTEXT_LINES: Final = 3
# How many pairs of lines are looked at before what is left counts as replaced as a whole: all of it takes a second or
# two. Modules that people write take a fraction, and so do two generated ones of two megabytes with thousands of
# changed places, unless these are at even distances: then it is enough for a hundred.
BUDGET: Final = 5_000_000
# Which part of it the pairs of one line may take up, each time that all lines are looked at: as many as the blank lines
# of modules of two thousand lines make.
SHARE_OF_A_LINE: Final = 25
NO_NEWLINE: Final = "\\ No newline at end of file"

EQUAL: Final = "equal"

# What is done to the lines of one side to get the other: kind, first and last line of the old and of the new side.
Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True)
class TextDiff:
    """Two texts line by line, and which lines of the one are which of the other.

    Attributes:
        old: The lines of the old text, with their ends.
        new: The lines of the new text, with their ends.
        hunks: The changed places with the lines around them; none where the texts are the same.
        is_coarse: Whether some place was too large to be compared, and is shown as replaced as a whole: both sides of
            it have a line in common that is not blank.
    """

    old: tuple[str, ...] = field(repr=False)
    new: tuple[str, ...] = field(repr=False)
    hunks: tuple[tuple[Opcode, ...], ...]
    is_coarse: bool = False

    @property
    def added(self) -> int:
        """How many lines only the new text has."""
        return sum(j2 - j1 for _, _, _, j1, j2 in _changed(self.hunks))

    @property
    def removed(self) -> int:
        """How many lines only the old text has."""
        return sum(i2 - i1 for _, i1, i2, _, _ in _changed(self.hunks))


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
    matcher = _Bounded(old, new, budget)
    hunks = tuple(tuple(hunk) for hunk in matcher.get_grouped_opcodes(CONTEXT_LINES))
    common = (set(old[i1:i2]).intersection(new[j1:j2]) for _, i1, i2, j1, j2 in _changed(hunks))
    return TextDiff(old, new, hunks, any(line.strip() for lines in common for line in lines))


def _changed(hunks: Sequence[Sequence[Opcode]]) -> Iterator[Opcode]:
    return (opcode for hunk in hunks for opcode in hunk if opcode[0] != EQUAL)


def _lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text as a file has them: only a line feed ends one."""
    return tuple(io.StringIO(text, newline="\n"))


class _Bounded(SequenceMatcher[str]):
    """Finds no more matches once it has looked at as many pairs of lines as it may.

    Lines that come again and again on both sides begin no match, but belong to one that they touch: such pairs are
    most of the cost, and say least about which place is which.
    """

    def __init__(self, old: Sequence[str], new: Sequence[str], budget: int) -> None:
        counts, limit = Counter(old), budget // SHARE_OF_A_LINE
        # How many pairs each line of the old side begins.
        self.seeds = Counter({line: n for line, n in Counter(new).items() if n * counts[line] <= limit})
        super().__init__(lambda line: line not in self.seeds, old, new, autojunk=False)
        self.old, self.new, self.budget = old, new, budget

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """Return the longest block of equal lines in a range; where that costs too much, what both begin with."""
        ahi = len(self.old) if ahi is None else ahi
        cost = ahi - alo + sum(self.seeds[line] for line in self.old[alo:ahi])
        if cost > self.budget:
            same = takewhile(bool, map(eq, self.old[alo:ahi], self.new[blo:bhi]))
            return Match(alo, blo, sum(same))
        self.budget -= cost
        return super().find_longest_match(alo, ahi, blo, bhi)


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
