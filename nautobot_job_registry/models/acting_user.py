"""Who acts: the user of the request, or of the job that runs."""

from typing import Any


def acting_user() -> Any:
    """Return the user in whose name Nautobot logs changes just now, if there is one."""
    from nautobot.extras.signals import change_context_state

    context = change_context_state.get()
    return context.get_user() if context is not None else None
