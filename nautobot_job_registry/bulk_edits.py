"""Many objects that are edited by one of Nautobot's own jobs, which makes its change log when all of them are saved."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nautobot.extras.signals import change_context_state

KEY = "nautobot_job_registry: the end of a bulk edit"


class _End:
    """Stands among the objects whose changes are to be logged, and is asked for its own once all have been saved."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self.works: dict[Hashable, Callable[[], None]] = {}

    def to_objectchange(self, action: str) -> None:
        """Do what was left for the end; there is nothing to log of this object itself."""
        for work in self.works.values():
            work()


def is_going_on() -> bool:
    """Say whether many objects are being edited, all or none of them."""
    context = change_context_state.get()
    return context is not None and context.defer_object_changes


@contextmanager
def logged_at_once() -> Iterator[None]:
    """Have what happens meanwhile logged as it happens.

    Nautobot's bulk deletion logs the objects that it was asked for and what hangs on them, and throws away all else
    that has been noted (rule 9).
    """
    context = change_context_state.get()
    if context is None or not context.defer_object_changes:
        yield
        return
    context.defer_object_changes = False
    try:
        yield
    finally:
        context.defer_object_changes = True


def at_the_end(owner: Hashable, make_work: Callable[[], Any]) -> Any:
    """Leave something to be done once all objects of the bulk edit that is going on are saved, in its transaction.

    Args:
        owner: Whose work it is; each owner has one in a bulk edit.
        make_work: Makes the work, something that can be called, when the owner asks for the first time.

    Returns:
        The work of the owner in this bulk edit, to be told what it is about.
    """
    entry = {"action": "", "instance": _End(), "user": None}
    works = _noted().setdefault(KEY, [entry])[0]["instance"].works
    if owner not in works:
        works[owner] = make_work()
    return works[owner]


def take_out(instance: Any) -> dict[str, list[dict[str, Any]]]:
    """Take what is to be logged of an object, which has just been saved, out of what has been noted, and return it."""
    noted = _noted()
    key = next((key for key in reversed(noted) if noted[key][0]["instance"] is instance), None)
    return {} if key is None else {key: noted.pop(key)}


def put_back(entries: Mapping[str, list[dict[str, Any]]]) -> None:
    """Have what was taken out logged after all the other objects, where it has not been noted anew."""
    noted = _noted()
    for key, entry in entries.items():
        noted.setdefault(key, entry)


def _noted() -> dict[str, list[dict[str, Any]]]:
    """Return what is to be logged, in this order; `is_going_on()` has said that there is a context."""
    context = change_context_state.get()
    return context.deferred_object_changes
