"""What differs between the releases of Nautobot that the app runs on."""

from __future__ import annotations

import inspect
from typing import Any

from nautobot.apps.ui import Component

from nautobot_job_registry.models.constants import APP_NAME


class DeclaredArguments:
    """Lets a component of ours declare its arguments as attributes of its class, as Nautobot itself does since 3.1.

    Before, a component takes from its arguments alone what it is like, and no arguments that are ours.
    """

    def __init__(self, **kwargs: Any) -> None:
        arguments = {**_declared(type(self)), **kwargs}
        own = arguments.keys() - _named(type(self)) if HAS_NAMED_ARGUMENTS else ()
        for name in own:
            if not hasattr(type(self), name):
                raise TypeError(f"invalid argument: {name}")
            setattr(self, name, arguments.pop(name))
        super().__init__(**arguments)


def _named(component: type) -> set[str]:
    """Return the arguments that Nautobot's own constructors name; they name none since 3.1."""
    found: set[str] = set()
    for known in inspect.getmro(component):
        # Each class is asked for its own, which is what the checker warns of.
        found |= inspect.signature(known.__init__).parameters.keys()  # type: ignore[misc]
    return found


HAS_NAMED_ARGUMENTS = "weight" in inspect.signature(Component.__init__).parameters


def _declared(component: type) -> dict[str, Any]:
    """Return what our own classes declare of the arguments that Nautobot's name."""
    named = _named(component)
    ours = [known for known in reversed(inspect.getmro(component)) if known.__module__.startswith(APP_NAME)]
    return {name: value for known in ours for name, value in vars(known).items() if name in named}
