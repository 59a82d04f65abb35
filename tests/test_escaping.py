"""Whatever text a job, its code or its author brings, it comes out of every page as text."""

from html.parser import HTMLParser

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone
from nautobot.extras.models import Job, JobQueue, JobResult, ScheduledJob

from nautobot_job_registry import models
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from tests import builders

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

UI = "plugins:nautobot_job_registry"
# Each of them breaks out of one place of a page, if it is not escaped for that place.
CORPUS = {
    "element": "<xss-canary onxss=xss()>",
    "attribute in double quotes": 'x" onxss="xss()" y="',
    "attribute in single quotes": "x' onxss='xss()' y='",
    "attribute without quotes": "x onxss=xss() y",
    "end of a script": "</script><script>xss()</script>",
    "end of a text": "</title></textarea></style></pre></code><xss-canary>",
    "string of a script": "';xss();//\";xss();//`${xss()}`",
    "text in JSON": '"}]}</script><xss-canary>',
    "comment": "--><xss-canary><!--",
    "image": "<img src=xss onerror=xss()>",
    "drawing": "<svg/onload=xss()>",
    "link in Markdown": "[xss](javascript:xss()) <javascript:xss()>",
    "entity": "&lt;xss-canary&gt;&#60;xss-canary&#62;",
    "template": "{{ request.xss }}{% xss %}",
    "broken element": "<xss-canary\n\tonxss\u2028=xss()//<",
}
PAGES = (
    "registeredjob_list",
    "registeredjob",
    "registeredjob_edit",
    "registeredjob_history",
    "registeredjob_changelog",
    "registeredjob_notes",
    "registeredjob_delete",
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
)
ELSEWHERE = {"docs": "a redirect to static files"}
CHOOSING = ("registeredjob_bulk_edit", "registeredjob_bulk_delete")
# They tell numbers and names of the registry's own.
SAY_NOTHING = {"registeredjob_changelog", "/"}


class Page(HTMLParser):
    """A page as a browser reads it: what there is that only a text that was not escaped can have made."""

    def __init__(self, content):
        super().__init__()
        self.bad, self.texts, self.inside = [], [], ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        if tag.startswith("xss"):
            self.bad.append(tag)
        for name, value in attrs:
            said = "".join((value or "").lower().split())
            if "xss" in name or (name.startswith("on") and "xss" in said) or (name == "src" and "xss" in said):
                self.bad.append((tag, name, value))
            if name in ("href", "action", "formaction") and said.startswith(("javascript:", "data:")):
                self.bad.append((tag, name, value))

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_comment(self, data):
        if "xss-canary" in data:
            self.bad.append(("comment", data))

    def handle_data(self, data):
        if self.inside == "script" and "xss" in data:
            self.bad.append(("script", data[max(0, data.index("xss") - 100) :][:300]))
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
    models.RegisteredJob.objects.filter(pk=job.pk).update(predecessor_grounds=text)
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
    told = {name: text for name in ("module_name", "job_class_name", "file_path", "exception_type", "message")}
    error = builders.load_error(
        1, source_type="git", git_repository=repository, source_name=text, traceback=text, **told
    )
    models.JobLoadError.objects.create(
        source_type="git", source_name=text, module_name="hostile", message=text, exception_type=text, traceback=text
    )
    hang_on(job, new, text)
    return {"registeredjob": job, "jobrevision": new, "fieldoverride": override, "jobloaderror": error} | {
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
    """Store a run and a schedule of a job."""
    result = JobResult.objects.create(name=text, job_model=job.core_job, status="FAILURE", traceback=text)
    models.JobRun.objects.create(
        job_result=result, job=job, revision=revision, class_path=text, source_version=text, worker=text
    )
    ScheduledJob.objects.create(
        name=text,
        task=job.class_path,
        job_model=job.core_job,
        interval="daily",
        start_time=timezone.now(),
        kwargs={f"{text} gone": text},
        description=text,
    )


@pytest.fixture
def client():
    user = get_user_model().objects.create_superuser("reader", "reader@example.com", "reader")
    client = Client(SERVER_NAME="nautobot.example.com")
    client.force_login(user)
    return client


def responses(client, rows, jobs_root):
    """Yield the name of each page, and the page."""
    job = rows["registeredjob"]
    for name in PAGES:
        route = f"{UI}:{name}"
        if name in CHOOSING:
            yield name, client.post(reverse(route), {"pk": [str(job.pk)], "_edit": "1"})
        elif name.endswith("_list"):
            yield name, client.get(reverse(route), headers={"HX-Request": "true"})
            yield f"{name} as a page", client.get(reverse(route))
        elif name == "reconcile_now":
            yield name, client.get(reverse(route), {"source": "local"})
        elif name == "jobrevision_diff":
            for view in ("side-by-side", "unified"):
                parameters = {"against": str(rows["old"].pk), "view": view}
                yield f"{name} {view}", client.get(reverse(route, kwargs={"pk": rows["jobrevision"].pk}), parameters)
        else:
            yield name, client.get(reverse(route, kwargs={"pk": rows[name.partition("_")[0]].pk}))
    for address in ("/", rows["core"].get_absolute_url(), rows["repository"].get_absolute_url()):
        yield address, client.get(address)


@pytest.mark.parametrize("kind", CORPUS)
def test_hostile_text_comes_out_as_text_on_every_page(kind, client, jobs_root):
    text = CORPUS[kind]
    empty_registry()
    rows = hostile_rows(text)
    classes = [JobClassSourceFactory(name="Hostile", meta={"name": f"{text[:80]} new", "description": text})]
    JobModuleFactory(folder=jobs_root, name="hostile_module", classes=classes)
    builders.job(3, module_name="hostile_module", job_class_name="Hostile")
    for name, response in responses(client, rows, jobs_root):
        assert response.status_code == 200, (name, response.content[:300])
        page = Page(response.content.decode())
        assert page.bad == [], (name, page.bad)
        assert "Error in template" not in response.content.decode()
        if name not in SAY_NOTHING and not name.endswith("as a page"):
            assert "xss" in "".join(page.texts), f"{name} says nothing of it: the test would not notice."


def test_every_page_is_tried_out():
    resolver = get_resolver()
    for part in UI.split(":"):
        _, resolver = resolver.namespace_dict[part]
    names = {name for name in resolver.reverse_dict if isinstance(name, str)}
    assert names - {*PAGES, *ELSEWHERE} == set(), "Add these pages to the ones that are tried out."


@pytest.mark.parametrize("text", [text for text in CORPUS.values() if "canary" in text or "onxss" in text])
def test_the_reading_of_a_page_notices_what_is_not_escaped(text):
    content = f"<script>var a = '{text}'</script><p title={text!r}>{text}</p><!-- {text} --><a href='javascript:xss()'>"
    assert Page(content).bad
