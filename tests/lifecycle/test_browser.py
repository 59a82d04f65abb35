"""The operator's way through the pages, in a real browser, through a real server and a real worker."""

import re
import struct
from pathlib import Path

import pytest

from development import browser, layout, processes, screenshots, showcase

pytestmark = pytest.mark.slow

LIST = "/plugins/job-registry/registered-jobs/"
JOB = "Back up configurations"
NEIGHBOUR = "Count devices"
WORDS = "Said by the operator"
SOURCE = "Saves the configuration of every device."
DOCS = Path(__file__).parents[2] / "docs"
PICTURE = re.compile(r"!\[[^\]]+\]\((?:\.\./)?images/([\w-]+\.png)\)")
PNG = b"\x89PNG\r\n\x1a\n"
MOST_BYTES = 150 * 1024


@pytest.fixture
def session(real_instance):
    """A browser that is logged in to an instance with a showcase; no page may fail, and no script."""
    browser.program()
    instance = real_instance.environment | showcase.VARIABLES
    showcase.prepare(instance, real_instance.folder / "git_server")
    with (
        processes.worker(instance, real_instance.folder / "worker.log"),
        processes.web_server(instance, real_instance.folder / "web.log") as address,
        browser.logged_in(address, showcase.USERNAME, showcase.PASSWORD) as session,
    ):
        yield session
    assert session.failures == []


# What a page shows


def listed(session):
    """Return the names of the jobs in the list, which comes after the page."""
    names = session.page.locator("table tbody td:nth-child(2) a")
    names.first.wait_for()
    return set(names.all_inner_texts())


def layers(session, field):
    """Return what the page of a job shows of a field: what the source says, the override, what is in effect."""
    panel = session.page.locator(".card", has_text=re.compile("settings: code", re.IGNORECASE))
    row = panel.last.locator("tr", has=session.page.locator(f"th[scope=row]:text-is('{field}')"))
    said, overridden, effective, _ = (" ".join(text.split()) for text in row.locator("td").all_inner_texts())
    return [said, overridden, effective]


def compared_lines(session, view="side-by-side"):
    """Return the pairs of old and new lines about the time limit, as two revisions side by side show them."""
    rows = session.page.locator(f"[data-registry-diff={view}] tr", has_text="soft_time_limit")
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    return {(row[1].strip(), row[3].strip()) for row in cells if row[1].strip() != row[3].strip()}


# What an operator does


def open_list_by_menu(session):
    session.open("/")
    session.page.locator("nav").get_by_text("Jobs", exact=True).first.click()
    session.follow(session.page.get_by_role("link", name="Registered Jobs", exact=True))


def filter_list(session, source_type):
    session.page.click("#id__filterbtn")
    form = session.page.locator("#default-filter")
    form.locator("[name=source_type]").select_option(source_type, force=True)
    session.follow(form.get_by_role("button", name="Apply"))


def search_list(session, text):
    page = session.page
    page.keyboard.press("Control+k")
    page.fill("#search_popup [name=q]", text)
    with page.expect_navigation(wait_until="networkidle"):
        page.keyboard.press("Enter")


def open_job(session, name):
    session.open(f"{LIST}?name={name}")
    session.follow(session.page.get_by_role("link", name=name, exact=True))


def open_history(session):
    open_job(session, JOB)
    session.follow(session.page.get_by_role("tab", name="History", exact=True))


def open_form(session):
    session.follow(session.page.get_by_role("link", name="Edit Registered Job"))


def update(session):
    session.follow(session.page.locator("button[name=_update]"))


def edit_selected(session, field, value):
    page = session.page
    page.check("input.toggle")
    session.follow(page.get_by_role("button", name="Edit Selected"))
    page.select_option(f"#id_{field}_override", "True", force=True)
    page.fill(f"#id_{field}", value)
    page.click("button[name=_apply]")
    page.wait_for_url("**/extras/job-results/**")
    page.wait_for_selector("text=Completed")


@pytest.mark.minutes
def test_an_operator_finds_overrides_reverts_and_edits_many(session, real_instance, tmp_path):
    page = session.page

    open_list_by_menu(session)
    assert {JOB, NEIGHBOUR, "Check compliance", "Check connectivity"} < listed(session)
    filter_list(session, "git")
    assert listed(session) == {"Check compliance"}
    search_list(session, "back")
    assert listed(session) == {JOB}

    session.follow(page.get_by_role("link", name=JOB, exact=True))
    said, overridden, effective = layers(session, "Soft time limit")
    assert (said, effective) == ("900 seconds", "1800 seconds")
    assert overridden.startswith("Overridden") and overridden.endswith("Drifted code said 600 seconds when set")
    assert layers(session, "Name") == [JOB, "—", JOB]

    # Override: the input is closed as long as its switch is off.
    open_form(session)
    assert page.is_disabled("#id_name")
    assert page.inner_text("[data-source-value-of=name]") == JOB
    page.check("#id_name_override")
    page.fill("#id_name", WORDS)
    update(session)
    said, overridden, effective = layers(session, "Name")
    assert (said, effective) == (JOB, WORDS)
    assert re.fullmatch(r"Overridden .*(just now|ago).* by admin", overridden)

    # Revert: the source's value is there at once.
    open_form(session)
    page.check("#id_hidden_override")
    page.select_option("#id_hidden", "True", force=True)
    for field in ("name", "description", "hidden"):
        page.uncheck(f"#id_{field}_override")
        assert page.is_disabled(f"#id_{field}")
    values = [page.input_value(f"#id_{field}") for field in ("name", "description", "hidden")]
    assert values == [JOB, SOURCE, "False"]
    update(session)
    assert layers(session, "Name") == [JOB, "—", JOB]
    assert layers(session, "Description") == [SOURCE, "—", SOURCE]
    assert layers(session, "Hidden") == ["No", "—", "No"]

    session.open(f"{LIST}?source_type=local&installed=true")
    assert listed(session) == {JOB, NEIGHBOUR}
    edit_selected(session, "time_limit", "77")
    for name in (JOB, NEIGHBOUR):
        open_job(session, name)
        said, _, effective = layers(session, "Time limit")
        assert said.endswith("seconds (system default)") and effective == "77 seconds"

    # What changed in the source: the timeline of the job leads to the two revisions side by side.
    open_history(session)
    session.follow(page.get_by_role("link", name=re.compile("Soft time limit; inputs: days")).first)
    assert "'days' is required, but not stored" in page.inner_text("#diff")
    assert compared_lines(session) == {("soft_time_limit = 600", "soft_time_limit = 900")}
    session.follow(page.get_by_role("link", name="Unified", exact=True))
    assert page.locator("[data-registry-diff=unified] td:text-is('-')").count() == 4
    with page.expect_navigation(wait_until="networkidle"):
        page.get_by_role("button", name="Compare", exact=True).click()
    assert page.inner_text("[data-registry-summary]").startswith("Soft time limit")

    # The pictures of the guide can be taken of these pages.
    screenshots.take(session, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == shown_pictures()

    assert_that_lists_fit(session, real_instance)


# What a page hides


LISTS = (
    "registered-jobs",
    "job-revisions",
    "job-runs",
    "job-schedules",
    "field-overrides",
    "load-errors",
    "reconciliations",
    "suspensions",
)


def assert_that_lists_fit(session, real_instance):
    """Look whether the lists fit a page of 1280 pixels, however long names, paths and errors are."""
    page = session.page
    code = "from tests.long_rows import store_long_rows; print(store_long_rows().get_absolute_url())"
    error = real_instance.python(f"import sys; sys.path.insert(0, {str(DOCS.parent)!r}); {code}").split()[-1]
    page.set_viewport_size({"width": 1280, "height": 900})
    for path in (*(f"/plugins/job-registry/{name}/" for name in LISTS), error):
        session.open(path)
        page.locator("main table tbody tr").first.wait_for()
        assert list(map(str, layout.problems(page))) == [], path


HIDING = """
<main>
  <div id="cut" style="overflow: hidden; width: 100px"><span style="white-space: nowrap">{words}</span></div>
  <div id="titled" title="{words}" style="overflow: hidden; width: 100px; white-space: nowrap">{words}</div>
  <div id="scrolls" style="overflow-x: auto; width: 100px"><p style="width: 300px">wide</p></div>
  <div id="holds" style="overflow: hidden; width: 100px">
    <div id="inner" style="overflow-x: auto"><p style="width: 300px">wide</p></div>
  </div>
  <div id="wraps" style="overflow: hidden; width: 100px">{words}</div>
  <div id="gone" style="display: none; overflow: hidden; width: 100px; white-space: nowrap">{words}</div>
  <pre id="code" style="overflow: auto; width: 100px">{words}</pre>
  <p style="width: 3000px">wide</p>
</main>
"""


def test_measure_finds_what_is_cut_and_what_scrolls():
    path = browser.program()
    with browser.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=browser.ARGUMENTS)
        page = chromium.new_page(viewport=browser.SIZE)
        page.set_content(HIDING.format(words="some words that are too many for their room"))
        found = {(problem.kind, problem.element) for problem in layout.problems(page)}
        chromium.close()
    assert found == {("page", "html"), ("cut", "div#cut"), ("scrolls", "div#scrolls"), ("scrolls", "div#inner")}


# The pictures of the guide


def shown_pictures():
    """Return the names of the pictures that the documentation shows."""
    return {name for page in DOCS.rglob("*.md") for name in PICTURE.findall(page.read_text())}


def test_documentation_shows_each_picture_that_is_there_and_no_other():
    assert shown_pictures() == {path.name for path in (DOCS / "images").iterdir()}


@pytest.mark.parametrize("name", sorted(shown_pictures()))
def test_picture_is_one_of_a_page_and_not_too_big(name):
    content = (DOCS / "images" / name).read_bytes()
    assert content.startswith(PNG)
    assert struct.unpack(">I", content[16:20])[0] == browser.SIZE["width"]
    assert len(content) <= MOST_BYTES


def test_without_a_browser_it_is_said_how_to_get_one(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(browser.NoBrowserError, match="apt install chromium"):
        browser.program()
