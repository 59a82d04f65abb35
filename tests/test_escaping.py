"""Whatever text a job, its code or its author brings, it comes out of every page as text."""

from html.parser import HTMLParser

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse
from django.utils import timezone
from nautobot.extras.models import Job, JobQueue, JobResult, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from tests import builders

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

UI = "plugins:nautobot_job_registry"
# Each of them breaks out of one place of a page, if it is not escaped for that place. The word is one that a token made
# at random (each page holds several) does not spell.
CORPUS = {
    "element": "<canary oncanary=canary()>",
    "attribute in double quotes": 'x" oncanary="canary()" y="',
    "attribute in single quotes": "x' oncanary='canary()' y='",
    "attribute without quotes": "x oncanary=canary() y",
    "end of a script": "</script><script>canary()</script>",
    "end of a text": "</title></textarea></style></pre></code><canary>",
    "string of a script": "';canary();//\";canary();//`${canary()}`",
    "text in JSON": '"}]}</script><canary>',
    "comment": "--><canary><!--",
    "image": "<img src=canary onerror=canary()>",
    "drawing": "<svg/onload=canary()>",
    "link in Markdown": "[canary](javascript:canary()) <javascript:canary()>",
    "entity": "&lt;canary&gt;&#60;canary&#62;",
    "template": "{{ request.canary }}{% canary %}",
    "broken element": "<canary\n\toncanary\u2028=canary()//<",
}
# What these pages show, some text of the rows is among; the others tell numbers and names of the registry's own.
SAY_IT = {
    "registeredjob_list",
    "registeredjob",
    "registeredjob_edit",
    "registeredjob_history",
    "registeredjob_delete",
    "registeredjob_dismiss_predecessor",
    "registeredjob_bulk_edit",
    "registeredjob_bulk_delete",
    "jobrevision_list",
    "jobrevision",
    "jobrevision_diff",
    "fieldoverride_list",
    "fieldoverride",
    "jobloaderror_list",
    "jobloaderror",
    "reconciliation_list",
    "reconciliation",
    "reconcile_now",
}
# Of a plan that was shown: `tests/test_reconcile_now.py` has markup in each part of it.
ELSEWHERE = {"docs", "reconcile_now_part"}
CHOOSING = ("_bulk_edit", "_bulk_delete", "_bulk_follow")
# What only does something, and shows the page that it was called from.
DOING = ("_keep", "_restore", "_enable", "_disable")
NO_PAGE = 405


class Page(HTMLParser):
    """A page as a browser reads it: what there is that only a text that was not escaped can have made."""

    def __init__(self, content):
        super().__init__()
        self.bad, self.texts, self.inside = [], [], ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag, attrs):
        # A block of JSON is read, and never run; what could end it would show as an element after it.
        self.inside = "json" if ("type", "application/json") in attrs else tag
        if tag.startswith("canary"):
            self.bad.append(tag)
        for name, value in attrs:
            said = "".join((value or "").lower().split())
            if "canary" in name or (name.startswith("on") and "canary" in said):
                self.bad.append((tag, name, value))
            if said.startswith(("javascript:", "data:")) and "canary" in said:
                self.bad.append((tag, name, value))

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_comment(self, data):
        if "canary" in data:
            self.bad.append(("comment", data))

    def handle_data(self, data):
        if self.inside == "script" and "canary" in data:
            self.bad.append(("script", data[max(0, data.index("canary") - 100) :][:300]))
        self.texts.append(data)


def hostile_rows(text):
    """Store a row of each model, with a text in whatever holds one."""
    short = text[:90]
    queue = JobQueue.objects.create(name=short, queue_type="celery")
    repository = builders.repository(name=short)
    core = Job.objects.create(
        module_name="hostile", job_class_name="Hostile", name=short, grouping=short, default_job_queue=queue
    )
    core.description = text
    core.save()
    job = builders.job(
        1,
        module_name="hostile",
        job_class_name="Hostile",
        name=f"{short} job",
        grouping=text,
        description=text,
        source_type="git",
        source_name=text,
        source_version=text,
        git_repository=repository,
        installed=False,
        absence="removed",
        core_job=core,
        description_override=True,
        default_job_queue=queue,
    )
    heir = builders.job(2, name=f"{short} heir", predecessor=job, predecessor_grounds=text)
    variable = {"name": text, "type": text, "label": text, "required": True, "default": {text: [text, {"a": text}]}}
    log = builders.reconciliation(1, status="failed", scope=text, error=text, changes=changes(text))
    said = {"grouping": f"{text} before", "description": f"{text} said", text: text}
    old = builders.revision(job, 1, metadata={**said, "variables": []}, source_code="", source_version="one")
    new = builders.revision(
        job,
        2,
        metadata={"grouping": text, "description": text, "variables": [variable], "previous_class_paths": [text]},
        source_code=f"{text}\n# {text}\nx = {text!r}\n",
        source_version=text,
        source_hash="f" * 64,
        reconciliation=log,
    )
    override = models.FieldOverride.objects.get(job=job, field="description")
    models.FieldOverride.objects.filter(pk=override.pk).update(reason=text, source_value=text, source_is_known=True)
    told = dict.fromkeys(("module_name", "job_class_name", "file_path", "exception_type", "message"), text)
    error = builders.load_error(
        1, source_type="git", git_repository=repository, source_name=text, traceback=text, **told
    )
    models.JobLoadError.objects.create(
        source_type="git", source_name=text, module_name="hostile", message=text, exception_type=text, traceback=text
    )
    return {
        **hang_on(job, new, text),
        "registeredjob": job,
        "registeredjob_adopt": heir,
        "registeredjob_dismiss_predecessor": heir,
        "jobrevision": new,
        "fieldoverride": override,
        "jobloaderror": error,
        "reconciliation": log,
        "old": old,
        "core": core,
        "repository": repository,
    }


def changes(text):
    fields = {text: {"old": text, "new": {text: text}}, "description": {"old": text, "new": text}}
    return [
        {"job": text, "action": text, "fields": fields},
        {"load_error": text, "action": text, "message": text},
    ]


def hang_on(job, revision, text):
    """Store a run, a schedule and a suspension of a job, and return them by their model."""
    result = JobResult.objects.create(name=text, job_model=job.core_job, status="FAILURE", traceback=text)
    anchored = {"job": job, "class_path": text}
    told = {"revision": revision, "source_version": text, "worker": text, **anchored}
    run, _ = models.JobRun.objects.update_or_create(job_result=result, defaults=told)
    scheduled = ScheduledJob.objects.create(
        name=text,
        task=job.class_path,
        job_model=job.core_job,
        interval="daily",
        start_time=timezone.now(),
        kwargs={f"{text} gone": text},
        description=text,
    )
    schedule, _ = models.JobSchedule.objects.update_or_create(scheduled_job=scheduled, defaults=anchored)
    suspension = models.Suspension.objects.create(
        object_type=ContentType.objects.get_for_model(ScheduledJob),
        object_id=scheduled.pk,
        object_name=text,
        reason="removed",
        origin="core",
        previous_state={text: text},
        suspended_state={text: text},
        **anchored,
    )
    return {"jobrun": run, "jobschedule": schedule, "suspension": suspension}


@pytest.fixture
def client():
    user = get_user_model().objects.create_superuser("reader", "reader@example.com", "reader")
    client = Client(SERVER_NAME="nautobot.example.com")
    client.force_login(user)
    return client


def routes():
    """Yield the name of every page of the registry."""
    resolver = get_resolver()
    for part in UI.split(":"):
        _, resolver = resolver.namespace_dict[part]
    yield from sorted({name for name in resolver.reverse_dict if isinstance(name, str)} - ELSEWHERE)


def address(name, rows):
    """Return the address of a page: of the row of its model, where it is of one."""
    try:
        return reverse(f"{UI}:{name}")
    except NoReverseMatch:
        row = rows.get(name) or rows.get(name.partition("_")[0])
        assert row, f"The page {name} has no hostile row: store one in hostile_rows()."
        return reverse(f"{UI}:{name}", kwargs={"pk": row.pk})


def responses(client, rows):
    """Yield the name of each page, and the page."""
    for name in routes():
        url = address(name, rows)
        if name.endswith(CHOOSING):
            yield name, client.post(url, {"pk": [str(rows[name.partition("_")[0]].pk)], "_edit": "1"})
            continue
        # The filters that a page does not have are no matter to it.
        yield name, client.get(url, {"source": "local"} if name == "reconcile_now" else {})
        if name.endswith("_list"):
            yield name, client.get(url, headers={"HX-Request": "true"})
    diff = reverse(f"{UI}:jobrevision_diff", kwargs={"pk": rows["jobrevision"].pk})
    yield "jobrevision_diff", client.get(diff, {"against": str(rows["old"].pk), "view": "unified"})
    for url in ("/", rows["core"].get_absolute_url(), rows["repository"].get_absolute_url()):
        yield url, client.get(url)


@pytest.mark.parametrize("kind", CORPUS)
def test_hostile_text_comes_out_as_text_on_every_page(kind, client, jobs_root):
    text = CORPUS[kind]
    empty_registry()
    rows = hostile_rows(text)
    classes = [JobClassSourceFactory(name="Hostile", meta={"name": f"{text[:80]} new", "description": text})]
    JobModuleFactory(folder=jobs_root, name="hostile_module", classes=classes)
    builders.job(3, module_name="hostile_module", job_class_name="Hostile")
    said = set()
    for name, response in responses(client, rows):
        if response.status_code == NO_PAGE or name.endswith(DOING):
            continue
        assert response.status_code == 200, (name, response.content[:300])
        page = Page(response.content.decode())
        assert page.bad == [], (name, page.bad)
        if "canary" in "".join(page.texts):
            said.add(name)
    assert said >= SAY_IT, "These pages say nothing of it: the test would not notice."


@pytest.mark.parametrize(
    "content",
    [
        "<canary>",
        '<p title="x" oncanary="y">',
        '<p onclick="canary()">',
        '<a href="java\nscript:canary()">',
        "<script>canary()</script>",
        "<!-- canary -->",
        '<script type="application/json">"</script><canary>',
    ],
)
def test_the_reading_of_a_page_notices_what_is_not_escaped(content):
    assert len(Page(content).bad) == 1


@pytest.mark.parametrize(
    "content",
    [
        "&lt;canary&gt;",
        '<p title="&lt;canary oncanary=canary()&gt;" data-name="canary()">canary()</p>',
        '<a href="/jobs/?name=javascript:canary()">',
        '<script type="application/json">"canary()"</script>',
        '<script>var token = "KLwRcAnArY74xss7";</script>',
    ],
)
def test_the_reading_of_a_page_takes_what_is_escaped_for_text(content):
    assert Page(content).bad == []
