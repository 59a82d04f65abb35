"""Every page of the registry in a browser: it fits, nothing is cut, no script fails, and everybody can read it.

Nautobot's own part of a page, around ours and in the elements that it makes, is Nautobot's to mend: what axe finds
there is left out by name.
"""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from development import browser, layout, processes, showcase

pytestmark = [pytest.mark.slow, pytest.mark.minutes]

JOBS = 1000
WIDTHS = (1280, 1920, 390)
NARROW = 390
# Every so many pages one is looked at in the dark theme, too.
DARK_OF = 3
CORE_PAGE = "/extras/jobs/"
THEME = """
theme => ["data-theme", "data-bs-theme"].forEach((name) => document.documentElement.setAttribute(name, theme))
"""
# Nautobot's menu, which takes two thirds of a phone while it is open.
FOLD = "button.nb-sidenav-toggler[aria-expanded=%s]"
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
CONTRAST = "color-contrast"
# The colours of Nautobot's theme that have too little contrast in Nautobot's own use of them.
CORE_COLOURS = {
    "#007dff": "links and buttons",
    "#e07807": "buttons that warn",
    "#d73a49": "the words of Python in code",
}
# What axe finds else in what Nautobot makes: a part of the element, by the rule.
CORE_ELEMENTS = {
    # Code in the colours of Nautobot's style sheet, badges of numbers, the chosen pill, heads that do not sort.
    CONTRAST: ("hljs", 'badge bg-primary"', 'badge bg-success"', "nav-link active", '<th scope="col">'),
    "label": ("select2-search__field",),
    # Nautobot tells its links by their colour alone.
    "link-in-text-block": ("<a ",),
}
ADDRESSES = """
import json
from django.urls import reverse
from nautobot_job_registry import models
models.RegisteredJob.objects.bulk_create(
    models.RegisteredJob(
        module_name=f"many.file_{number // 10}", job_class_name=f"Job{number}", name=f"Job {number}", grouping="Many",
        source_type="git", source_name="many_jobs",
    )
    for number in range(%d)
)
ROUTE = "plugins:nautobot_job_registry"
kinds = (
    "registeredjob", "jobrevision", "fieldoverride", "jobrun", "jobschedule", "jobloaderror", "reconciliation",
    "suspension",
)
found = [reverse(f"{ROUTE}:dashboard"), reverse(f"{ROUTE}:reconcile_now")]
found += [reverse(f"{ROUTE}:{kind}_list") for kind in kinds]
for model in (models.JobRevision, models.FieldOverride, models.JobRun, models.JobSchedule, models.JobLoadError,
              models.Reconciliation, models.Suspension):
    found += [row.get_absolute_url() for row in model.objects.order_by("pk")[:1]]
told = [
    models.RegisteredJob.objects.get(name="Back up configurations"),
    models.RegisteredJob.objects.filter(absence="load_error").first(),
    models.RegisteredJob.objects.filter(absence="removed").first(),
]
found += [job.get_absolute_url() for job in told if job]
job = told[0]
pages = ("history", "runs", "schedules", "edit", "delete", "changelog", "notes")
found += [reverse(f"{ROUTE}:registeredjob_{page}", kwargs={"pk": job.pk}) for page in pages]
found += [reverse(f"{ROUTE}:registeredjob_delete", kwargs={"pk": told[2].pk})] if told[2] else []
last = job.revisions.order_by("-number").first()
found += [last.get_absolute_url(), reverse(f"{ROUTE}:jobrevision_diff", kwargs={"pk": last.pk})]
override = job.field_overrides.first()
found += [reverse(f"{ROUTE}:fieldoverride_{page}", kwargs={"pk": override.pk}) for page in ("terms",)]
print("FOUND" + json.dumps(list(dict.fromkeys(found))))
"""


@pytest.fixture
def walked(real_instance):
    """A browser that is logged in to an instance with a showcase and many jobs, and the addresses of all its pages."""
    browser.program()
    instance = real_instance.environment | showcase.VARIABLES
    showcase.prepare(instance, real_instance.folder / "git_server")
    told = real_instance.python(ADDRESSES % JOBS)
    addresses = json.loads(told.split("FOUND")[1].splitlines()[0])
    with (
        processes.web_server(instance, real_instance.folder / "web.log") as address,
        browser.logged_in(address, showcase.USERNAME, showcase.PASSWORD) as session,
    ):
        yield session, addresses


def test_every_page_can_be_read_by_everybody_at_every_width(walked):
    session, addresses = walked
    found, page = [], session.page
    page.set_viewport_size({"width": NARROW, "height": 900})
    session.open(CORE_PAGE)
    fold_menu(page, True)
    widest = page.evaluate("document.documentElement.scrollWidth")
    for number, path in enumerate(addresses):
        session.open(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            fold_menu(page, width == NARROW)
            for problem in layout.problems(page):
                # There a table scrolls within its card, and Nautobot's own head is as wide as the page.
                may_scroll = problem.kind == "scrolls" or (problem.kind == "page" and problem.width <= widest)
                if width != NARROW or not may_scroll:
                    found.append(f"{path} at {width}: {problem}")
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        fold_menu(page, False)
        # Both themes have the same elements: a part of the pages tells of the colours.
        for theme in ("light", "dark") if number % DARK_OF == 0 else ("light",):
            page.emulate_media(color_scheme=theme)
            page.evaluate(THEME, theme)
            # Colours change by and by.
            page.wait_for_timeout(500)
            found += [f"{path} in the {theme} theme: {text}" for text in violations(page)]
    assert session.failures == []
    assert found == [], "\n".join(found)


def fold_menu(page, is_folded):
    """Have Nautobot's menu folded, or not."""
    button = page.locator(FOLD % ("true" if is_folded else "false"))
    if button.count():
        button.click()
        page.wait_for_timeout(400)


def violations(page):
    """Yield what axe finds on a page, without what is Nautobot's own."""
    result = Axe().run(page, context="#main-content", options={"runOnly": RULES, "resultTypes": ["violations"]})
    for violation in result.response["violations"]:
        for node in violation["nodes"]:
            told = (node["any"] or node["all"] or node["none"])[0]
            colour = (told.get("data") or {}).get("fgColor", "") if violation["id"] == CONTRAST else ""
            if colour not in CORE_COLOURS and not any(
                part in node["html"] for part in CORE_ELEMENTS.get(violation["id"], ())
            ):
                yield f"{violation['id']} {colour}: {' '.join(node['html'].split())[:160]} ({told['message'][:150]})"
