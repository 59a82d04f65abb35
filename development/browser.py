"""The system's Chromium, without a screen, logged in to Nautobot."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, Response, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZE = {"width": 1400, "height": 900}
TIMEOUT_MILLISECONDS = 60_000
SERVER_ERROR = 500


class NoBrowserError(Exception):
    """There is no Chromium; the text says how to get one."""


@dataclass
class Session:
    """A page of the browser, and what went wrong in it.

    Attributes:
        page: The page, logged in.
        address: The address of Nautobot.
        failures: Errors of scripts, and answers that tell of an error of the server.
    """

    page: Page
    address: str
    failures: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a path of Nautobot, and wait until it is at rest."""
        self.page.goto(f"{self.address}{path}")
        self.page.wait_for_load_state("networkidle")

    def follow(self, target: Locator) -> None:
        """Click what leads to another page, and wait until that is at rest."""
        with self.page.expect_navigation(wait_until="networkidle"):
            target.click()


def program() -> str:
    """Return the path of Chromium: what CHROMIUM names, or what is on the PATH.

    Raises:
        NoBrowserError: If there is none.
    """
    wanted = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, (wanted,) if wanted else PROGRAMS)), None)
    if found is None:
        raise NoBrowserError("There is no Chromium: `apt install chromium`, or name one by CHROMIUM=...")
    return found


@contextlib.contextmanager
def logged_in(address: str, username: str, password: str) -> Iterator[Session]:
    """Open a browser and log in to Nautobot.

    Args:
        address: The address of Nautobot.
        username: Of a user.
        password: Of the user.

    Yields:
        The session.

    Raises:
        NoBrowserError: If there is no Chromium.
    """
    path = program()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            page = chromium.new_page(viewport=SIZE)
            page.set_default_timeout(TIMEOUT_MILLISECONDS)
            session = Session(page, address)
            page.on("pageerror", lambda error: session.failures.append(str(error)))
            page.on("response", lambda response: _note(response, session))
            session.open("/login/")
            page.fill("#id_username", username)
            page.fill("#id_password", password)
            session.follow(page.locator("form button[type=submit]"))
            yield session
        finally:
            chromium.close()


def _note(response: Response, session: Session) -> None:
    if response.status >= SERVER_ERROR:
        session.failures.append(f"{response.status} {response.url}")
