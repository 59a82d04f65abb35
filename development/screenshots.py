"""The pictures of the documentation: `./dev docs`, or `python -m development.screenshots`."""

import shutil
from pathlib import Path

from playwright.sync_api import Page

from development import browser, database, processes, showcase
from development.servers import CHECKOUT, STATE_ROOT, running_servers

IMAGES = CHECKOUT / "docs" / "images"
STATE = STATE_ROOT / "screenshots"
LIST = "/plugins/job-registry/registered-jobs/"
JOB = "Back up configurations"


def main() -> None:
    """Make an instance, look at it in a browser, and take the pictures."""
    shutil.rmtree(STATE, ignore_errors=True)
    with running_servers(STATE / "servers", keep=False) as servers:
        instance = database.build_database({**servers.environment, **_folders()}, "nautobot_screenshots")
        showcase.prepare(instance)
        with (
            processes.web_server(instance, STATE / "web.log") as address,
            browser.logged_in(address, showcase.USERNAME, showcase.PASSWORD) as session,
        ):
            take(session, IMAGES)
    shutil.rmtree(STATE, ignore_errors=True)


def take(session: browser.Session, folder: Path) -> None:
    """Take the pictures of list, detail and edit.

    Args:
        session: A browser that is logged in to an instance with a showcase.
        folder: Where the pictures go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = session.page
    session.open(f"{LIST}?source_type=local")
    page.wait_for_selector(f"text={JOB}")
    page.screenshot(path=folder / "registered-job-list.png")
    page.click(f"a:text-is('{JOB}')")
    page.wait_for_load_state("networkidle")
    _whole(page, folder / "registered-job-detail.png")
    page.goto(page.url.split("?")[0] + "edit/")
    page.wait_for_load_state("networkidle")
    _whole(page, folder / "registered-job-edit.png")


def _whole(page: Page, path: Path) -> None:
    """Take a picture of a whole page, in a window that is as high as the page is."""
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({**browser.SIZE, "height": height})
    page.screenshot(path=path)
    page.set_viewport_size(browser.SIZE)


def _folders() -> dict[str, str]:
    folders = {"NAUTOBOT_ROOT": STATE / "nautobot"}
    folders |= {
        f"NAUTOBOT_{kind.upper()}_ROOT": STATE / "nautobot" / kind for kind in ("jobs", "git", "media", "static")
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    variables = {name: str(folder) for name, folder in folders.items()}
    # A file that is written twice within a second would be run from what was compiled first.
    return {**variables, "NAUTOBOT_QUIET": "1", "PYTHONDONTWRITEBYTECODE": "1"}


if __name__ == "__main__":
    main()
