"""What differs between the releases of Nautobot that the app runs on."""

from __future__ import annotations

import inspect
from typing import Any

from nautobot_job_registry.constants import APP_NAME


class DeclaredArguments:
    """Lets a panel of ours declare its arguments as attributes of its class, as Nautobot itself does since 3.2.

    Before, a panel takes from its arguments alone what it is like.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**_declared(type(self)), **kwargs})


def _declared(panel: type) -> dict[str, Any]:
    """Return what our own classes declare of the arguments that Nautobot's name; it names none of them since 3.2."""
    lineage = inspect.getmro(panel)
    named = {name for known in lineage for name in inspect.signature(known.__init__).parameters}
    ours = [known for known in reversed(lineage) if known.__module__.startswith(APP_NAME)]
    return {name: value for known in ours for name, value in vars(known).items() if name in named}
