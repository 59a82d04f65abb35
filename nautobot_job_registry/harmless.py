"""What the registry does beside the work of its host, and may never harm it (rule 11)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.db import transaction

logger = logging.getLogger(__name__)


@contextmanager
def harmless(what: str, using: str = "default") -> Iterator[None]:
    """Log and swallow whatever goes wrong in a block, and keep the transaction around it usable.

    Outside of a transaction there is no savepoint, which would cost two statements more.

    Args:
        what: What was tried, for the log.
        using: The alias of the database that the block writes to.
    """
    try:
        with transaction.atomic(using) if transaction.get_connection(using).in_atomic_block else nullcontext():
            yield
    except Exception:
        logger.exception("The job registry could not %s; what Nautobot does goes on.", what)
