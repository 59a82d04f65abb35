"""Faults that were found: what Nautobot takes is taken, with its flaw told, and what is broken harms itself alone."""

import json
import py_compile
import sys
from textwrap import dedent

import pytest
from django.core.management import call_command
from nautobot.extras.models import Job
from nautobot.extras.registry import registry as core_registry

from nautobot_job_registry.engine.fields import QUEUE_FIELDS, VALUE_FIELDS
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import JobLoadError, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from nautobot_job_registry.sources import discovery, loaded_code
from tests.support import refresh_core

pytestmark = pytest.mark.django_db

HEAD = """
import decimal
import functools
import re
import pathlib
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from nautobot.apps.jobs import *
from nautobot.apps.jobs import ScriptVariable, register_jobs

class Thing:
    def __init__(self, *args, **kwargs): pass
    def __str__(self): return "a thing"
    def __repr__(self): raise ValueError("no")
"""


@pytest.fixture(autouse=True)
def forgotten(db):
    empty_registry()
    yield
    sys.modules.pop("odd", None)
    for path in [path for path in core_registry["jobs"] if path == "somewhere.Else" or not isinstance(path, str)]:
        del core_registry["jobs"][path]


def write(folder, name, text):
    path = folder / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + dedent(text))


def odd(folder, body, module="odd", before=""):
    """Write a module with one class that has some lines in its body."""
    lines = dedent(body).strip().replace("\n", "\n    ")
    write(folder, module, f"{before}\nclass Odd(Job):\n    {lines}\n    def run(self): pass\n\nregister_jobs(Odd)\n")


def good(folder, name="good"):
    JobModuleFactory(folder=folder, name=name, classes=[JobClassSourceFactory(name="Good")])


def record(name="Odd", module="odd"):
    return RegisteredJob.objects.get(module_name=module, job_class_name=name)


def core_row(name="Odd", module="odd"):
    return Job.objects.get(module_name=module, job_class_name=name)


def errors():
    return {
        (error.module_name, error.job_class_name): error
        for error in JobLoadError.objects.filter(resolved_at=None).order_by("module_name", "job_class_name")
    }


def values(row):
    """Return what a record, or core's row, says: both have the same fields."""
    said = {name: getattr(row, name) for name in (*VALUE_FIELDS, "read_only", "supports_dryrun")}
    queues = sorted(row.job_queues.values_list("name", flat=True))
    return {**said, "job_queues": queues, "default_job_queue": row.default_job_queue.name}


def reconciled():
    """Reconcile as after an upgrade, and hold that nothing is left to do, not even after Nautobot's next refresh."""
    refresh_core()
    outcome = reconcile()
    assert outcome.reconciliation.status == "succeeded"
    assert reconcile(dry_run=True).plan.is_empty


# What Nautobot stores and runs though it is of a wrong type

LAZY = "_('Tickets')"


STORED = [
    ("description = StringVar()", "description", "<nautobot.extras.jobs.StringVar object>"),
    ("description = _('What it does')", "description", "What it does"),
    ("description = 'x',", "description", "('x',)"),
    ("description = 12", "description", "12"),
    ("description = b'x'", "description", "b'x'"),
    ("description = Thing()", "description", "a thing"),
    ("description = pathlib.PurePosixPath('a/b')", "description", "a/b"),
    (f"name = {LAZY}", "name", "Tickets"),
    ("name = 'x',", "name", "('x',)"),
    ("name = ['x', 'y']", "name", "['x', 'y']"),
    ("name = b'x'", "name", "b'x'"),
    ("grouping = 'x',", "grouping", "('x',)"),
    (f"grouping = {LAZY}", "grouping", "Tickets"),
    ("hidden = 1", "hidden", True),
    ("hidden = 't'", "hidden", True),
    ("dryrun_default = 'False'", "dryrun_default", False),
    ("has_sensitive_variables = 0.0", "has_sensitive_variables", False),
    ("is_singleton = decimal.Decimal(1)", "is_singleton", True),
    ("console_log_default = '1'", "console_log_default", True),
    ("read_only = 'True'", "read_only", True),
    ("supports_dryrun = '1'", "supports_dryrun", True),
    ("soft_time_limit = '55'", "soft_time_limit", 55.0),
    ("time_limit = decimal.Decimal('7.5')", "time_limit", 7.5),
    ("task_queues = 'ab'", "job_queues", ["a", "b"]),
    ("task_queues = (_('night'), 7)", "job_queues", ["7", "night"]),
]


def test_what_nautobot_stores_of_a_wrong_type_is_stored_alike_and_told(jobs_root):
    good(jobs_root)
    for number, (body, _field, _stored) in enumerate(STORED):
        odd(jobs_root, body, f"odd{number}")
    reconciled()
    told = errors()
    assert len(told) == len(STORED)
    for number, (body, field, stored) in enumerate(STORED):
        row = record(module=f"odd{number}")
        assert (row.installed, row.current_revision.number) == (True, 1), body
        assert values(row) == values(core_row(module=f"odd{number}")), body
        assert values(row)[field] == stored, body
        error = told[f"odd{number}", "Odd"]
        assert error.exception_type == "DescriptorError"
        assert ("task_queues" if field in QUEUE_FIELDS else field) in error.message
        assert error.file_path.endswith(f"odd{number}.py")
        assert error.line


def test_group_of_a_module_that_is_no_text_is_stored_alike_and_told(jobs_root):
    for number, text in enumerate((LAZY, "'x',", "b'x'")):
        odd(jobs_root, "pass", f"odd{number}", before=f"name = {text}\n")
    reconciled()
    for module, _name in errors():
        assert values(record(module=module)) == values(core_row(module=module))
        assert "grouping" in errors()[module, "Odd"].message
    assert len(errors()) == 3


def test_what_was_stored_of_an_object_in_memory_is_the_same_in_each_process(jobs_root):
    odd(jobs_root, "description = StringVar()")
    reconciled()
    before = record().current_revision
    # Nautobot loads the class anew, so that its input is another object.
    reconciled()
    assert record().current_revision == before
    assert " at 0x" not in record().description


def test_several_flaws_of_a_class_are_told_together(jobs_root):
    odd(jobs_root, "description = 1\nhidden = 1\nprevious_class_paths = 5\ntask_queues = 'a'")
    reconciled()
    message = errors()["odd", "Odd"].message
    assert all(name in message for name in ("description", "hidden", "previous_class_paths", "task_queues"))


def test_flaw_that_is_mended_is_resolved(jobs_root):
    odd(jobs_root, "hidden = 1")
    reconciled()
    odd(jobs_root, "hidden = True")
    reconciled()
    assert errors() == {}
    assert record().hidden


def test_queue_without_a_name_is_left_out_and_told(jobs_root):
    odd(jobs_root, "task_queues = ['', 'night']")
    reconciled()
    assert values(record()) == values(core_row())
    assert values(record())["job_queues"] == ["night"]
    assert "task_queues" in errors()["odd", "Odd"].message


REFUSED = [
    "description = None",
    "hidden = None",
    "hidden = 'true'",
    "hidden = 2",
    "is_singleton = []",
    "soft_time_limit = 'soon'",
    "soft_time_limit = None",
    "time_limit = 10 ** 400",
    "task_queues = {'night'}",
    "task_queues = [None]",
    "task_queues = ['x' * 300]",
    "class Meta:\n        description = _('x')",
    "class Meta:\n        hidden = 1",
    "class Meta:\n        soft_time_limit = 5.5",
    "class Meta:\n        task_queues = 'night'",
]


def test_what_nautobot_refuses_is_a_load_error_of_the_class_alone(jobs_root):
    good(jobs_root)
    for number, body in enumerate(REFUSED):
        odd(jobs_root, body, f"odd{number}")
    refresh_core()
    reconcile()
    assert not Job.objects.filter(module_name__startswith="odd").exists()
    assert not RegisteredJob.objects.filter(module_name__startswith="odd", installed=True).exists()
    assert record("Good", "good").installed
    assert {*errors()} == {(f"odd{number}", "Odd") for number in range(len(REFUSED))}


ENDS_THE_REFRESH = [
    "name = None",
    "name = StringVar()",
    "name = {1: 2}",
    "class Meta:\n        name = 'x',",
    "class Meta:\n        name = _('x')",
]


def test_what_ends_nautobots_own_refresh_is_a_load_error_of_the_class_alone(jobs_root):
    good(jobs_root)
    for number, body in enumerate(ENDS_THE_REFRESH):
        odd(jobs_root, body, f"odd{number}")
    with pytest.raises((TypeError, KeyError)):
        refresh_core()
    reconcile()
    assert record("Good", "good").installed
    assert {*errors()} == {(f"odd{number}", "Odd") for number in range(len(ENDS_THE_REFRESH))}


# Inputs

OWN = "class Own(ScriptVariable):\n    def __init__(self): pass\n"
INPUTS = {
    "without attributes": OWN,
    "attributes that raise": f"{OWN}    field_attrs = property(lambda self: 1 / 0)\n",
    "attributes that are no mapping": f"{OWN}    field_attrs = 5\n",
    "attributes of None": f"{OWN}    field_attrs = None\n",
    "field that raises": "class Own(StringVar):\n    def as_field(self): raise ValueError('no field')\n",
}


def test_input_class_of_ones_own_is_read_as_far_as_it_can_be(jobs_root):
    for number, before in enumerate(INPUTS.values()):
        odd(jobs_root, "other = IntegerVar(default=4)\nown = Own()", f"odd{number}", before=before)
    reconciled()
    assert errors() == {}
    for number, kind in enumerate(INPUTS):
        said = record(module=f"odd{number}").current_revision.metadata["variables"]
        told = {variable["name"]: variable for variable in said}
        assert (told["own"]["type"], told["own"]["default"]) == ("Own", None), kind
        assert told["other"]["default"] == 4, kind


BEFORE = """
class Raising:
    def __str__(self): raise ValueError('no text')
    def __bool__(self): raise ValueError('no bool')
    def __repr__(self): raise ValueError('no repr')
    __wrapped__ = property(lambda self: 1 / 0)
    def __call__(self): pass

class Disguised:
    __class__ = property(lambda self: 1 / 0)

class Failing(dict):
    def items(self): raise ValueError('no items')

def evaluated():
    raise ValueError('evaluated')

from nautobot_job_registry import models
"""


DEFAULTS = [
    ("lambda: 1", "<odd{0}.Odd.<lambda>>"),
    ("functools.partial(print)", "<functools.partial>"),
    ("_('later')", "later"),
    ("SimpleLazyObject(evaluated)", "<django.utils.functional.SimpleLazyObject>"),
    ("{3, 1}", [1, 3]),
    ("frozenset({_('b')})", ["b"]),
    ("b'x'", "<builtins.bytes>"),
    ("decimal.Decimal('1.50')", "1.50"),
    ("float('nan')", "nan"),
    ("[float('inf'), {'a': float('-inf')}]", ["inf", {"a": "-inf"}]),
    ("Raising()", "<odd{0}.Raising>"),
    ("[Raising()]", ["<odd{0}.Raising>"]),
    ("{Raising(): 1}", "<builtins.dict>"),
    ("Disguised()", "<odd{0}.Disguised>"),
    ("Failing(a=1)", "<odd{0}.Failing>"),
    ("re.compile('x')", "<re.Pattern>"),
    ("1 + 2j", "<builtins.complex>"),
    ("range(3)", "<builtins.range>"),
    ("object", "<builtins.object>"),
    ("models.RegisteredJob.objects.all()", "<nautobot_job_registry.models.registered_job.RegisteredJobQuerySet>"),
    ("'a\\x00b\\udc80'", "a\\x00b\\udc80"),
]


def test_odd_default_harms_nobody(jobs_root):
    for number, (default, _told) in enumerate(DEFAULTS):
        odd(jobs_root, f"given = StringVar(default={default})", f"odd{number}", before=BEFORE)
    reconciled()
    assert errors() == {}
    for number, (default, told) in enumerate(DEFAULTS):
        [variable] = record(module=f"odd{number}").current_revision.metadata["variables"]
        expected = json.loads(json.dumps(told).replace("{0}", str(number)))
        assert variable["default"] == expected, default


def test_input_of_which_a_detail_raises_harms_nobody(jobs_root):
    details = ("label", "required", "description", "widget", "default")
    for what in details:
        # Nautobot asks most of them whether they are true as the class is made.
        before = BEFORE if what == "required" else BEFORE.replace("__bool__", "__not_bool__")
        odd(jobs_root, f"given = StringVar({what}=Raising())", f"odd_{what}", before=before)
    reconciled()
    assert errors() == {}
    for what in details:
        [variable] = record(module=f"odd_{what}").current_revision.metadata["variables"]
        assert (variable["name"], variable["required"]) == ("given", True), what


def test_member_that_is_evaluated_late_is_not_evaluated(jobs_root):
    for number, value in enumerate(("SimpleLazyObject(evaluated)", "Disguised()")):
        odd(jobs_root, f"held = {value}\ngiven = StringVar()", f"odd{number}", before=BEFORE)
    reconciled()
    assert errors() == {}
    for row in RegisteredJob.objects.filter(module_name__startswith="odd"):
        assert [variable["name"] for variable in row.current_revision.metadata["variables"]] == ["given"]


def test_default_of_any_size_is_cut_and_says_so(jobs_root):
    for number, default in enumerate(("'x' * 3_000_000", "list(range(500_000))", "{'a': ['y' * 300_000]}")):
        odd(jobs_root, f"given = StringVar(default={default}, label='l' * 1_000_000)", f"odd{number}")
    reconciled()
    for row in RegisteredJob.objects.filter(module_name__startswith="odd"):
        [variable] = row.current_revision.metadata["variables"]
        for told in (variable["default"], variable["label"]):
            assert "characters cut]" in told
            assert len(told) < 101_000


# Modules

ENDS = {
    "an exception of its own": "class End(BaseException): pass\nraise End('the end')\n",
    "GeneratorExit": "raise GeneratorExit('the end')\n",
    "like an interrupt": "class Interrupt(KeyboardInterrupt): pass\nraise Interrupt('the end')\n",
    "SystemExit": "raise SystemExit('the end')\n",
    "cannot be printed": "class End(BaseException):\n    def __str__(self): raise End\nraise End\n",
}


def test_module_that_raises_what_is_no_exception_is_told_with_its_file_and_the_others_are_kept(jobs_root):
    for number, text in enumerate(ENDS.values()):
        (jobs_root / f"a_first{number}.py").write_text(text)
    good(jobs_root)
    assert reconcile().reconciliation.status == "succeeded"
    # A worker does not get as far as to the other files.
    assert (record("Good", "good").installed, record("Good", "good").absence) == (False, "load_error")
    assert {*errors()} == {(f"a_first{number}", "") for number in range(len(ENDS))}
    for (module, _), error in errors().items():
        assert error.file_path.endswith(f"{module}.py")
        assert error.line
    assert reconcile(dry_run=True).plan.is_empty


def test_interrupt_of_a_person_is_no_load_error(jobs_root):
    (jobs_root / "a_first.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        reconcile()
    assert errors() == {}


def test_class_that_raises_what_is_no_exception_harms_itself_alone(jobs_root):
    good(jobs_root)
    before = "class End(BaseException): pass\nclass Text(str):\n    def isascii(self): raise End\n"
    odd(jobs_root, "description = Text('x')", before=before)
    reconcile()
    assert record("Good", "good").installed
    assert list(errors()) == [("odd", "Odd")]


@pytest.mark.parametrize(
    "text",
    [
        "class Odd(Job):\n    def run(self): pass\n\nregister_jobs(Odd())\n",
        "class Odd:\n    class_path = 'odd.Odd'\n\nregister_jobs(Odd())\n",
        "class Odd:\n    class_path = 'odd.Odd'\n\nregister_jobs(Odd)\n",
        "def Odd(): pass\nOdd.class_path = 'odd.Odd'\nregister_jobs(Odd)\n",
    ],
)
def test_object_that_was_registered_in_place_of_a_class_is_told_with_its_file(jobs_root, text):
    good(jobs_root)
    write(jobs_root, "odd", text)
    assert reconcile().reconciliation.status == "succeeded"
    assert record("Good", "good").installed
    [error] = errors().values()
    assert error.message
    assert error.source_type == "local"
    if "def Odd" not in text:
        assert (error.module_name, error.job_class_name) == ("odd", "Odd")
        assert error.file_path.endswith("odd.py")
    assert reconcile(dry_run=True).plan.is_empty
    assert all(isinstance(job_class, type) for job_class in discovery.loaded_classes())


@pytest.mark.parametrize("path", ["5", "None", "'somewhere.Else'", "('odd', 'Odd')"])
def test_class_that_was_registered_under_an_odd_path_harms_nobody(jobs_root, path):
    good(jobs_root)
    odd(jobs_root, f"class_path = {path}")
    for _time in range(2):
        assert reconcile().reconciliation.status == "succeeded"
        assert record("Good", "good").installed
    assert reconcile(dry_run=True).plan.is_empty
    assert "class_path" in errors()["odd", "Odd"].message


@pytest.fixture
def compiled(jobs_root):
    """A module of jobs that comes compiled, without its source."""
    good(jobs_root, "compiled")
    py_compile.compile(str(jobs_root / "compiled.py"), cfile=str(jobs_root / "compiled.pyc"))
    (jobs_root / "compiled.py").unlink()


def test_compiled_module_has_no_source_text(compiled):
    reconciled()
    revision = record("Good", "compiled").current_revision
    assert revision.source_code == ""
    assert len(revision.source_hash) == 64
    assert errors() == {}


PACKAGES = {
    "raises": ("1 / 0\n", "ZeroDivisionError"),
    "syntax": ("def broken(:\n", "SyntaxError"),
    "imports what is broken": ("from . import second\n", "ZeroDivisionError"),
}


@pytest.mark.parametrize("how", PACKAGES)
def test_broken_package_is_told_once_and_does_not_hide_what_is_wrong_with_its_modules(jobs_root, how):
    text, exception = PACKAGES[how]
    package = jobs_root / "package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(text)
    (package / "inner" / "__init__.py").touch()
    for name in ("first", "third"):
        good(package, name)
    (package / "second.py").write_text("1 / 0\n")
    (package / "inner" / "deep.py").write_text("x = (\n")
    (package / "wrong.py").write_text("# One line.\nx = = 1\n")
    good(jobs_root)
    reconcile()
    found = {module: error.exception_type for (module, _), error in errors().items()}
    assert found == {"package": exception, "package.inner.deep": "SyntaxError", "package.wrong": "SyntaxError"}
    wrong = errors()["package.wrong", ""]
    assert (wrong.line, wrong.file_path) == (2, str((package / "wrong.py").resolve()))
    assert record("Good", "good").installed
    assert reconcile(dry_run=True).plan.is_empty


def test_jobs_of_a_package_that_breaks_are_not_removed(jobs_root):
    package = jobs_root / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    good(package, "first")
    reconciled()
    (package / "__init__.py").write_text("1 / 0\n")
    refresh_core()
    reconcile()
    gone = record("Good", "package.first")
    assert (gone.installed, gone.absence) == (False, "load_error")


# Nautobot asks them for the name of the group.
OBJECTS = {
    "plain": "pass",
    "says anything": "def __getattr__(self, name): return 'x' if name == 'name' else self",
    "raises": "def __getattr__(self, name): raise (AttributeError if name == 'name' else ValueError)(name)",
    "without a hash or a place": "__slots__ = ()\n    __hash__ = None",
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_object_that_a_module_puts_into_its_own_place_is_no_conflict(jobs_root, kind):
    before = f"class Lazy:\n    {OBJECTS[kind]}\n"
    odd(jobs_root, "pass", before=f"import sys\n{before}")
    with (jobs_root / "odd.py").open("a") as file:
        file.write("sys.modules[__name__] = Lazy()\n")
    reconciled()
    assert errors() == {}
    assert record().installed
    assert "class Odd" in record().current_revision.source_code
    assert record().current_revision.source_hash == loaded_code.code_hash(discovery.loaded_class("odd.Odd"))
    odd(jobs_root, "description = 'other'")
    assert reconcile().reconciliation.status == "succeeded"
    assert record().description == "other"


def test_module_of_the_name_of_one_that_is_built_in_is_still_a_conflict(jobs_root):
    good(jobs_root, "time")
    reconcile()
    assert errors()["time", ""].exception_type == "ModuleConflictError"


def test_check_goes_on_where_a_module_ends_the_process(jobs_root, capsys):
    (jobs_root / "a_first.py").write_text(ENDS["an exception of its own"])
    good(jobs_root)
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_jobs", "--check")
    assert ended.value.code == 1
    assert "good.Good" in capsys.readouterr().out
    assert "a_first" not in sys.modules
