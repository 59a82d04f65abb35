"""The built wheel in a clean environment, in a Nautobot that did not have the app, with other new apps beside it."""

import fcntl
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from development import database
from development.servers import CHECKOUT
from tests.lifecycle.clean_environment import LOCK, clean_environment, pip

pytestmark = pytest.mark.slow

OTHER_APPS = {
    "nautobot-golden-config": "nautobot_golden_config",
    "nautobot-device-lifecycle-mgmt": "nautobot_device_lifecycle_mgmt",
}
# What the apps above ask for themselves.
NEEDED_APPS = ["nautobot_plugin_nornir"]
IN_WHEEL = (
    "nautobot_job_registry/migrations/0001_initial.py",
    "nautobot_job_registry/app-config-schema.json",
    "nautobot_job_registry/static/nautobot_job_registry/docs/index.html",
    "nautobot_job_registry/static/nautobot_job_registry/docs/models/registeredjob.html",
)
SCHEMA = """
import json
from django.apps import apps
from django.db import connection
def described(table):
    with connection.cursor() as cursor:
        columns = sorted(map(str, connection.introspection.get_table_description(cursor, table)))
        constraints = connection.introspection.get_constraints(cursor, table)
    # Names of indexes differ by a digest; what they hold does not.
    kinds = ("columns", "primary_key", "unique", "foreign_key", "check", "index", "definition")
    held = sorted(str([constraint[kind] for kind in kinds]) for constraint in constraints.values())
    return [columns, held]
models = apps.get_app_config("nautobot_job_registry").get_models(include_auto_created=True)
print(json.dumps({model._meta.db_table: described(model._meta.db_table) for model in models}))
"""
TAKE_OUT = """
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
models = apps.get_app_config("nautobot_job_registry").get_models(include_auto_created=True)
tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in models)
with connection.cursor() as cursor:
    cursor.execute(f"DROP TABLE {tables} CASCADE")
MigrationRecorder(connection).migration_qs.filter(app="nautobot_job_registry").delete()
"""
COMPARE = """
import json
from nautobot.extras.models import Job
from nautobot_job_registry.engine.fields import *
from nautobot_job_registry.models import *
names = [*VALUE_FIELDS, *FLAG_FIELDS, *OVERRIDE_FLAGS, "enabled", "installed", "default_job_queue__name"]
def rows(model):
    return {
        job.class_path: [*(getattr(job, name.removesuffix("__name")) for name in names), set(job.job_queues.all())]
        for job in model.objects.all()
    }
core, ours = rows(Job), rows(RegisteredJob)
roots = sorted({path.split(".")[0] for path in ours})
print(json.dumps({"differ": [path for path in {*core, *ours} if core.get(path) != ours.get(path)], "roots": roots}))
"""


@pytest.fixture(scope="module")
def wheel(run_folder):
    """Build the wheel as the release does, once for all processes of this run."""
    folder = run_folder / "wheel"
    with (run_folder / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(folder.glob("*.whl")):
            tools = Path(sys.executable).parent
            subprocess.run([tools / "mkdocs", "build", "--strict", "--quiet"], cwd=CHECKOUT, check=True)
            command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
            subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture
def environment_with_wheel(wheel):
    """A clean virtual environment with the wheel, Nautobot in the locked version, and the other apps."""
    nautobot = next(line.split()[0] for line in LOCK.read_text().splitlines() if line.startswith("nautobot=="))
    with clean_environment(nautobot, *OTHER_APPS) as folder:
        # That of the last run is of the same version.
        pip(folder, "uninstall", "--yes", "nautobot-job-registry")
        pip(folder, "install", wheel)
        yield folder


def test_wheel_holds_all_that_an_instance_needs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(IN_WHEEL) <= names
    assert not [name for name in names if name.startswith(("tests/", "development/"))]


@pytest.mark.minutes
def test_wheel_migrates_and_reconciles_beside_other_apps(environment_with_wheel, real_instance):
    from_models = json.loads(real_instance.python(SCHEMA).splitlines()[-1])
    real_instance.python(TAKE_OUT)
    plugins = ["nautobot_job_registry", *NEEDED_APPS, *OTHER_APPS.values()]
    # A configuration as an operator writes it: nothing of the checkout is on the path of this process.
    config = real_instance.folder / "nautobot_config.py"
    config.write_text(database.CONFIG.read_text())
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")},
        **real_instance.environment,
        "NAUTOBOT_PLUGINS": ",".join(plugins),
    }

    def run(*command, check=True):
        ended = subprocess.run(
            command, env=environment, cwd=real_instance.folder, check=False, capture_output=True, text=True
        )
        assert not check or ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-6000:]
        return ended

    def nautobot_server(*arguments, check=True):
        return run(environment_with_wheel / "bin" / "nautobot-server", "--config", config, *arguments, check=check)

    def python(code):
        prefix = f"import nautobot; nautobot.setup({str(config)!r})\n"
        return json.loads(run(environment_with_wheel / "bin" / "python", "-c", prefix + code).stdout.splitlines()[-1])

    nautobot_server("migrate")
    compared = python(COMPARE)
    assert compared["differ"] == []
    assert set(compared["roots"]) >= {"nautobot", "nautobot_job_registry", *OTHER_APPS.values()}
    assert nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0

    assert python(SCHEMA) == from_models
