"""Texts that a database can store."""


def storable_text(text: str) -> str:
    """Return a text without what PostgreSQL cannot store: NUL characters and lone surrogates, shown as escapes."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
