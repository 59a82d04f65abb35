"""One answer at every door, and installed exactly where a run in a worker succeeds (rule 3).

{Nautobot, app, Git, local, a library's class} × {what follows a migration, a sync, the app's job in a worker, the
command} × {as it was, the registering file broken, the folder empty, a process older than the files}: one instance, one
worker, and for each state one process that begins anew for the first three doors, and one for the command.
"""

import json
from dataclasses import replace

import pytest

from development import processes
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

pytestmark = [pytest.mark.slow, pytest.mark.minutes]

SLUG = "door_git"
SYSTEM = "nautobot.core.jobs.groups.RefreshDynamicGroupCaches"
APP, GIT, BEHIND = "door_app.jobs.OfApp", f"{SLUG}.jobs.synced.Synced", f"{SLUG}.jobs.zz_last.Last"
LOCAL, SHARED, ONCE = "door_local.Local", "door_library.Shared", "door_once.Once"
ALL = (SYSTEM, APP, GIT, BEHIND, LOCAL, SHARED, ONCE)
AS_IT_WAS = {**dict.fromkeys(ALL, "installed"), ONCE: "load_error"}

# What a process does that begins anew: as a migration, a sync and the app's job in the worker, then a run of each job.
DRIVE = """
import json, time
from django.apps import apps
from django.contrib.auth import get_user_model
from nautobot.extras.datasources.git import enqueue_pull_git_repository_and_refresh_data
from nautobot.extras.models import GitRepository, Job, JobResult
from nautobot.extras.signals import refresh_job_models
from nautobot_job_registry import signals
from nautobot_job_registry.core_bridge.host import job_arguments
from nautobot_job_registry.models import JobLoadError, RegisteredJob

user, _ = get_user_model().objects.get_or_create(username="operator", is_superuser=True)
row = dict(name=slug, remote_url=url, branch="main", provided_contents=["extras.job"])
repository, _ = GitRepository.objects.get_or_create(slug=slug, defaults=row)
if head:
    GitRepository.objects.filter(slug=slug).update(current_head=head)

def ended(result):
    end = time.monotonic() + 200
    while result.status not in ("SUCCESS", "FAILURE") and time.monotonic() < end:
        time.sleep(0.1)
        result.refresh_from_db()
    return result.status

def core_row(path):
    module, _, name = path.rpartition(".")
    return Job.objects.filter(module_name=module, job_class_name=name).first()

def states():
    found = {}
    for path in paths:
        module, _, name = path.rpartition(".")
        job = RegisteredJob.objects.filter(module_name=module, job_class_name=name).first()
        found[path] = None if job is None else job.absence or "installed"
    return found

def sync():
    ended(enqueue_pull_git_repository_and_refresh_data(repository, user))

def reconcile_in_worker():
    Job.objects.update(enabled=True)
    job = core_row("nautobot_job_registry.jobs.ReconcileJobRegistry")
    result = JobResult.enqueue_job(job, user, **job_arguments({}))
    assert ended(result) == "SUCCESS", result.traceback

def run(path):
    job = core_row(path)
    if job is None:
        return False
    return ended(JobResult.enqueue_job(job, user, **job_arguments({}))) == "SUCCESS"

doors = {}
refresh_job_models(sender=None, apps=apps)
signals.reconcile_after_migrate(sender=None)
if is_first:
    sync()
    refresh_job_models(sender=None, apps=apps)
    signals.reconcile_after_migrate(sender=None)
doors["migrate"] = states()
sync()
doors["sync"] = states()
reconcile_in_worker()
doors["job"] = states()
runs = {path: run(path) for path in paths}
core = {path: bool(core_row(path) and core_row(path).installed) for path in paths}
said = {path: RegisteredJob.objects.get(job_class_name=path.rpartition(".")[2]).description for path in paths}
errors = sorted(JobLoadError.objects.filter(resolved_at=None).values_list("exception_type", flat=True))
print(json.dumps([doors, runs, core, said, errors]))
"""


def text(name, description="1.0", registered=True):
    classes = [JobClassSourceFactory(name=name, meta={"name": f"Door {name}", "description": description})]
    return JobModuleFactory.build(name="x", classes=classes, registered=registered)


REGISTERS = "from nautobot.apps.jobs import register_jobs\nfrom door_library import Shared\nregister_jobs(Shared)\n"
APP_INIT = (
    "from nautobot.apps import NautobotAppConfig\n"
    "class Config(NautobotAppConfig):\n"
    "    name = verbose_name = 'door_app'\n    version = '1.0'\n"
    "config = Config\n"
)


class World:
    """An instance with jobs of all sources."""

    def __init__(self, instance, upstream):
        self.library = instance.folder / "library"
        path = f"{self.library}:{processes.database.CONFIG.parent.parent}"
        environment = {**instance.environment, "PYTHONPATH": path, "NAUTOBOT_EXTRA_PLUGINS": "door_app"}
        self.instance = replace(instance, environment=environment)
        self.upstream, self.root = upstream, instance.jobs_root
        self.is_first, self.head = True, ""
        (self.library / "door_app").mkdir(parents=True)
        self.write_app("1.0")
        (self.library / "door_once.py").write_text(text("Once"))
        self.commit(text("Synced"))
        self.write_local()

    def write_app(self, version):
        (self.library / "door_app" / "__init__.py").write_text(APP_INIT.replace("1.0", version))
        (self.library / "door_app" / "jobs.py").write_text(f"{text('OfApp', version)}jobs = [OfApp]\n")
        (self.library / "door_library.py").write_text(text("Shared", version, registered=False))

    def write_local(self, broken=""):
        (self.root / "door_local.py").write_text(broken + text("Local"))
        (self.root / "registers.py").write_text(broken + REGISTERS)
        (self.root / "imports_once.py").write_text("import door_once\n")

    def commit(self, synced):
        files = {"__init__.py": "", "jobs/__init__.py": "", "jobs/synced.py": synced, "jobs/zz_last.py": text("Last")}
        self.upstream.commit("Change", files)

    def drive(self):
        """Go through three doors in a process that begins anew, and return what each of them says."""
        values = {
            "paths": ALL,
            "slug": SLUG,
            "url": self.upstream.url,
            "head": "" if self.is_first else self.upstream.head,
            "is_first": self.is_first,
        }
        self.is_first = False
        code = "".join(f"{name} = {value!r}\n" for name, value in values.items()) + DRIVE
        return json.loads(self.instance.python(code).splitlines()[-1])

    def plan_of_the_command(self):
        """Return what the command, in a process of its own, would do beside."""
        ended = self.instance.nautobot_server("reconcile_jobs", "--check", "--format", "json", check=False)
        return json.loads(ended.stdout)["changes"]

    def assert_one_answer(self, expected):
        """Hold that all doors say the same, and that what is called installed can be run, and nothing else."""
        doors, runs, core, _, errors = self.drive()
        assert doors == dict.fromkeys(("migrate", "sync", "job"), expected)
        assert runs == {path: state == "installed" for path, state in expected.items()}
        assert core == runs
        assert self.plan_of_the_command() == []
        return errors


def test_every_door_gives_one_answer_and_installed_is_what_a_worker_can_run(real_instance, git_server):
    world = World(real_instance, git_server.repository(SLUG))
    with processes.worker(world.instance.environment, real_instance.folder / "worker.log"):
        errors = world.assert_one_answer(AS_IT_WAS)
        assert errors == ["JobDroppedError"]

        world.write_local(broken="1 / 0\n")
        world.commit("1 / 0\n")
        broken = dict.fromkeys((GIT, BEHIND, LOCAL, SHARED, ONCE), "load_error")
        errors = world.assert_one_answer({**AS_IT_WAS, **broken})
        assert errors == ["JobDroppedError", *["ZeroDivisionError"] * 3]

        world.commit(text("Synced"))
        for path in world.root.glob("*.py"):
            path.unlink()
        emptied = dict.fromkeys((LOCAL, SHARED, ONCE), "source_unavailable")
        world.assert_one_answer({**AS_IT_WAS, **emptied})

        world.write_local()
        world.write_app("2.0")
        doors, runs, _, said, errors = world.drive()
        # The migration is a process of its own, and knows the new code; the worker does not, and leaves it alone.
        assert doors == dict.fromkeys(("migrate", "sync", "job"), AS_IT_WAS)
        assert runs == {path: state == "installed" for path, state in AS_IT_WAS.items()}
        assert {path: said[path] for path in (APP, SHARED, LOCAL)} == {APP: "2.0", SHARED: "2.0", LOCAL: "1.0"}
        assert errors.count("OutdatedProcessError") == 2
        assert {change["action"] for change in world.plan_of_the_command()} == {"resolve"}
