"""What the sources say, and what becomes of the ones that fail (rules 1 to 4)."""

import shutil
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

import pytest
from django.conf import settings
from nautobot.extras.models import GitRepository

from nautobot_job_registry.engine.descriptor import ScanStatus, Source, SourceType
from nautobot_job_registry.engine.errors import UnknownSourceError
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from nautobot_job_registry.sources import discovery
from nautobot_job_registry.sources import files as source_files
from tests.support import break_with, make_repository

pytestmark = pytest.mark.django_db

LOCAL = Source(SourceType.LOCAL, "JOBS_ROOT")


@pytest.fixture(autouse=True)
def forget_modules():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and not Path(sys.modules[name].__file__).exists():
            del sys.modules[name]


def scan_of(source, **options):
    return discovery.discover(**options).by_source[source]


def class_names(scan):
    return {descriptor.job_class_name for descriptor in scan.descriptors}


def good_module(folder, name="good"):
    JobModuleFactory(folder=folder, name=name, classes=[JobClassSourceFactory(name="Good")])


def test_every_kind_of_source_is_named_with_its_version(jobs_root, git_root, git_server):
    good_module(jobs_root)
    repository = git_server.repository("kinds")
    text = JobModuleFactory.build(classes=[JobClassSourceFactory(name="FromGit")], name="jobs")
    make_repository(repository, "kinds", {"jobs.py": text})
    found = discovery.discover()
    by_path = {descriptor.class_path: descriptor for descriptor in found.descriptors}
    assert by_path["nautobot.core.jobs.cleanup.LogsCleanup"].source == Source(SourceType.SYSTEM, "nautobot")
    assert by_path["nautobot.core.jobs.cleanup.LogsCleanup"].source_version == settings.VERSION
    assert by_path["nautobot_job_registry.jobs.ReconcileJobRegistry"].source.label == "app:nautobot_job_registry"
    assert by_path["good.Good"].source == LOCAL
    assert by_path["kinds.jobs.FromGit"].source.label == "git:kinds"
    assert by_path["kinds.jobs.FromGit"].source_version == repository.head


def test_everything_that_a_class_says_is_read(jobs_root):
    meta = {
        "name": "Backup",
        "description": "\n    Saves.\n    ",
        "hidden": True,
        "console_log_default": True,
        "dryrun_default": True,
        "soft_time_limit": 5,
        "time_limit": 6,
        "has_sensitive_variables": False,
        "is_singleton": True,
        "read_only": True,
        "task_queues": ["fast", "slow"],
    }
    body = """
    dryrun = DryRunVar()
    device = StringVar(label="Device", default="r1")
    count = IntegerVar(required=False)
    """
    JobModuleFactory(
        folder=jobs_root,
        name="backup",
        grouping="Backups",
        classes=[JobClassSourceFactory(name="Backup", meta=meta, body=body)],
    )
    descriptor = scan_of(LOCAL).descriptors[0]
    assert descriptor.metadata == {
        "grouping": "Backups",
        "name": "Backup",
        "description": "Saves.",
        "hidden": True,
        "console_log_default": True,
        "dryrun_default": True,
        "soft_time_limit": 5.0,
        "time_limit": 6.0,
        "has_sensitive_variables": False,
        "is_singleton": True,
        "read_only": True,
        "supports_dryrun": True,
        "job_queues": ["fast", "slow"],
        "default_job_queue": "fast",
        "is_job_hook_receiver": False,
        "is_job_button_receiver": False,
        "previous_class_paths": [],
        "variables": [
            {"name": "dryrun", "type": "DryRunVar", "label": "", "required": False, "default": False},
            {"name": "device", "type": "StringVar", "label": "Device", "required": True, "default": "r1"},
            {"name": "count", "type": "IntegerVar", "label": "", "required": False, "default": None},
        ],
    }
    assert descriptor.source_code.text == (jobs_root / "backup.py").read_text()


def test_default_that_is_computed_at_import_does_not_change_the_metadata(jobs_root):
    body = """
    when = StringVar(default=__import__("datetime").datetime.now())
    what = StringVar(default=object())
    how = StringVar(default=lambda: 1)
    tags = StringVar(default={"b", "a", "c"})
    """
    JobModuleFactory(folder=jobs_root, name="clock", classes=[JobClassSourceFactory(name="Clock", body=body)])
    first, second = (scan_of(LOCAL).descriptors[0] for _ in range(2))
    assert first.metadata_hash == second.metadata_hash


@pytest.mark.parametrize(
    ("name", "module", "exception", "line"),
    [
        ("syntax_error", "syntax_error", "SyntaxError", 4),
        ("missing_import", "missing_import", "ModuleNotFoundError", 2),
        ("raises_at_import", "raises_at_import", "RuntimeError", 3),
        ("raises_after_registering", "raises_after_registering", "RuntimeError", 12),
        ("circular", "circular.first", "ImportError", 1),
        ("half_package", "half_package", "ModuleNotFoundError", 1),
    ],
)
def test_broken_module_is_named_with_file_and_line_and_harms_only_its_own(jobs_root, name, module, exception, line):
    good_module(jobs_root)
    break_with(name, jobs_root)
    scan = scan_of(LOCAL)
    assert scan.status is ScanStatus.FAILED
    assert "Good" in class_names(scan)
    failure = next(failure for failure in scan.failures if failure.module_name == module)
    assert failure.exception_type == exception
    assert failure.line == line
    assert Path(failure.file_path).is_relative_to(jobs_root.resolve())
    assert failure.traceback.startswith("Traceback") or exception == "SyntaxError"
    assert "importlib" not in failure.traceback


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\neval('1 +')\n", 2),
        ("x = 1\nimport ast\nast.literal_eval('{')\n", 3),
        ("x = 1\x00\n", None),
        ("raise SyntaxError('odd', (__file__, -5, 1, ''))\n", None),
        ("raise SyntaxError('odd', (__file__, 10**20, 1, ''))\n", None),
        ("raise SyntaxError('odd', (7, 'x', 'y', 'z'))\n", 1),
    ],
)
def test_syntax_error_of_anything_but_a_file_is_told_of_the_module_that_it_is_in(jobs_root, text, line):
    good_module(jobs_root)
    (jobs_root / "odd.py").write_text(text)
    scan = scan_of(LOCAL)
    assert class_names(scan) == {"Good"}
    [failure] = scan.failures
    assert Path(failure.file_path) == jobs_root.resolve() / "odd.py"
    assert failure.line == line
    assert failure.exception_type in failure.traceback


def test_job_that_was_registered_before_its_module_failed_is_there(jobs_root):
    break_with("raises_after_registering", jobs_root)
    scan = scan_of(LOCAL)
    assert class_names(scan) == {"RegisteredInTime"}
    assert "too late" in scan.descriptors[0].source_code.text


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("wrong_meta_name", "NumberForName"),
        ("wrong_time_limit", "TextForLimit"),
        ("no_grouping", "WithoutGrouping"),
    ],
)
def test_class_that_cannot_be_read_is_named_and_harms_only_itself(jobs_root, name, class_name):
    good_module(jobs_root)
    break_with(name, jobs_root)
    scan = scan_of(LOCAL)
    assert scan.status is ScanStatus.COMPLETE
    assert [(failure.job_class_name, failure.module_name) for failure in scan.failures] == [(class_name, name)]
    assert scan.failures[0].line
    assert "Good" in class_names(scan)
    assert class_name not in class_names(scan)


def test_module_that_nautobot_left_behind_half_loaded_is_told_as_broken(jobs_root):
    """Nautobot 3.0 leaves it in `sys.modules`, as if it had been loaded."""
    good_module(jobs_root)
    (jobs_root / "half.py").write_text("begun = True\n1 / 0\n")
    discovery.discover(scope="local")
    spec = PathFinder.find_spec("half", [str(jobs_root)])
    sys.modules["half"] = module = module_from_spec(spec)
    with pytest.raises(ZeroDivisionError):
        spec.loader.exec_module(module)
    scan = scan_of(LOCAL, scope="local", reload=False)
    assert [(failure.module_name, failure.line) for failure in scan.failures] == [("half", 2)]
    assert "half" not in sys.modules
    assert class_names(scan) == {"Good"}


def test_class_with_both_receivers_is_there_and_its_problem_is_told(jobs_root):
    break_with("both_receivers", jobs_root)
    scan = scan_of(LOCAL)
    assert class_names(scan) == {"Both"}
    assert [failure.exception_type for failure in scan.failures] == ["BothReceiversError"]


def test_long_names_are_read_whole(jobs_root):
    break_with("extreme_names", jobs_root)
    by_name = {descriptor.job_class_name: descriptor for descriptor in scan_of(LOCAL).descriptors}
    assert by_name["LongName"].metadata["name"] == "n" * 130
    assert by_name["LongName"].metadata["grouping"] == "g" * 300
    assert "L" * 130 in by_name


def test_nested_packages_are_read(jobs_root):
    JobModuleFactory(folder=jobs_root, name="outer.inner.deep", classes=[JobClassSourceFactory(name="Deep")])
    assert [descriptor.class_path for descriptor in scan_of(LOCAL).descriptors] == ["outer.inner.deep.Deep"]


def test_module_with_the_name_of_an_installed_one_is_told(jobs_root):
    (jobs_root / "yaml.py").write_text("x = 1\n")
    scan = scan_of(LOCAL)
    assert [failure.exception_type for failure in scan.failures] == ["ModuleConflictError"]
    assert Path(scan.failures[0].file_path) == jobs_root.resolve() / "yaml.py"


def test_missing_jobs_root_is_unavailable(jobs_root):
    shutil.rmtree(jobs_root)
    scan = scan_of(LOCAL)
    assert (scan.status, scan.failures) == (ScanStatus.UNAVAILABLE, ())


def test_one_broken_file_of_a_repository_harms_only_its_own_jobs(git_root, git_server):
    texts = {
        f"jobs/{name}.py": JobModuleFactory.build(name=name, classes=[JobClassSourceFactory(name=name.title())])
        for name in ("alpha", "omega")
    }
    make_repository(git_server.repository("half"), "half", {**texts, "jobs/__init__.py": "", "jobs/beta.py": "1 / 0\n"})
    scan = scan_of(Source(SourceType.GIT, "half"))
    assert class_names(scan) == {"Alpha", "Omega"}
    assert [(failure.module_name, failure.line) for failure in scan.failures] == [("half.jobs.beta", 1)]
    assert scan.status is ScanStatus.FAILED


def test_module_that_ends_the_process_fails_like_any_other(git_root, git_server):
    repository = git_server.repository("quitter")
    make_repository(repository, "quitter", {"jobs/__init__.py": "", "jobs/a.py": "1 / 0\n", "jobs/b.py": "exit(3)\n"})
    scan = scan_of(Source(SourceType.GIT, "quitter"))
    assert [failure.exception_type for failure in scan.failures] == ["ZeroDivisionError", "SystemExit"]


def test_repository_that_cannot_be_cloned_is_unavailable(git_root):
    GitRepository.objects.create(
        name="gone", slug="gone", remote_url="http://127.0.0.1:9/gone.git", provided_contents=["extras.job"]
    )
    scan = scan_of(Source(SourceType.GIT, "gone"))
    assert scan.status is ScanStatus.UNAVAILABLE
    assert [failure.exception_type for failure in scan.failures] == ["RepositoryUnavailableError"]


def test_repository_whose_clone_is_behind_is_unavailable(git_root, git_server):
    text = JobModuleFactory.build(name="jobs", classes=[JobClassSourceFactory(name="Old")])
    make_repository(git_server.repository("behind"), "behind", {"jobs.py": text})
    source = Source(SourceType.GIT, "behind")
    assert scan_of(source).status is ScanStatus.COMPLETE
    GitRepository.objects.update(current_head="f" * 40, remote_url="http://127.0.0.1:9/behind.git")
    scan = scan_of(source)
    assert (scan.status, scan.descriptors) == (ScanStatus.UNAVAILABLE, ())
    assert "f" * 40 in scan.failures[0].message


def test_repository_without_jobs_fails_with_a_way_out(git_root, git_server):
    make_repository(git_server.repository("none"), "none_here", {"readme.md": "nothing\n"})
    scan = scan_of(Source(SourceType.GIT, "none_here"))
    assert scan.status is ScanStatus.FAILED
    assert [failure.module_name for failure in scan.failures] == ["none_here.jobs"]
    assert "Add one" in scan.failures[0].message


def test_unknown_source_names_the_known_ones():
    with pytest.raises(UnknownSourceError, match="app:nautobot_job_registry") as caught:
        discovery.discover("git:nowhere")
    assert "system" in caught.value.known


def test_scope_reads_one_source(jobs_root):
    good_module(jobs_root)
    found = discovery.discover("local")
    assert [scan.source for scan in found.scans] == [LOCAL]


class MuteError(Exception):
    def __str__(self):
        return self.args[1]


def test_exception_that_cannot_be_printed_is_told_all_the_same():
    failure = source_files.describe_failure(MuteError("x"), LOCAL, "", "mute", None)
    assert (failure.exception_type, failure.message) == ("MuteError", "<unprintable MuteError>")
    assert "MuteError" in failure.traceback


def test_module_whose_name_is_no_text_is_told_by_one_that_can_be_stored():
    failure = source_files.describe_failure(RuntimeError("x"), LOCAL, "", "caf\udce9", None)
    assert failure.module_name == r"caf\udce9"


def test_secrets_that_nautobot_keeps_out_of_its_logs_are_not_stored(jobs_root):
    (jobs_root / "leaky.py").write_text("raise RuntimeError('no answer from https://svc:hunter2@cmdb/')\n")
    [failure] = scan_of(LOCAL).failures
    assert "https://(redacted)@cmdb" in failure.message
    assert "hunter2" not in failure.message + failure.traceback.splitlines()[-1]
