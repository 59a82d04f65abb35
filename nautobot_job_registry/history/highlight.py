"""The text of a Python module in, its lines as parts with their kinds out: for a page that shows them in colours."""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

# Longer texts are shown without colours: reading the tokens of a generated module of megabytes takes seconds.
MAX_LENGTH: Final = 300_000
PLAIN: Final = ""
COMMENT: Final = "comment"
KEYWORD: Final = "keyword"
LITERAL: Final = "literal"
NUMBER: Final = "number"
STRING: Final = "string"
TITLE: Final = "title"
BUILT_IN: Final = "built_in"
META: Final = "meta"

# A part of a line: its kind, and its text.
Part = tuple[str, str]

LITERALS: Final = frozenset({"True", "False", "None"})
BUILT_INS: Final = frozenset(name for name in dir(builtins) if name.islower() and not name.startswith("_"))
# Python 3.12 reads a string with values in it as several tokens.
STRING_TOKENS: Final = frozenset(
    getattr(tokenize, name)
    for name in ("STRING", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    if hasattr(tokenize, name)
)


def highlighted(text: str) -> list[list[Part]]:
    """Return the lines of a module, each as parts that together are the line.

    Where the text is no Python, or becomes none, the rest has no kinds.
    """
    lines = text.split("\n")
    spans: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    if len(text) <= MAX_LENGTH:
        for kind, start, end in _tokens(text):
            for row in range(start[0], end[0] + 1):
                first = start[1] if row == start[0] else 0
                last = end[1] if row == end[0] else len(lines[row - 1])
                spans[row].append((first, last, kind))
    return [list(_parts(line, spans.get(number, []))) for number, line in enumerate(lines, start=1)]


def _tokens(text: str) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Yield kind, start and end of the tokens that have a kind, until the text stops to be Python."""
    before = ""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="\n").readline):
            kind = _kind(token, before)
            if kind:
                yield kind, token.start, token.end
            before = token.string
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def _kind(token: tokenize.TokenInfo, before: str) -> str:
    if token.type == tokenize.COMMENT:
        return COMMENT
    if token.type == tokenize.NUMBER:
        return NUMBER
    if token.type in STRING_TOKENS:
        return STRING
    return _kind_of_name(token.string, before) if token.type == tokenize.NAME else PLAIN


def _kind_of_name(name: str, before: str) -> str:
    if name in LITERALS:
        return LITERAL
    if keyword.iskeyword(name):
        return KEYWORD
    if before in ("def", "class"):
        return TITLE
    if before == "@":
        return META
    return BUILT_IN if name in BUILT_INS and before != "." else PLAIN


def _parts(line: str, spans: list[tuple[int, int, str]]) -> Iterator[Part]:
    """Cut a line at its tokens; what lies between them has no kind."""
    place = 0
    for first, last, kind in spans:
        # Positions of tokens are not to be trusted for text: a part is never told twice.
        first = max(first, place)
        if line[place:first]:
            yield PLAIN, line[place:first]
        if line[first:last]:
            yield kind, line[first:last]
        place = max(place, last)
    if line[place:]:
        yield PLAIN, line[place:]
