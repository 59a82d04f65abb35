"""What the registry writes itself, of which the other side is not told."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_quiet: ContextVar[bool] = ContextVar("job_registry_writes_core", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Take what is saved meanwhile for our own writing, which the other side is not told of."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_writing() -> bool:
    """Return whether the registry itself is just writing what was decided, on either side."""
    return _quiet.get()
