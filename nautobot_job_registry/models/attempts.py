"""What the database gives up is tried again: one rule for every door (rule 10).

The database gives up one of two transactions that wait for each other (a deadlock), one that waited too long for a
lock, one that cannot be put in an order with others (a serialization failure), and all of a connection that broke.
Nothing of it was written, so that whoever began the transaction can begin it anew. Nobody else can: inside of somebody
else's transaction there is one attempt, and the error goes to whoever began it.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections, transaction

logger = logging.getLogger(__name__)

# All that Django raises where the database gave up, and not what was asked for is wrong.
GIVEN_UP: Final = (OperationalError, InterfaceError)
# What a person is told who asked for it.
TRY_AGAIN: Final = (
    "The database ended this in favour of another change at the same time, and nothing was changed: try again."
)
# How long a lock is waited for by somebody who can begin again: less than PostgreSQL's `deadlock_timeout`.
LONGEST_WAIT: Final = "700ms"
# Seconds after which a client is asked to try again.
RETRY_AFTER: Final = 1
ATTEMPTS: Final = 6
# Seconds: the first pause is shorter than this, each of the others up to twice as long, and none longer than the last.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

Result = TypeVar("Result")


class BusyError(OperationalError):
    """Rows are held by others, and were not waited for, as that would keep still others waiting.

    Attributes:
        wait: Waits for those who hold them, once nothing is held any more.
    """

    def __init__(self, text: str, wait: Callable[[], None]) -> None:
        """Keep what waits for them."""
        super().__init__(text)
        self.wait = wait


def pauses(attempts: int = ATTEMPTS) -> Iterator[float]:
    """Yield how many seconds to wait before each attempt but the first, by chance, so that two do not meet again."""
    for number in range(attempts - 1):
        yield random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**number))  # noqa: S311


def try_again(attempt: Callable[[], Result], *, what: str, using: str = DEFAULT_DB_ALIAS) -> Result:
    """Return what an attempt returns; one that the database gives up is made again, a few times.

    Args:
        attempt: Does all of it anew each time; what it writes, it writes in one transaction of its own.
        what: What is attempted, for the log.
        using: The alias of the database.

    Raises:
        OperationalError: If the database gave up all attempts, or the only one in somebody else's transaction.
        InterfaceError: As above.
    """
    if is_inside(using):
        return attempt()
    for pause in pauses():
        try:
            return attempt()
        except GIVEN_UP as error:
            logger.log(_level(error), "%s is tried again: %s", what, str(error).partition("\n")[0])
            rest(error, pause, using)
    return attempt()


def yield_to_others(using: str = DEFAULT_DB_ALIAS) -> None:
    """Have the transaction that is open wait for each lock no longer than a moment, where the database can do so.

    The database looks for a deadlock after a second, and ends whoever looks first. Who can begin again gives up before
    that, so that somebody is spared who cannot: Nautobot's own pages, REST API and syncs.

    Args:
        using: The alias of the database.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LONGEST_WAIT])


def _level(error: Exception) -> int:
    return logging.INFO if isinstance(error, BusyError) else logging.WARNING


def rest(error: Exception, seconds: float, using: str = DEFAULT_DB_ALIAS) -> None:
    """Let others come to an end, and the connection be made anew if it broke, before the next attempt.

    Args:
        error: Why the last one was given up.
        seconds: How long to pause.
        using: The alias of the database.
    """
    connections[using].close_if_unusable_or_obsolete()
    if isinstance(error, BusyError):
        with suppress(*GIVEN_UP):
            error.wait()
    time.sleep(seconds)


def is_inside(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Return whether somebody has begun a transaction, who alone can begin it anew."""
    return transaction.get_connection(using).in_atomic_block
