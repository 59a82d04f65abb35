"""The operator's way through the pages, in a real browser, through a real server and a real worker."""

import struct
from pathlib import Path

import pytest

from development import browser, processes, screenshots, showcase

pytestmark = pytest.mark.slow

LIST = "/plugins/job-registry/registered-jobs/"
JOB = "Back up configurations"
WORDS = "Said by the operator"
SOURCE = "Saves the configuration of every device."
IMAGES = Path(__file__).parents[2] / "docs" / "images"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def session(real_instance):
    """A browser that is logged in to an instance with a showcase."""
    showcase.prepare(real_instance.environment)
    log = real_instance.folder
    with (
        processes.worker(real_instance.environment, log / "worker.log"),
        processes.web_server(real_instance.environment, log / "web.log") as address,
        browser.logged_in(address, showcase.USERNAME, showcase.PASSWORD) as session,
    ):
        yield session
    assert session.failures == []


def in_effect(page, field):
    """Return what the page of a job shows of a field: source, override and effect."""
    return page.locator("tr", has=page.locator(f"td:text-is('{field}')")).last.inner_text()


def test_an_operator_finds_overrides_reverts_and_edits_many(session, tmp_path):
    page = session.page

    # Find it by the menu, the filter and the search.
    session.open("/")
    page.click("nav >> text=Jobs")
    page.click("a:text-is('Registered Jobs')")
    page.wait_for_selector(f"text={JOB}")
    session.open(f"{LIST}?source_type=local&q=back")
    page.wait_for_selector(f"text={JOB}")
    assert page.locator("text=Count devices").count() == 0
    page.click(f"a:text-is('{JOB}')")
    page.wait_for_load_state("networkidle")
    assert "drifted" in in_effect(page, "Soft time limit")
    detail = page.url.split("?")[0]

    # Override: the input is off as long as its switch is.
    page.click("a:has-text('Edit Registered Job')")
    page.wait_for_load_state("networkidle")
    assert page.is_disabled("#id_name")
    page.check("#id_name_override")
    page.fill("#id_name", WORDS)
    page.click("button[name=_update]")
    page.wait_for_load_state("networkidle")
    assert in_effect(page, "Name").split("\t")[-1].strip() == WORDS

    # Revert: the source's value is there at once.
    page.goto(f"{detail}edit/")
    page.wait_for_load_state("networkidle")
    page.uncheck("#id_name_override")
    page.uncheck("#id_description_override")
    page.check("#id_hidden_override")
    page.select_option("#id_hidden", "True", force=True)
    page.uncheck("#id_hidden_override")
    assert page.input_value("#id_name") == JOB
    assert page.input_value("#id_description") == SOURCE
    assert page.input_value("#id_hidden") == "False"
    page.click("button[name=_update]")
    page.wait_for_load_state("networkidle")
    assert "overridden" not in in_effect(page, "Name")
    assert in_effect(page, "Description").count(SOURCE) == 2

    # Many at once, in a worker.
    session.open(f"{LIST}?source_type=local&installed=true")
    page.wait_for_selector(f"text={JOB}")
    page.check("input.toggle")
    page.click("button:has-text('Edit Selected')")
    page.wait_for_selector("#id_time_limit_override")
    page.select_option("#id_time_limit_override", "True", force=True)
    page.fill("#id_time_limit", "77")
    page.click("button[name=_apply]")
    page.wait_for_url("**/extras/job-results/**")
    page.wait_for_selector("text=Completed", timeout=browser.TIMEOUT_MILLISECONDS)
    for name in (JOB, "Count devices"):
        session.open(f"{LIST}?name={name}")
        page.click(f"a:text-is('{name}')")
        page.wait_for_load_state("networkidle")
        assert in_effect(page, "Time limit").split("\t")[-1].strip() == "77"

    # The pictures of the guide are made in the same way.
    screenshots.take(session, tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {path.name for path in IMAGES.glob("*.png")}


def test_each_picture_of_the_guide_is_one_of_a_page():
    for path in IMAGES.glob("*.png"):
        content = path.read_bytes()
        assert content.startswith(PNG)
        assert struct.unpack(">I", content[16:20])[0] == browser.SIZE["width"]
