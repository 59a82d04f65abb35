"""Sources that are odd, broken or out of reach harm nothing but themselves (rules 2, 3 and 11)."""

import ctypes
import sys
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import override_settings
from git import Repo
from nautobot.apps.jobs import Job as BaseClass
from nautobot.apps.jobs import register_jobs
from nautobot.extras.models import GitRepository, Job
from nautobot.extras.registry import registry as core_registry

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import JobLoadError, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import make_repository, refresh_core

pytestmark = pytest.mark.django_db

HEAD = "from nautobot.apps.jobs import IntegerVar, Job, StringVar, register_jobs\n\n"
# The version of Linux's structure of capabilities, and CAP_DAC_OVERRIDE with CAP_DAC_READ_SEARCH.
CAPABILITIES = 0x20080522
PASSING_OVER_RIGHTS = 0b110


@pytest.fixture(autouse=True)
def forgotten(db):
    empty_registry()


def write(folder, name, text):
    (folder / f"{name}.py").write_text(HEAD + dedent(text))


def good(folder, name="good"):
    JobModuleFactory(folder=folder, name=name, classes=[JobClassSourceFactory(name="Good")])


def record(name, module="odd"):
    return RegisteredJob.objects.get(module_name=module, job_class_name=name)


def reconciled():
    """Reconcile as after an upgrade, and hold that there is nothing left to do."""
    refresh_core()
    outcome = reconcile()
    assert reconcile(dry_run=True).plan.is_empty
    return outcome


def errors():
    return dict(JobLoadError.objects.filter(resolved_at=None).values_list("job_class_name", "exception_type"))


def test_options_in_the_body_of_a_class_are_what_core_takes_them_for(jobs_root):
    write(
        jobs_root,
        "odd",
        """
        class Base(Job):
            soft_time_limit = 55

        class Options(Base):
            time_limit = 77
            hidden = True
            is_singleton = True
            has_sensitive_variables = False
            read_only = True
            def run(self): pass

        register_jobs(Options)
        """,
    )
    reconciled()
    for side in (record("Options"), Job.objects.get(module_name="odd")):
        assert (side.time_limit, side.soft_time_limit) == (77, 55)
        assert (side.hidden, side.is_singleton, side.has_sensitive_variables, side.read_only) == (
            True,
            True,
            False,
            True,
        )
    refresh_core()
    assert reconcile().plan.is_empty


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param("setattr(Odd, 'a\\x00b', StringVar())", None, id="NUL in the name of an input"),
        pytest.param("setattr(Odd, 'a\\udc80b', StringVar())", None, id="surrogate in the name of an input"),
        pytest.param("held = []; held.append(held); Odd.held = StringVar(default=held)", None, id="holds itself"),
        pytest.param("Odd.number = IntegerVar(default=10 ** 5000)", None, id="number of 5000 digits"),
        pytest.param("Odd.previous_class_paths = 'old.Odd'", "DescriptorError", id="text for a list of paths"),
        pytest.param("Odd.hidden = 'x'", "DescriptorError", id="switch that is neither on nor off"),
    ],
)
def test_odd_class_harms_nobody_else_and_is_there_where_core_has_it(jobs_root, body, problem):
    good(jobs_root)
    write(jobs_root, "odd", f"class Odd(Job):\n    def run(self): pass\n\n{body}\nregister_jobs(Odd)\n")
    if "hidden" in body:
        reconcile()
    else:
        reconciled()
        assert record("Odd").installed
    assert record("Good", "good").installed
    assert errors() == ({"Odd": problem} if problem else {})


@pytest.mark.parametrize("value", ["float('inf')", "float('-inf')", "float('nan')"])
@pytest.mark.parametrize("is_known_to_core", [True, False])
def test_limit_that_is_no_number_harms_only_its_own_class(jobs_root, value, is_known_to_core):
    good(jobs_root)
    text = f"class Odd(Job):\n    soft_time_limit = {value}\n    def run(self): pass\n\nregister_jobs(Odd)\n"
    write(jobs_root, "odd", text)
    if is_known_to_core:
        refresh_core()
    reconcile()
    assert record("Good", "good").installed
    assert errors() == {"Odd": "DescriptorError"}
    assert reconcile(dry_run=True).plan.is_empty
    if is_known_to_core:
        odd = record("Odd")
        assert (odd.absence, odd.soft_time_limit) == ("load_error", 0)


def test_class_that_cannot_be_read_is_told_though_its_file_has_become_another_one(jobs_root):
    good(jobs_root)
    write(jobs_root, "odd", "class Odd(Job):\n    hidden = 'x'\n    def run(self): pass\n\nregister_jobs(Odd)\n")
    refresh_core()
    (jobs_root / "odd.py").write_text("def broken(:\n")
    reconcile(reload=False)
    assert record("Good", "good").installed
    assert errors() == {"Odd": "DescriptorError"}


@contextmanager
def registered(**attributes):
    """Have core hold a class that cannot be written into a file."""
    job_class = type(BaseClass)("Odd", (BaseClass,), {"run": lambda self: None, **attributes})
    core_registry["jobs"]["odd.Odd"] = job_class
    try:
        yield
    finally:
        del core_registry["jobs"]["odd.Odd"]


@pytest.mark.parametrize("module", [None, "o\x00dd"])
def test_class_whose_module_has_no_name_that_can_be_stored_is_told(jobs_root, module):
    good(jobs_root)
    refresh_core()
    reconcile()
    with registered(__module__=module):
        reconcile(reload=False)
    assert record("Good", "good").installed
    assert errors()["Odd"] == "DescriptorError"


def test_class_without_a_hash_is_read(jobs_root):
    write(
        jobs_root,
        "odd",
        """
        class Same(type(Job)):
            def __eq__(cls, other):
                return cls is other

        class Unhashable(Job, metaclass=Same):
            def run(self): pass

        register_jobs(Unhashable)
        """,
    )
    reconciled()
    assert record("Unhashable").installed


def test_of_two_classes_of_one_name_the_last_counts_as_in_core_and_the_clash_is_told(jobs_root):
    write(
        jobs_root,
        "odd",
        """
        class First(Job):
            class Meta:
                description = "first"
            def run(self): pass

        register_jobs(First)
        First.__name__ = "Second"

        class Second(Job):
            class Meta:
                description = "second"
            def run(self): pass

        register_jobs(Second)
        """,
    )
    reconciled()
    assert record("Second").description == "second"
    assert errors() == {"Second": "SameNameError"}


def test_module_that_ends_the_process_is_told_and_the_others_are_read(jobs_root, capsys):
    (jobs_root / "a_first.py").write_text("raise SystemExit(0)\n")
    good(jobs_root)
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_jobs", "--check")
    assert (ended.value.code, "good.Good" in capsys.readouterr().out) == (1, True)
    reconcile()
    # A worker comes to its end as well, whichever job outside of Nautobot and its apps it is to run.
    assert (record("Good", "good").installed, record("Good", "good").absence) == (False, "load_error")
    assert JobLoadError.objects.get(module_name="a_first").exception_type == "SystemExit"


@pytest.mark.parametrize("root", ["", None, "/nonexistent/jobs"])
def test_job_of_an_app_outside_its_package_stays_where_core_does_not_reload(monkeypatch, root):
    module = ModuleType("helpers_of_an_app")
    module.Outside = type("Outside", (BaseClass,), {"__module__": module.__name__, "run": lambda self: None})
    app = apps.get_app_config("nautobot_job_registry")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(app.features, "jobs", [*app.features["jobs"], module.Outside])
    register_jobs(module.Outside)
    try:
        with override_settings(JOBS_ROOT=root):
            refresh_core()
            reconcile()
            assert record("Outside", module.__name__).installed
            assert module.Outside in core_registry["jobs"].values()
    finally:
        core_registry["jobs"].pop("helpers_of_an_app.Outside", None)


def from_git(git_server, slug, *names):
    """Make a repository whose jobs have some names, and reconcile; return its upstream and its row."""
    upstream = git_server.repository(slug)
    repository = make_repository(upstream, slug, {"jobs.py": jobs_text(*names)})
    reconcile()
    return upstream, repository


def jobs_text(*names):
    return JobModuleFactory.build(name="jobs", classes=[JobClassSourceFactory(name=name) for name in names])


@pytest.mark.parametrize("root", ["", "/nonexistent/jobs"])
def test_class_that_a_repository_has_no_more_does_not_come_back_from_memory(git_root, git_server, root):
    with override_settings(JOBS_ROOT=root):
        upstream, _ = from_git(git_server, "shrunk", "Kept", "Gone")
        upstream.commit("Remove one", {"jobs.py": jobs_text("Kept")})
        GitRepository.objects.update(current_head=upstream.head)
        reconcile()
        assert record("Kept", "shrunk.jobs").installed
        gone = record("Gone", "shrunk.jobs")
        assert (gone.installed, gone.absence) == (False, "removed")


@pytest.mark.parametrize("how", ["deleted", "provides no jobs"])
def test_repository_that_is_gone_does_not_live_on_in_a_process_that_has_not_heard_of_it(git_root, git_server, how):
    with override_settings(JOBS_ROOT=""):
        _, repository = from_git(git_server, "departed", "Gone")
        loaded = core_registry["jobs"]["departed.jobs.Gone"]
        if how == "deleted":
            repository.delete()
        else:
            GitRepository.objects.update(provided_contents=[])
        # Core tells its workers, and no other process, of a repository that is deleted.
        core_registry["jobs"]["departed.jobs.Gone"] = loaded
        reconcile()
        gone = record("Gone", "departed.jobs")
        assert (gone.source_type, gone.installed, gone.absence) == ("git", False, "removed")


@pytest.mark.parametrize("how", ["no commit", "no such branch"])
def test_clone_whose_head_cannot_be_read_is_unavailable(jobs_root, git_root, git_server, how):
    text = JobModuleFactory.build(classes=[JobClassSourceFactory(name="FromGit")], name="jobs")
    repository = make_repository(git_server.repository("headless"), "headless", {"jobs.py": text})
    reconciled()
    clone = Path(repository.filesystem_path)
    if how == "no commit":
        (clone / ".git").rename(clone / "git_before")
        Repo.init(clone, initial_branch="main")
    else:
        (clone / ".git" / "HEAD").write_text("ref: refs/heads/nope\n")
    good(jobs_root)
    reconcile()
    assert record("Good", "good").installed
    gone = record("FromGit", "headless.jobs")
    assert (gone.installed, gone.absence) == (False, "source_unavailable")


def test_link_to_a_file_elsewhere_is_told_and_not_loaded_as_nautobot_does_not(jobs_root, tmp_path):
    good(tmp_path, "elsewhere")
    (jobs_root / "elsewhere.py").symlink_to(tmp_path / "elsewhere.py")
    good(jobs_root)
    reconciled()
    reconciled()
    assert record("Good", "good").installed
    assert not RegisteredJob.objects.filter(module_name="elsewhere").exists()
    [error] = JobLoadError.objects.filter(resolved_at=None)
    assert (error.module_name, error.exception_type) == ("elsewhere", "ModuleConflictError")


def test_link_to_a_file_in_the_same_folder_is_loaded(jobs_root):
    (jobs_root / "..data").mkdir()
    good(jobs_root / "..data", "mounted")
    (jobs_root / "mounted.py").symlink_to(jobs_root / "..data" / "mounted.py")
    reconciled()
    reconciled()
    assert record("Good", "mounted").installed
    assert errors() == {}


@contextmanager
def without_power():
    """Take from root, for a while, the power to pass over the rights on files; only root on Linux has it."""
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None)
    header, powers = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, powers) == 0
    before = powers[0]
    powers[0] &= ~PASSING_OVER_RIGHTS
    assert libc.capset(header, powers) == 0
    try:
        yield
    finally:
        powers[0] = before
        libc.capset(header, powers)


@contextmanager
def unreadable(folder):
    folder.chmod(0)
    try:
        with without_power():
            yield
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize(("where", "absence"), [("root", "source_unavailable"), ("package", "load_error")])
def test_folder_that_cannot_be_read_is_no_removal(jobs_root, where, absence):
    package = jobs_root / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    good(package)
    reconciled()
    with unreadable(jobs_root if where == "root" else package):
        reconcile()
        gone = record("Good", "package.good")
        assert (gone.installed, gone.absence) == (False, absence)
    reconciled()
    assert record("Good", "package.good").installed
