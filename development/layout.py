"""What a page hides from its reader, measured in the page: text that is cut, and what is wider than its room.

`problems(page)` says nothing of a page on which everything can be seen or reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_suffix(".js").read_text()


@dataclass(frozen=True)
class Problem:
    """Something that is wider than its room.

    Attributes:
        kind: `page` where the whole page scrolls sideways, `scrolls` where an element does, `cut` where what is too
            wide is hidden and nothing leads to it.
        element: Which element it is, as a selector for people.
        text: The beginning of what is in it.
        width: How wide its content is, in pixels.
        room: How much of that is shown.
    """

    kind: str
    element: str
    text: str
    width: int
    room: int

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.kind}: {self.element} has {self.width} px in {self.room} px: {self.text!r}"


def problems(page: Page, inside: str = "main, body") -> list[Problem]:
    """Return what is cut or has to be scrolled sideways on a page as it is shown now.

    Args:
        page: The page, at rest.
        inside: A selector of the part of it that is looked at; the first element that it finds.
    """
    return [Problem(**found) for found in page.evaluate(SCRIPT, inside)]
