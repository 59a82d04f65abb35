"""Whose a job is, why it is not there, and what Nautobot can run (rule 3): faults that real jobs have shown."""

import importlib
import os
import sys
from io import StringIO
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from nautobot.extras.datasources.git import ensure_git_repository
from nautobot.extras.datasources.registry import refresh_datasource_content
from nautobot.extras.models import GitRepository, Job, JobResult, ScheduledJob
from nautobot.extras.registry import registry as core_registry

from nautobot_job_registry.factory import (
    JobClassSourceFactory,
    JobLoadErrorFactory,
    JobModuleFactory,
    RegisteredJobFactory,
    empty_registry,
)
from nautobot_job_registry.history import sentences
from nautobot_job_registry.models import JobLoadError, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from nautobot_job_registry.sources import outdated
from nautobot_job_registry.views.details import job_load_error
from tests.support import make_repository, refresh_core

pytestmark = pytest.mark.django_db

IMPORTS = "from nautobot.apps.jobs import register_jobs\n"


@pytest.fixture(autouse=True)
def forgotten(db):
    empty_registry()


@pytest.fixture(autouse=True)
def modules_of_the_test():
    """Forget what a test has loaded once."""
    before, jobs = set(sys.modules), dict(core_registry["jobs"])
    yield
    for name in set(sys.modules) - before:
        if not name.startswith(("nautobot", "django")):
            del sys.modules[name]
    core_registry["jobs"].clear()
    core_registry["jobs"].update(jobs)


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder of installed libraries."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def job_text(name="Shared", description="", registered=True, **values):
    classes = [JobClassSourceFactory(name=name, meta={"name": f"Origin {name}", "description": description})]
    return JobModuleFactory.build(name="x", classes=classes, registered=registered, **values)


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()
    return path


def state(class_path):
    module, _, name = class_path.rpartition(".")
    job = RegisteredJob.objects.get(module_name=module, job_class_name=name)
    return job.source_type, job.source_name, "installed" if job.installed else job.absence


def job(class_path):
    module, _, name = class_path.rpartition(".")
    return RegisteredJob.objects.get(module_name=module, job_class_name=name)


def core_installed(class_path):
    module, _, name = class_path.rpartition(".")
    return Job.objects.filter(module_name=module, job_class_name=name).values_list("installed", flat=True).first()


def open_errors():
    return set(JobLoadError.objects.filter(resolved_at=None).values_list("module_name", "exception_type"))


def upgraded():
    """Reconcile as an upgrade does, which loads the code for the first time, or for the first time since."""
    refresh_core()
    return reconcile(reload=False)


def everywhere(expected, class_path):
    """Hold that each door gives one answer: the command, what follows a migration, a worker that loads once more."""
    reconcile()
    assert state(class_path) == expected
    assert reconcile(dry_run=True).plan.is_empty
    upgraded()
    assert state(class_path) == expected
    reconcile()
    assert state(class_path) == expected
    assert core_installed(class_path) in (expected[2] == "installed", None)


# Who registers it


def test_class_of_a_library_is_of_the_job_file_that_registers_it(jobs_root, library):
    write(library, "shared_lib.py", job_text(registered=False))
    registering = write(jobs_root, "registers.py", f"{IMPORTS}from shared_lib import Shared\nregister_jobs(Shared)\n")
    everywhere(("local", "JOBS_ROOT", "installed"), "shared_lib.Shared")
    assert job("shared_lib.Shared").registered_in == "registers.py"
    text = registering.read_text()
    registering.write_text("1 / 0\n")
    everywhere(("local", "JOBS_ROOT", "load_error"), "shared_lib.Shared")
    registering.unlink()
    write(jobs_root, "broken.py", "1 / 0\n")
    everywhere(("local", "JOBS_ROOT", "unconfirmed"), "shared_lib.Shared")
    (jobs_root / "broken.py").unlink()
    everywhere(("local", "JOBS_ROOT", "removed"), "shared_lib.Shared")
    registering.write_text(text)
    everywhere(("local", "JOBS_ROOT", "installed"), "shared_lib.Shared")


@pytest.mark.parametrize("broken", ["1 / 0\n", "def broken(:\n"])
@pytest.mark.parametrize("source", [("app", "shared_lib"), ("local", "JOBS_ROOT")])
def test_record_from_before_of_which_nobody_knows_who_registers_it_is_a_load_error(jobs_root, library, source, broken):
    write(library, "shared_lib.py", job_text(registered=False))
    text = f"{IMPORTS}from shared_lib import Shared\nregister_jobs(Shared)\n"
    registering = write(jobs_root, "registers.py", text)
    reconcile()
    before = dict(zip(("source_type", "source_name"), source, strict=True))
    RegisteredJob.objects.filter(job_class_name="Shared").update(**before, registered_in="")
    registering.write_text(broken + text)
    everywhere((*source, "load_error"), "shared_lib.Shared")
    registering.write_text(text)
    everywhere(("local", "JOBS_ROOT", "installed"), "shared_lib.Shared")
    assert job("shared_lib.Shared").registered_in == "registers.py"


@pytest.mark.parametrize("how", ["a function of a library", "a package of job files", "two job files"])
def test_job_file_that_registers_is_found_whoever_calls_for_it(jobs_root, library, how):
    write(library, "shared_lib.py", job_text(registered=False))
    registers = f"{IMPORTS}from shared_lib import Shared\nregister_jobs(Shared)\n"
    if how == "a function of a library":
        write(library, "helping_lib.py", f"{IMPORTS}def add(job):\n    register_jobs(job)\n")
        write(jobs_root, "first.py", "import helping_lib, shared_lib\nhelping_lib.add(shared_lib.Shared)\n")
    elif how == "a package of job files":
        write(jobs_root, "first/__init__.py", "from . import inner\n")
        write(jobs_root, "first/inner.py", registers)
    else:
        write(jobs_root, "first.py", registers)
        write(jobs_root, "second.py", registers)
    everywhere(("local", "JOBS_ROOT", "installed"), "shared_lib.Shared")
    expected = "first/inner.py" if how == "a package of job files" else "first.py"
    assert job("shared_lib.Shared").registered_in == expected


def test_library_that_registers_as_it_is_imported_is_a_load_error_at_every_door(jobs_root, library):
    """Nautobot drops it when it loads the jobs for the second time: a run in a worker ends in a KeyError."""
    write(library, "once_lib.py", job_text("Once"))
    write(jobs_root, "imports_it.py", "import once_lib\n")
    everywhere(("local", "JOBS_ROOT", "load_error"), "once_lib.Once")
    assert open_errors() == {("once_lib", "JobDroppedError")}
    assert job("once_lib.Once").current_revision is not None
    write(jobs_root, "imports_it.py", "x = 1\n")
    everywhere(("local", "JOBS_ROOT", "removed"), "once_lib.Once")
    assert open_errors() == set()


@pytest.mark.parametrize("where", ["nautobot.extras.test_jobs.pass_job.TestPassJob", "both_lib.Both"])
def test_class_that_its_own_module_and_a_job_file_register_is_of_the_job_file(jobs_root, library, where):
    """Its module does so once in a process, the job file each time: that one counts, from the first time on."""
    write(library, "both_lib.py", job_text("Both"))
    module, _, name = where.rpartition(".")
    sys.modules.pop(module, None)
    text = f"{IMPORTS}from {module} import {name}\nregister_jobs({name})\n"
    registering = write(jobs_root, "borrows.py", text)
    everywhere(("local", "JOBS_ROOT", "installed"), where)
    registering.write_text(f"1 / 0\n{text}")
    reconcile()
    assert state(where) == ("local", "JOBS_ROOT", "load_error")


def test_class_of_nautobot_or_an_app_that_a_job_file_registers_again_stays_theirs(jobs_root):
    text = (
        f"{IMPORTS}from nautobot.core.jobs.cleanup import LogsCleanup\n"
        "from nautobot_job_registry.jobs import EndOverrides\nregister_jobs(LogsCleanup, EndOverrides)\n"
    )
    write(jobs_root, "borrows.py", text)
    everywhere(("system", "nautobot", "installed"), "nautobot.core.jobs.cleanup.LogsCleanup")
    everywhere(("app", "nautobot_job_registry", "installed"), "nautobot_job_registry.jobs.EndOverrides")
    (jobs_root / "borrows.py").unlink()
    everywhere(("system", "nautobot", "installed"), "nautobot.core.jobs.cleanup.LogsCleanup")
    everywhere(("app", "nautobot_job_registry", "installed"), "nautobot_job_registry.jobs.EndOverrides")


def test_module_that_a_package_finds_elsewhere_is_local_and_its_folder_may_be_out_of_reach(jobs_root, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    found = write(elsewhere, "found.py", job_text("Found"))
    text = (
        f"import importlib, pkgutil\n__path__.append({str(elsewhere)!r})\n"
        "for info in pkgutil.iter_modules(__path__):\n    importlib.import_module(f'{__name__}.{info.name}')\n"
    )
    write(jobs_root, "pack/__init__.py", text)
    everywhere(("local", "JOBS_ROOT", "installed"), "pack.found.Found")
    whole = found.read_text()
    found.write_text("1 / 0\n")
    everywhere(("local", "JOBS_ROOT", "load_error"), "pack.found.Found")
    found.write_text(whole)
    elsewhere.rename(tmp_path / "away")
    everywhere(("local", "JOBS_ROOT", "unconfirmed"), "pack.found.Found")
    (tmp_path / "away").rename(elsewhere)
    write(elsewhere, "other.py", "x = 1\n")
    found.unlink()
    everywhere(("local", "JOBS_ROOT", "removed"), "pack.found.Found")


def commit(upstream, slug, files, message="Change"):
    upstream.commit(message, files)
    GitRepository.objects.filter(slug=slug).update(current_head=upstream.head)


HELPER = "import os, sys\nsys.path.append(os.path.join(os.path.dirname(os.path.dirname(__file__)), 'lib'))\n"


@pytest.mark.parametrize("by_whom", ["the job file", "the helper"])
def test_helper_of_a_repository_on_the_path_is_of_that_repository(
    jobs_root, git_root, git_server, by_whom, monkeypatch
):
    monkeypatch.setattr(sys, "path", [*sys.path])
    upstream = git_server.repository("helped")
    registers = f"{IMPORTS}from helping_module import Helped\nregister_jobs(Helped)\n"
    files = {
        "jobs/__init__.py": HELPER + (registers if by_whom == "the job file" else "import helping_module\n"),
        "lib/helping_module.py": job_text("Helped", registered=by_whom == "the helper"),
    }
    make_repository(upstream, "helped", files)
    # What a helper registers as it is imported is not registered again by a worker that loads the jobs anew.
    is_there = "installed" if by_whom == "the job file" else "load_error"
    everywhere(("git", "helped", is_there), "helping_module.Helped")
    commit(upstream, "helped", {"jobs/__init__.py": f"1 / 0\n{HELPER}"})
    reconcile()
    assert state("helping_module.Helped") == ("git", "helped", "load_error")
    commit(upstream, "helped", {"jobs/__init__.py": "x = 1\n"})
    reconcile()
    assert state("helping_module.Helped") == ("git", "helped", "removed")


def test_registering_helper_whose_failure_is_caught_is_a_load_error(jobs_root, git_root, git_server):
    upstream = git_server.repository("catches")
    catches = "try:\n    from catches import helper\nexcept Exception:\n    pass\n"
    files = {"jobs/__init__.py": catches, "helper.py": job_text("Caught")}
    make_repository(upstream, "catches", files)
    everywhere(("git", "catches", "installed"), "catches.helper.Caught")
    whole = files["helper.py"]
    commit(upstream, "catches", {"helper.py": f"1 / 0\n{whole}"})
    everywhere(("git", "catches", "load_error"), "catches.helper.Caught")
    commit(upstream, "catches", {"helper.py": whole})
    everywhere(("git", "catches", "installed"), "catches.helper.Caught")
    commit(upstream, "catches", {"jobs/__init__.py": "x = 1\n"})
    everywhere(("git", "catches", "removed"), "catches.helper.Caught")


def sync(slug):
    repository = GitRepository.objects.get(slug=slug)
    user, _ = get_user_model().objects.get_or_create(username="operator")
    result = JobResult.objects.create(name="sync", user=user)
    result.use_job_logs_db = False
    ensure_git_repository(repository)
    refresh_datasource_content("extras.gitrepository", repository, user, result, delete=False)


@pytest.mark.parametrize(("registering", "expected"), [("zz_uses", "installed"), ("aa_uses", "load_error")])
def test_class_of_one_repository_is_of_the_other_one_that_registers_it(
    jobs_root, git_root, git_server, registering, expected
):
    """Nautobot loads repositories by name, and lets go of what has the name of one as it comes to that."""
    owning = git_server.repository("mm_owns")
    make_repository(owning, "mm_owns", {"jobs/__init__.py": "", "jobs/base.py": job_text("Borrowed", registered=False)})
    registers = f"{IMPORTS}from mm_owns.jobs.base import Borrowed\nregister_jobs(Borrowed)\n"
    make_repository(git_server.repository(registering), registering, {"jobs.py": registers})
    path = "mm_owns.jobs.base.Borrowed"
    for repository in ("mm_owns", registering):
        sync(repository)
    everywhere(("git", registering, expected), path)
    for repository in ("mm_owns", registering, "mm_owns"):
        sync(repository)
        assert state(path) == ("git", registering, expected)
        # Core says in the sync of the one that a class is not installed which the other registers.
        assert bool(core_installed(path)) is (expected == "installed")


def test_class_that_an_app_lists_from_outside_is_of_that_app_though_its_module_has_another_name(
    jobs_root, library, monkeypatch
):
    app = make_app(library, monkeypatch, "listing_app")
    write(library, "outer_lib.py", job_text("Outer", registered=False))
    outer = importlib.import_module("outer_lib")
    app.features["jobs"] = [outer.Outer]
    everywhere(("app", "listing_app", "load_error"), "outer_lib.Outer")
    assert ("outer_lib", "JobDroppedError") in open_errors()


# A folder that is wholly empty


LEFT = {
    "nothing": (),
    "an __init__.py": ("__init__.py",),
    "what is hidden": (".keep", ".hidden.py", ".git/config"),
    "compiled files": ("__pycache__/gone.cpython-311.pyc",),
    "what is no module": ("readme.md", "data/values.yaml", "lost+found/x"),
}


@pytest.mark.parametrize("left", LEFT)
def test_emptied_jobs_root_is_out_of_reach_until_it_is_confirmed(jobs_root, left):
    write(jobs_root, "mounted.py", job_text("Mounted"))
    upgraded()
    queue = Job.objects.get(job_class_name="Mounted").default_job_queue
    user = get_user_model().objects.create(username="scheduler")
    schedule = ScheduledJob.objects.create(
        name="Nightly",
        task="mounted.Mounted",
        job_model=Job.objects.get(job_class_name="Mounted"),
        user=user,
        interval="daily",
        start_time="2026-01-01T00:00:00Z",
        job_queue=queue,
    )
    for path in jobs_root.glob("*.py"):
        path.unlink()
    for name in LEFT[left]:
        write(jobs_root, name, "")
    everywhere(("local", "JOBS_ROOT", "source_unavailable"), "mounted.Mounted")
    schedule.refresh_from_db()
    assert schedule.enabled
    call_command("reconcile_jobs", source="local", confirm_empty=True, stdout=StringIO())
    everywhere(("local", "JOBS_ROOT", "removed"), "mounted.Mounted")
    schedule.refresh_from_db()
    assert not schedule.enabled
    write(jobs_root, "mounted.py", job_text("Mounted"))
    everywhere(("local", "JOBS_ROOT", "installed"), "mounted.Mounted")
    schedule.refresh_from_db()
    assert schedule.enabled


def test_confirmation_is_shown_before_it_is_done_and_is_about_jobs_root_alone(jobs_root):
    write(jobs_root, "mounted.py", job_text("Mounted"))
    reconcile()
    for path in jobs_root.glob("*.py"):
        path.unlink()
    reconcile()
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_jobs", source="local", confirm_empty=True, check=True, stdout=out)
    assert (ended.value.code, "removed" in out.getvalue()) == (1, True)
    assert state("mounted.Mounted")[2] == "source_unavailable"
    for source in (None, "system"):
        with pytest.raises(CommandError) as refused:
            call_command("reconcile_jobs", source=source, confirm_empty=True)
        assert refused.value.returncode == 2


def test_jobs_root_that_never_held_a_job_may_be_empty(jobs_root):
    broken = write(jobs_root, "broken.py", "1 / 0\n")
    reconcile()
    assert ("broken", "ZeroDivisionError") in open_errors()
    for path in (broken, jobs_root / "stays.py"):
        path.unlink()
    reconcile()
    assert open_errors() == set()


# A process that is older than the files


def make_app(library, monkeypatch, name, text=""):
    """Have an app installed, with a module of jobs; return its configuration."""
    write(library, f"{name}/__init__.py", "")
    write(library, f"{name}/jobs.py", text or job_text("OfApp", "of 1.0"))
    monkeypatch.setattr(settings, "PLUGINS", [*settings.PLUGINS, name])
    module = importlib.import_module(f"{name}.jobs")
    config = SimpleNamespace(name=name, version="1.0", features={"jobs": [getattr(module, "OfApp", None)]})
    config.features["jobs"] = [item for item in config.features["jobs"] if item]
    monkeypatch.setitem(apps.app_configs, name, config)
    return config


def touch_later(path):
    """Make sure that the file is another one to whoever looks at its times."""
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 5))


UPGRADES = {
    "other text": lambda folder: touch_later(write(folder, "jobs.py", job_text("OfApp", "of 2.0"))),
    "a job less": lambda folder: touch_later(write(folder, "jobs.py", "jobs = []\n")),
    "broken": lambda folder: touch_later(write(folder, "jobs.py", "1 / 0\n")),
    "a module more": lambda folder: write(folder, "more.py", job_text("More")),
    "file is gone": lambda folder: (folder / "jobs.py").unlink(),
}


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_process_that_is_older_than_an_app_changes_nothing_of_it_and_says_what_to_restart(
    jobs_root, library, monkeypatch, upgrade
):
    app = make_app(library, monkeypatch, f"app_of_{upgrade.replace(' ', '_')}")
    path = f"{app.name}.jobs.OfApp"
    upgraded()
    assert state(path) == ("app", app.name, "installed")
    before = RegisteredJob.objects.filter(source_name=app.name).values().get()
    UPGRADES[upgrade](library / app.name)
    plan = reconcile().plan
    assert not plan.jobs
    assert RegisteredJob.objects.filter(source_name=app.name).values().get() == before
    assert job(path).revisions.count() == 1
    error = JobLoadError.objects.get(resolved_at=None)
    assert (error.source_name, error.exception_type) == (app.name, "OutdatedProcessError")
    assert f"Restart process {os.getpid()}" in error.message
    assert reconcile(dry_run=True).plan.is_empty
    assert upgraded().plan.is_empty


def test_process_that_is_older_than_nautobot_changes_nothing_of_it(jobs_root, monkeypatch):
    reconcile()
    before = list(RegisteredJob.objects.filter(source_type="system").order_by("pk").values())
    # Nautobot's own files are not the test's to change: what was noted of one is.
    file, signature = outdated._noted["nautobot.core.jobs"]
    monkeypatch.setitem(outdated._noted, "nautobot.core.jobs", (file, (0, 0, 0)))
    Job.objects.filter(module_name="nautobot.core.jobs").update(read_only=True)
    assert not reconcile().plan.jobs
    assert list(RegisteredJob.objects.filter(source_type="system").order_by("pk").values()) == before
    assert ("nautobot", "OutdatedProcessError") in open_errors()
    monkeypatch.setitem(outdated._noted, "nautobot.core.jobs", (file, signature))
    reconcile()
    assert open_errors() == set()


@pytest.mark.parametrize("where", ["library", "helper of a repository"])
def test_process_that_is_older_than_a_library_leaves_its_class_alone(
    jobs_root, library, git_root, git_server, where, monkeypatch
):
    monkeypatch.setattr(sys, "path", [*sys.path])
    registers = f"{IMPORTS}from older_lib import Older\nregister_jobs(Older)\n"
    if where == "library":
        path = write(library, "older_lib.py", job_text("Older", "old", registered=False))
        write(jobs_root, "registers.py", registers)
    else:
        files = {
            "jobs/__init__.py": HELPER + registers,
            "lib/older_lib.py": job_text("Older", "old", registered=False),
        }
        upstream = git_server.repository("older")
        make_repository(upstream, "older", files)
    write(jobs_root, "fresh.py", job_text("Fresh", "old"))
    upgraded()
    if where == "library":
        touch_later(write(library, path.name, job_text("Older", "new", registered=False)))
    else:
        commit(upstream, "older", {"lib/older_lib.py": job_text("Older", "new", registered=False)})
    write(jobs_root, "fresh.py", job_text("Fresh", "new"))
    reconcile()
    assert job("fresh.Fresh").description == "new"
    older = job("older_lib.Older")
    assert (older.installed, older.description, older.revisions.count()) == (True, "old", 1)
    assert ("older_lib", "OutdatedProcessError") in open_errors()
    del sys.modules["older_lib"]
    reconcile()
    assert job("older_lib.Older").description == "new"
    assert open_errors() == set()


# What core can run


def test_new_repository_with_one_broken_file_has_no_jobs_that_nautobot_does_not_come_to(
    jobs_root, git_root, git_server
):
    files = {f"jobs/{name}.py": job_text(name.title()) for name in ("alpha", "omega")}
    upstream = git_server.repository("half")
    make_repository(upstream, "half", {"jobs/__init__.py": "", "jobs/beta.py": "1 / 0\n", **files})
    everywhere(("git", "half", "load_error"), "half.jobs.omega.Omega")
    assert "half.jobs.omega.Omega" not in core_registry["jobs"]
    assert core_installed("half.jobs.omega.Omega") is None
    # Nautobot loads the files by name, and has what comes before the broken one.
    assert state("half.jobs.alpha.Alpha")[2] == "installed"
    assert "half.jobs.alpha.Alpha" in core_registry["jobs"]
    commit(upstream, "half", {"jobs/beta.py": job_text("Beta")})
    everywhere(("git", "half", "installed"), "half.jobs.omega.Omega")
    commit(upstream, "half", {"jobs/__init__.py": "1 / 0\n"})
    for name in ("alpha", "omega"):
        everywhere(("git", "half", "load_error"), f"half.jobs.{name}.{name.title()}")


@pytest.mark.parametrize("says", [True, False])
def test_nautobots_row_says_what_the_record_says_about_being_installed(jobs_root, says):
    """A row that said otherwise was out of step for ever, and the check for differences found none."""
    path = write(jobs_root, "stepping.py", job_text("Stepping"))
    upgraded()
    if not says:
        path.unlink()
        reconcile()
    Job.objects.filter(module_name="stepping").update(installed=not says)
    with pytest.raises(SystemExit):
        call_command("reconcile_jobs", check=True, stdout=StringIO())
    reconcile()
    assert core_installed("stepping.Stepping") is says
    call_command("reconcile_jobs", check=True, stdout=StringIO())


def test_job_file_that_needs_a_repository_is_there_from_the_second_time_on_as_in_a_worker(
    jobs_root, git_root, git_server
):
    make_repository(
        git_server.repository("lends"),
        "lends",
        {"jobs/__init__.py": "", "tools.py": "", "jobs/x.py": "from .. import tools\n"},
    )
    write(jobs_root, "borrows.py", job_text("Borrows", before="import lends.tools"))
    everywhere(("local", "JOBS_ROOT", "installed"), "borrows.Borrows")


@pytest.mark.parametrize(
    ("runs", "words", "told_on_its_page"),
    [
        (True, "Runs from", "jobs still run from"),
        (False, "None of the repository's jobs can run from", "none of the repository's jobs can be run from"),
    ],
)
def test_rejected_sync_says_that_jobs_run_only_where_some_do(runs, words, told_on_its_page):
    entry = {"load_error": "y.jobs.bad", "source": "git:y", "action": "open", "message": "boom"}
    told = {**entry, "source_version": "b", "effective_version": "a", **({} if runs else {"still_runs": False})}
    assert words in sentences.sentence(told)
    RegisteredJobFactory(source_type="git", source_name="y", installed=runs)
    error = JobLoadErrorFactory(source_type="git", source_name="y", effective_version="a", resolved_at=None)
    assert told_on_its_page in job_load_error.meaning(error)
