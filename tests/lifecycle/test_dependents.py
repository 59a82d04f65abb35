"""The life of schedules, job hooks and job buttons, through the real `migrate` and a real worker's Git syncs (rule 18).

{JOBS_ROOT, Git, app} × {removed, import error, unreachable} × {schedule on, off, waiting for approval, hook, button}
× {the job returns, the job returns after a person's change, the job returns after its record was deleted}: each before,
during and after the absence.
"""

import json
import shutil
from dataclasses import dataclass, replace

import pytest

from development import processes
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

pytestmark = pytest.mark.slow

BASES = {"Plain": "Job", "Hook": "JobHookReceiver", "Button": "JobButtonReceiver"}
ON, OFF = [True, "active"], [False, "completed"]
WAITING = [False, "pending"]
# What a person does to each of them during the absence, where one does: see PERSON.
BEFORE = {
    "on": ON,
    "off": OFF,
    "waiting": WAITING,
    "hook": [True],
    "button": [True],
    "on, changed": ON,
    "off, changed": OFF,
    "waiting, changed": WAITING,
    "hook, changed": [True],
    "button, changed": [True],
}
WHILE_REMOVED = {
    **BEFORE,
    "on": OFF,
    "hook": [False],
    "button": [False],
    "on, changed": OFF,
    "hook, changed": [False],
    "button, changed": [False],
}
WHILE_TEMPORARILY_ABSENT = BEFORE
CHANGED_BY_A_PERSON = {"off, changed": ON, "waiting, changed": ON}
AFTER_A_REMOVAL = {
    **BEFORE,
    # The person has changed its interval, and whether it should still run is for them to say.
    "on, changed": OFF,
    # The same of the hook, whose object types have changed; the button was switched on by the person.
    "hook, changed": [False],
    "button, changed": [True],
    **CHANGED_BY_A_PERSON,
}
AFTER_A_TEMPORARY_ABSENCE = {**BEFORE, **CHANGED_BY_A_PERSON}
# With the record Nautobot's own job goes, and with that the hooks and buttons; what would fire at nothing is off, and
# stays so until a person says otherwise, though it is linked again.
AFTER_A_DELETION = {
    name: OFF if state == ON else state for name, state in BEFORE.items() if not name.startswith(("hook", "button"))
}
SCHEDULES = len(AFTER_A_DELETION)


@dataclass(frozen=True)
class Case:
    """A module with a job of each kind, and what becomes of it."""

    module: str
    absence: str
    origin: str = ""

    @property
    def is_removal(self):
        return self.absence == "removed"

    @property
    def during(self):
        return WHILE_REMOVED if self.is_removal else WHILE_TEMPORARILY_ABSENT

    @property
    def after(self):
        return AFTER_A_REMOVAL if self.is_removal else AFTER_A_TEMPORARY_ABSENCE


LOCAL_REMOVED = Case("life", "removed", "registry")
LOCAL_BROKEN = Case("frail", "load_error")
APP_REMOVED = Case("life_app.jobs", "removed", "registry")
GIT_REMOVED = Case("life_git.jobs.life", "removed", "core")
GIT_BROKEN = Case("life_git.jobs.frail", "load_error")
GIT_UNREACHABLE = Case("gone_git.jobs.life", "source_unavailable")
FIRST_ROUND = (LOCAL_REMOVED, LOCAL_BROKEN, APP_REMOVED, GIT_REMOVED, GIT_BROKEN, GIT_UNREACHABLE)
# The same, for records that are deleted meanwhile.
DOOMED = tuple(replace(case, module=f"{case.module}_doomed") for case in FIRST_ROUND)
# Nautobot makes a folder for jobs where there is none, and one that held jobs and is empty counts as not mounted.
LOCAL_UNREACHABLE = Case("folder", "source_unavailable")
# What an app says that cannot be imported is never heard: Nautobot does not start.
APP_BROKEN = Case("life_app.others", "")
SECOND_ROUND = (LOCAL_UNREACHABLE, APP_BROKEN)

PRELUDE = """
import json
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from nautobot.extras.models import *
from nautobot_job_registry.reconcile import report
from nautobot_job_registry.models import *
from nautobot_job_registry.reconcile import reconcile
types = {name: ContentType.objects.get(app_label="dcim", model=name) for name in ("device", "rack")}
"""
MAKE = """
user, _ = get_user_model().objects.get_or_create(username="operator", is_superuser=True)
for job in Job.objects.filter(module_name__in=modules):
    job.enabled = True
    job.save()
for module in modules:
    jobs = {job.job_class_name: job for job in Job.objects.filter(module_name=module)}
    plain, hook, button = jobs["Plain"], jobs["Hook"], jobs["Button"]
    for person in ("", ", changed"):
        for name, state in (("on", "active"), ("off", "completed"), ("waiting", "pending")):
            ScheduledJob.objects.create(
                name=f"{module}: {name}{person}", task=plain.class_path, job_model=plain, user=user, interval="daily",
                start_time=timezone.now(), enabled=state == "active", state=state, job_queue=plain.default_job_queue,
            )
        made = JobHook.objects.create(name=f"{module}: hook{person}", job=hook, type_create=True)
        made.content_types.add(types["device"])
        made = JobButton.objects.create(name=f"{module}: button{person}", job=button, text="Push")
        made.content_types.add(types["device"])
"""
PERSON = """
for module in modules:
    def schedule(name):
        return ScheduledJob.objects.get(name=f"{module}: {name}, changed")
    changed = schedule("on")
    changed.interval = "weekly"
    changed.save()
    changed = schedule("off")
    changed.enabled, changed.state = True, "active"
    changed.save()
    changed = schedule("waiting")
    changed.enabled, changed.state, changed.decision_date = True, "active", timezone.now()
    changed.save()
    JobHook.objects.get(name=f"{module}: hook, changed").content_types.add(types["rack"])
    changed = JobButton.objects.get(name=f"{module}: button, changed")
    changed.enabled = True
    changed.save()
"""
DELETE = """
for job in RegisteredJob.objects.filter(module_name__in=modules):
    job.delete()
"""
LOOK = """
states, absences, linked = {module: {} for module in modules}, {}, {}
for module in modules:
    names = ScheduledJob.objects.filter(name__startswith=f"{module}: ")
    found = {row.name: [row.enabled, row.state] for row in names}
    for model in (JobHook, JobButton):
        found |= {row.name: [row.enabled] for row in model.objects.filter(name__startswith=f"{module}: ")}
    states[module] = {name.removeprefix(f"{module}: "): state for name, state in found.items()}
    links = {"registry_schedule__job__module_name": module, "job_model__module_name": module}
    linked[module] = ScheduledJob.objects.filter(**links).count()
    absences[module] = sorted(set(RegisteredJob.objects.filter(module_name=module).values_list("absence", flat=True)))
suspensions = {}
for row in Suspension.objects.all():
    name = row.object_name.partition(": ")
    suspensions.setdefault(name[0], {})[name[2]] = [row.outcome, row.reason, row.origin]
# Whatever was done, doing it again would change nothing.
changes = report.plan_as_json(reconcile(dry_run=True).plan)
print(json.dumps([states, absences, suspensions, linked, changes], default=str))
"""
SYNC = """
import time
from nautobot.extras.datasources.git import enqueue_pull_git_repository_and_refresh_data
user, _ = get_user_model().objects.get_or_create(username="operator", is_superuser=True)
for slug, url in repositories.items():
    repository, _ = GitRepository.objects.get_or_create(
        slug=slug, defaults={"name": slug, "remote_url": url, "branch": "main", "provided_contents": ["extras.job"]}
    )
    result = enqueue_pull_git_repository_and_refresh_data(repository, user)
    end = time.monotonic() + 300
    while result.status not in ("SUCCESS", "FAILURE") and time.monotonic() < end:
        time.sleep(0.2)
        result.refresh_from_db()
    print(result.status)
"""


def module_text(title, before=""):
    classes = [
        JobClassSourceFactory(name=name, base=base, meta={"name": f"{title} {name}"}) for name, base in BASES.items()
    ]
    return JobModuleFactory.build(name="jobs", grouping=title, classes=classes, before=before)


def repository_files(title, *names):
    """Return the files of a repository with these modules of jobs; the frail ones need a library."""
    files = {"__init__.py": "", "jobs/__init__.py": f"from . import {', '.join(names)}\n"}
    for name in names:
        before = "import needed_library" if name.startswith("frail") else ""
        files[f"jobs/{name}.py"] = module_text(f"{title} {name}", before=before)
    return files


def of(cases):
    return f"modules = {[case.module for case in cases]!r}\n"


class World:
    """A real instance with all sources of jobs, and what happens to them."""

    def __init__(self, instance, git_server):
        self.library = instance.folder / "library"
        path = f"{self.library}:{processes.database.CONFIG.parent.parent}"
        environment = {**instance.environment, "PYTHONPATH": path, "NAUTOBOT_EXTRA_PLUGINS": "life_app"}
        self.instance = replace(instance, environment=environment)
        self.roots = {"jobs": instance.jobs_root, "git": instance.folder / "git"}
        self.life, self.gone = git_server.repository("life_git"), git_server.repository("gone_git")
        self.write_all()

    def write_all(self):
        self.roots["jobs"].mkdir(exist_ok=True)
        for name in ("life", "life_doomed", "frail", "frail_doomed", "folder"):
            (self.roots["jobs"] / f"{name}.py").write_text(module_text(name))
        self.write_app()
        (self.library / "needed_library.py").write_text("")
        self.life.commit("All jobs", repository_files("Git", "frail", "frail_doomed", "life", "life_doomed"))
        self.gone.commit("All jobs", repository_files("Gone", "life", "life_doomed"))

    def write_app(self, modules=("jobs", "jobs_doomed", "others"), before=""):
        """Write the app, whose jobs are those of some modules."""
        app = self.library / "life_app"
        app.mkdir(parents=True, exist_ok=True)
        (app / "__init__.py").write_text(
            "from nautobot.apps import NautobotAppConfig\n"
            "class Config(NautobotAppConfig):\n"
            "    name = verbose_name = 'life_app'\n    version = '1'\n    jobs = 'all_jobs.jobs'\n"
            "config = Config\n"
        )
        for name in ("jobs", "jobs_doomed", "others"):
            (app / f"{name}.py").write_text(module_text(f"App {name}"))
        imports = "".join(f"from life_app import {name}\n" for name in modules)
        classes = ", ".join(f"{name}.{job}" for name in modules for job in BASES)
        (app / "all_jobs.py").write_text(f"{before}{imports}jobs = [{classes}]\n")

    def migrate(self, **options):
        return self.instance.nautobot_server("migrate", **options)

    def sync(self, **repositories):
        """Sync Git repositories, one after the other, by the worker."""
        urls = {slug: repository.url for slug, repository in repositories.items()}
        ended = self.instance.python(f"{PRELUDE}repositories = {urls!r}\n{SYNC}").split()
        assert ended[-len(urls) :] == ["SUCCESS"] * len(urls)

    def look(self, cases, before="", after=""):
        """Return states, absences, suspensions and links, and do something before or after in the same process."""
        code = f"{PRELUDE}{of(cases)}{before}{LOOK}{after}"
        *found, changes = json.loads(self.instance.python(code).splitlines()[-1])
        modules = {case.module for case in cases}
        assert [change for change in changes if change.get("job", "").rpartition(".")[0] in modules] == []
        return found

    def let_all_go(self):
        """Remove, and then break and cut off, what the first round is about.

        Nothing counts as removed from a source that cannot be read completely, so that the removals come first.
        """
        for name in ("life", "life_doomed"):
            self.life.remove(f"jobs/{name}.py")
        self.life.commit("Remove the jobs", {"jobs/__init__.py": "from . import frail, frail_doomed\n"})
        self.sync(life_git=self.life)
        for name in ("life", "life_doomed"):
            (self.roots["jobs"] / f"{name}.py").unlink()
        self.write_app(modules=["others"])
        self.migrate()
        for name in ("frail", "frail_doomed"):
            (self.roots["jobs"] / f"{name}.py").write_text("1 / 0\n")
        (self.library / "needed_library.py").unlink()
        shutil.rmtree(self.roots["git"] / "gone_git")
        self.gone.bare.rename(self.gone.bare.with_suffix(".away"))
        self.migrate()

    def let_all_return(self):
        """Put everything back."""
        self.gone.bare.with_suffix(".away").rename(self.gone.bare)
        self.write_all()
        self.sync(life_git=self.life)
        self.migrate()


def assert_states(states, cases, expected):
    for case in cases:
        assert states[case.module] == expected(case), case


SUSPENDED = {name: "suspended" for name, state in BEFORE.items() if state[0]}
ENDED = {
    **dict.fromkeys(("on", "hook", "button"), "restored"),
    **dict.fromkeys(("on, changed", "hook, changed", "button, changed"), "changed"),
}


def suspensions_of(cases, outcomes):
    """Return what the registry is to have recorded of the removals, by the outcome of each dependent."""
    removals = [case for case in cases if case.is_removal]
    return {
        case.module: {name: [outcome, "removed", case.origin] for name, outcome in outcomes.items()}
        for case in removals
    }


def suspensions_of_deleted(cases):
    """Return what is recorded where a record was deleted: what the removal had switched off, or else the deletion."""
    of_schedules = dict.fromkeys(("on", "on, changed"), "suspended")
    of_others = dict.fromkeys(("hook", "hook, changed", "button", "button, changed"), "gone")
    return {
        case.module: {
            name: [outcome, case.absence, case.origin or "registry"]
            for name, outcome in {**of_schedules, **(of_others if case.is_removal else {})}.items()
        }
        for case in cases
    }


@pytest.mark.minutes
def test_what_hangs_on_a_job_goes_off_with_a_removal_only_and_comes_back_unless_a_person_changed_it(
    real_instance, git_server
):
    world, both = World(real_instance, git_server), FIRST_ROUND + DOOMED
    with processes.worker(world.instance.environment, real_instance.folder / "worker.log"):
        world.sync(life_git=world.life, gone_git=world.gone)
        world.migrate()
        states, absences, suspensions, linked = world.look(both, before=MAKE)
        assert absences == {case.module: [""] for case in both}
        assert_states(states, both, lambda case: BEFORE)
        assert set(linked.values()) == {SCHEDULES}
        assert suspensions == {}

        world.let_all_go()
        decided = f"{of(FIRST_ROUND)}{PERSON}{of(DOOMED)}{DELETE}"
        states, absences, suspensions, linked = world.look(both, after=decided)
        assert absences == {case.module: [case.absence] for case in both}
        assert_states(states, both, lambda case: case.during)
        assert set(linked.values()) == {SCHEDULES}
        assert suspensions == suspensions_of(both, SUSPENDED)

        states, absences, suspensions, linked = world.look(DOOMED)
        assert absences == {case.module: [] for case in DOOMED}
        assert_states(states, DOOMED, lambda case: AFTER_A_DELETION)
        assert set(linked.values()) == {0}
        assert {case.module: suspensions[case.module] for case in DOOMED} == suspensions_of_deleted(DOOMED)

        world.let_all_return()
        states, absences, suspensions, linked = world.look(both)
        assert absences == {case.module: [""] for case in both}
        assert_states(states, FIRST_ROUND, lambda case: case.after)
        assert_states(states, DOOMED, lambda case: AFTER_A_DELETION)
        assert set(linked.values()) == {SCHEDULES}
        assert suspensions == suspensions_of(FIRST_ROUND, ENDED) | suspensions_of_deleted(DOOMED)


def test_neither_a_folder_that_is_not_mounted_nor_an_app_that_cannot_be_imported_switches_anything_off(
    real_instance, git_server
):
    world = World(real_instance, git_server)
    world.migrate()
    states, _, suspensions, _ = world.look(SECOND_ROUND, before=MAKE)
    assert_states(states, SECOND_ROUND, lambda case: BEFORE)
    assert suspensions == {}

    away = real_instance.folder / "away"
    world.roots["jobs"].rename(away)
    world.migrate()
    world.write_app(before="import not_there\n")
    assert world.migrate(check=False).returncode != 0
    world.write_app()
    states, absences, suspensions, _ = world.look(SECOND_ROUND, after=PERSON)
    assert absences == {case.module: [case.absence] for case in SECOND_ROUND}
    assert_states(states, SECOND_ROUND, lambda case: case.during)
    assert suspensions == {}

    world.roots["jobs"].rmdir()
    away.rename(world.roots["jobs"])
    world.migrate()
    states, absences, suspensions, _ = world.look(SECOND_ROUND)
    assert absences == {case.module: [""] for case in SECOND_ROUND}
    assert_states(states, SECOND_ROUND, lambda case: case.after)
    assert suspensions == {}
