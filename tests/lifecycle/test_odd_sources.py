"""Odd job files through the real `migrate` and `reconcile_jobs`, each in a process of its own."""

from textwrap import dedent

import pytest

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from nautobot_job_registry.models import JobLoadError, RegisteredJob
from tests.support import differences_from_core

pytestmark = pytest.mark.slow

HEAD = """
import sys
from django.utils.translation import gettext_lazy as _
from nautobot.apps.jobs import *
from nautobot.apps.jobs import ScriptVariable, register_jobs

class Own(ScriptVariable):
    def __init__(self): pass

name = _("Tickets")
"""
ODD = {
    "described": "description = StringVar()",
    "named": "name = _('Lazy')",
    "tuple": "name = 'x',",
    "switch": "hidden = 't'",
    "own": "own = Own()",
    "lazy": "given = StringVar(default=_('later'))",
}
ENDS_THE_PROCESS = {
    "a_base": "class End(BaseException): pass\nraise End\n",
    "b_object": f"{HEAD}\nclass Odd(Job):\n    def run(self): pass\n\nregister_jobs(Odd())\n",
}


def test_what_nautobot_takes_is_taken_and_what_it_dies_of_is_told(real_instance):
    folder = real_instance.jobs_root
    for module, line in ODD.items():
        (folder / f"{module}.py").write_text(
            f"{HEAD}\nclass Odd(Job):\n    {line}\n    def run(self): pass\n\nregister_jobs(Odd)\n"
        )
    real_instance.nautobot_server("migrate")
    assert differences_from_core(real_instance) == []
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0
    with real_instance.models():
        rows = RegisteredJob.objects.filter(module_name__in=ODD, installed=True)
        assert set(rows.values_list("module_name", "current_revision__number")) == {(module, 1) for module in ODD}
        told = set(JobLoadError.objects.filter(resolved_at=None).values_list("module_name", "job_class_name"))
        # The lazy name of each module is a flaw of its own.
        assert told == {(module, "Odd") for module in ODD}

    for module, text in ENDS_THE_PROCESS.items():
        (folder / f"{module}.py").write_text(dedent(text))
    JobModuleFactory(folder=folder, name="new", classes=[JobClassSourceFactory(name="New")])
    assert real_instance.nautobot_server("migrate", check=False).returncode != 0
    real_instance.nautobot_server("reconcile_jobs")
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0
    with real_instance.models():
        # A worker does not get as far as to the other files, either.
        new = RegisteredJob.objects.get(module_name="new")
        assert (new.installed, new.absence) == (False, "load_error")
        told = JobLoadError.objects.filter(resolved_at=None, module_name__in=ENDS_THE_PROCESS).order_by("module_name")
        assert [(error.exception_type, error.file_path) for error in told] == [
            ("End", str((folder / "a_base.py").resolve())),
            ("NotAClassError", str((folder / "b_object.py").resolve())),
        ]
