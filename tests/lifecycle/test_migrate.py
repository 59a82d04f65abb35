"""The registry through the real `nautobot-server migrate` and `reconcile_jobs` (M5)."""

import pytest
from nautobot.extras.models import Job

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from tests.support import differences_from_core

pytestmark = pytest.mark.slow


def write_job(folder, description):
    classes = [JobClassSourceFactory(name="Backup", meta={"description": description})]
    return JobModuleFactory(folder=folder, name="backup", classes=classes)


def test_migrate_follows_the_source_and_only_migrate_does(real_instance):
    path = write_job(real_instance.jobs_root, "old words")
    real_instance.nautobot_server("migrate")
    assert differences_from_core(real_instance) == []
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0

    write_job(real_instance.jobs_root, "new words")
    checked = real_instance.nautobot_server("reconcile_jobs", "--check", check=False)
    assert checked.returncode == 1
    line = next(line for line in checked.stdout.splitlines() if " description " in line)
    assert all(word in line for word in ("backup.Backup", "old words", "new words"))

    real_instance.nautobot_server("migrate")
    assert differences_from_core(real_instance) == []
    path.unlink()
    real_instance.nautobot_server("migrate")
    assert differences_from_core(real_instance) == []
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0


def test_backward_migration_goes_through_and_what_needs_the_tables_says_so_in_one_line(real_instance):
    real_instance.nautobot_server("migrate", "nautobot_job_registry", "zero")
    ended = real_instance.nautobot_server("reconcile_jobs", check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "run `nautobot-server migrate` first" in ended.stderr
    real_instance.nautobot_server("migrate", "nautobot_job_registry")
    assert differences_from_core(real_instance) == []


def test_unknown_source_exits_2_and_lists_the_known_ones(real_instance):
    ended = real_instance.nautobot_server("reconcile_jobs", "--source", "app:nobody", check=False)
    assert ended.returncode == 2
    assert "Known sources: system, app:nautobot_job_registry, local" in ended.stderr


def test_core_gets_a_row_of_a_name_that_it_cannot_store_and_a_number_goes_with_its_cause(real_instance):
    def write(module, **meta):
        classes = [JobClassSourceFactory(name="Backup", meta=meta)]
        return JobModuleFactory(folder=real_instance.jobs_root, name=module, classes=classes)

    def core():
        names = ("module_name", "installed", "name_override", "name")
        with real_instance.models():
            return list(Job.objects.filter(job_class_name="Backup").order_by("module_name").values_list(*names))

    long_name = "n" * 130
    write("a_long", name=long_name)
    first, _ = write("b_first", name="Twin"), write("c_second", name="Twin")
    real_instance.nautobot_server("migrate")
    assert core() == [
        ("a_long", True, True, long_name[:100]),
        ("b_first", True, False, "Twin"),
        ("c_second", True, True, "Twin (2)"),
    ]
    assert differences_from_core(real_instance) == []

    first.unlink()
    real_instance.nautobot_server("migrate")
    assert core() == [
        ("a_long", True, True, long_name[:100]),
        ("b_first", False, True, "Twin (2)"),
        ("c_second", True, False, "Twin"),
    ]
    assert differences_from_core(real_instance) == []
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0
