"""The pictures of the documentation: `./dev screenshots`, or `python -m development.screenshots`."""

import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from development import browser, database, processes, showcase
from development.servers import CHECKOUT, STATE_ROOT, running_servers

IMAGES = CHECKOUT / "docs" / "images"
STATE = STATE_ROOT / "screenshots" / str(os.getpid())
DATABASE = f"nautobot_screenshots_{os.getpid()}"
DASHBOARD = "/plugins/job-registry/dashboard/"
LIST = "/plugins/job-registry/registered-jobs/"
JOB = "Back up configurations"
# As many as a picture with a palette can have; it is a third as big as one with all colours.
COLOURS = 256
# The name of the machine, the hour, and for how long nothing has changed would make each picture a new one.
STYLE = "#footer, .mdi-clock, span:has(> .mdi-clock) { visibility: hidden }"


def main() -> None:
    """Make an instance, look at it in a browser, and take the pictures."""
    browser.program()
    try:
        with running_servers(STATE / "servers", keep=False) as servers:
            instance = database.build_database({**servers.environment, **_variables()}, DATABASE)
            try:
                _look(instance)
            finally:
                database.drop_database(instance, DATABASE)
    finally:
        shutil.rmtree(STATE, ignore_errors=True)


def _look(instance: dict[str, str]) -> None:
    print("Making jobs to look at", flush=True)
    showcase.prepare(instance, STATE / "git_server")
    with (
        processes.web_server(instance, STATE / "web.log") as address,
        browser.logged_in(address, showcase.USERNAME, showcase.PASSWORD) as session,
    ):
        take(session, IMAGES)


def take(session: browser.Session, folder: Path) -> None:
    """Take the pictures of dashboard, list, detail, history, comparison and edit.

    Args:
        session: A browser that is logged in to an instance with a showcase.
        folder: Where the pictures go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = session.page
    session.open(DASHBOARD)
    # Its days are those before today: it would be another picture each day.
    page.locator("#registry-reconciles-card").evaluate("card => card.remove()")
    _whole(page, folder / "dashboard.png")
    session.open(f"{LIST}?source_type=app&source_type=git&source_type=local")
    _save(page, folder / "registered-job-list.png")
    session.follow(page.get_by_role("link", name=JOB, exact=True))
    _whole(page, folder / "registered-job-detail.png")
    session.follow(page.get_by_role("tab", name="History", exact=True))
    _save(page, folder / "registered-job-history.png")
    session.follow(page.locator("#history td a[href*='/diff/']").first)
    _whole(page, folder / "job-revision-diff.png")
    session.follow(page.get_by_role("link", name=JOB, exact=True).first)
    session.follow(page.get_by_role("link", name="Edit Registered Job"))
    _whole(page, folder / "registered-job-edit.png")


def _whole(page: Page, path: Path) -> None:
    """Take a picture of a whole page, in a window that is as high as the page is."""
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({**browser.SIZE, "height": height})
    _save(page, path)
    page.set_viewport_size(browser.SIZE)


def _save(page: Page, path: Path) -> None:
    """Take a picture with the most frequent colours of the page: a palette of averages would tint its light areas."""
    # A pointer that rests on a button would light it up.
    page.mouse.move(0, 0)
    content = page.screenshot(style=STYLE, animations="disabled")
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in counted[:COLOURS] for part in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB", flush=True)


def _variables() -> dict[str, str]:
    folders = {"NAUTOBOT_ROOT": STATE / "nautobot"}
    folders |= {
        f"NAUTOBOT_{kind.upper()}_ROOT": STATE / "nautobot" / kind for kind in ("jobs", "git", "media", "static")
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {**{name: str(folder) for name, folder in folders.items()}, "NAUTOBOT_QUIET": "1", **showcase.VARIABLES}


if __name__ == "__main__":
    main()
