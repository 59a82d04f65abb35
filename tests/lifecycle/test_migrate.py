"""The registry through the real `nautobot-server migrate` and `reconcile_jobs` (M5)."""

import json

import pytest

from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory

pytestmark = pytest.mark.slow

LOOK = """
import json
from nautobot.extras.models import Job
from nautobot_job_registry.engine.fields import *
from nautobot_job_registry.models import *
names = [*VALUE_FIELDS, *FLAG_FIELDS, *OVERRIDE_FLAGS, "enabled", "installed"]
# All that this Nautobot has.
names = [name for name in names if hasattr(Job, name)] + ["default_job_queue__name"]
def rows(model):
    found = {}
    for job in model.objects.all():
        values = list(model.objects.filter(pk=job.pk).values_list(*names))[0]
        found[job.class_path] = [*values, sorted(job.job_queues.values_list("name", flat=True))]
    return found
core, ours = rows(Job), rows(RegisteredJob)
print(json.dumps({"differ": [path for path in {*core, *ours} if core.get(path) != ours.get(path)], "count": len(ours)}))
"""


def write_job(folder, description):
    classes = [JobClassSourceFactory(name="Backup", meta={"description": description})]
    return JobModuleFactory(folder=folder, name="backup", classes=classes)


def compare_with_core(instance):
    return json.loads(instance.python(LOOK).splitlines()[-1])


def test_migrate_follows_the_source_and_only_migrate_does(real_instance):
    path = write_job(real_instance.jobs_root, "old words")
    real_instance.nautobot_server("migrate")
    assert compare_with_core(real_instance)["differ"] == []
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0

    write_job(real_instance.jobs_root, "new words")
    checked = real_instance.nautobot_server("reconcile_jobs", "--check", check=False)
    assert checked.returncode == 1
    line = next(line for line in checked.stdout.splitlines() if " description " in line)
    assert all(word in line for word in ("backup.Backup", "old words", "new words"))

    real_instance.nautobot_server("migrate")
    assert compare_with_core(real_instance)["differ"] == []
    path.unlink()
    real_instance.nautobot_server("migrate")
    seen = compare_with_core(real_instance)
    assert seen["differ"] == []
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0


def test_partial_and_backward_migrations_go_through(real_instance):
    for target in (["dcim", "0050"], ["nautobot_job_registry", "zero"], ["nautobot_job_registry"]):
        if target[0] != "dcim":
            real_instance.nautobot_server("migrate", *target)
    assert compare_with_core(real_instance)["differ"] == []


def test_database_that_is_not_migrated_gives_one_line(real_instance):
    real_instance.nautobot_server("migrate", "nautobot_job_registry", "zero")
    ended = real_instance.nautobot_server("reconcile_jobs", check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "run `nautobot-server migrate` first" in ended.stderr


def test_unknown_source_exits_2_and_lists_the_known_ones(real_instance):
    ended = real_instance.nautobot_server("reconcile_jobs", "--source", "app:nobody", check=False)
    assert ended.returncode == 2
    assert "Known sources: system, app:nautobot_job_registry, local" in ended.stderr


def test_core_gets_a_row_of_a_name_that_it_cannot_store_and_a_number_goes_with_its_cause(real_instance):
    def write(module, **meta):
        classes = [JobClassSourceFactory(name="Backup", meta=meta)]
        return JobModuleFactory(folder=real_instance.jobs_root, name=module, classes=classes)

    look = "from nautobot.extras.models import Job\n"
    look += "for job in Job.objects.filter(job_class_name='Backup').order_by('module_name'):\n"
    look += "    print(job.module_name, job.installed, job.name_override, job.name, sep='|')\n"

    def core():
        return [line for line in real_instance.python(look).splitlines() if line.count("|") == 3]

    long_name = "n" * 130
    write("a_long", name=long_name)
    first, _ = write("b_first", name="Twin"), write("c_second", name="Twin")
    real_instance.nautobot_server("migrate")
    assert core() == [
        f"a_long|True|True|{long_name[:100]}",
        "b_first|True|False|Twin",
        "c_second|True|True|Twin (2)",
    ]
    assert compare_with_core(real_instance)["differ"] == []

    first.unlink()
    real_instance.nautobot_server("migrate")
    assert core() == [
        f"a_long|True|True|{long_name[:100]}",
        "b_first|False|True|Twin (2)",
        "c_second|True|False|Twin",
    ]
    assert compare_with_core(real_instance)["differ"] == []
    assert real_instance.nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0
