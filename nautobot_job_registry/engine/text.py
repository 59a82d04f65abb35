"""Texts that a database can store."""

import io
import re
import tokenize
import traceback
from typing import Final

# What is told of an error, and of one word in it: more helps no reader, and whoever looks for patterns in a long text
# without blanks may not come to an end.
MAX_ERROR_LENGTH: Final = 10_000
MAX_WORD_LENGTH: Final = 500
# What a browser or a terminal does not show, obeys, or takes for a turn of the text around it, so that it reads other
# than it is.
_HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_LONG_WORD: Final = re.compile(rf"(\S{{{MAX_WORD_LENGTH}}})(\S+)")


def storable_text(text: str) -> str:
    """Return a text without what PostgreSQL cannot store: NUL characters and lone surrogates, shown as escapes."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def visible_text(text: str) -> str:
    """Return a text with what is hidden in it shown as the escapes of Python."""
    return _HIDDEN.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def bounded_text(text: str, length: int = MAX_ERROR_LENGTH) -> str:
    """Return a text of unknown size that is short enough to be searched and shown, and says what was cut.

    The end of it is kept as well as the beginning: it is where a traceback says what happened.

    Args:
        text: The text.
        length: How many characters are kept of it at the most.
    """
    return _LONG_WORD.sub(lambda match: f"{match[1]} {_cut(len(match[2]))}", shortened_text(text, length))


def log_text(text: str, length: int = MAX_ERROR_LENGTH) -> str:
    """Return a text of unknown size and kind as a log or a terminal can show it: cut, and with nothing hidden in it."""
    return visible_text(bounded_text(text, length))


def failure_text(error: BaseException) -> str:
    """Return an exception with its traceback as a log can show it: it may hold the text of a job, or a row."""
    return log_text("".join(traceback.format_exception(error)))


def shortened_text(text: str, length: int) -> str:
    """Return a text of which the middle is cut where it is too long, with a word about how much that was.

    Args:
        text: The text.
        length: How many characters are kept of it at the most.
    """
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]} {_cut(len(text) - 2 * half)} {text[-half:]}"


def _cut(number: int) -> str:
    return f"[{number:,} characters cut]"


def decoded(content: bytes) -> str:
    """Return the text of a Python module, read in the encoding that it declares; what is wrong in it is escaped."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return content.decode("utf-8", "backslashreplace")
