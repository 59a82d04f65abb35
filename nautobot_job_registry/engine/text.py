"""Texts that a database can store."""

import io
import tokenize


def storable_text(text: str) -> str:
    """Return a text without what PostgreSQL cannot store: NUL characters and lone surrogates, shown as escapes."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def decoded(content: bytes) -> str:
    """Return the text of a Python module, read in the encoding that it declares; what is wrong in it is escaped."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return content.decode("utf-8", "backslashreplace")
