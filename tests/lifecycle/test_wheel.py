"""The built wheel in a clean environment, in a Nautobot that did not have the app, with other new apps beside it."""

import fcntl
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from development import database
from development.servers import CHECKOUT
from nautobot_job_registry.models import RegisteredJob
from tests.lifecycle.clean_environment import LOCK, clean_environment, pip
from tests.support import differences_from_core

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


def tables():
    models = apps.get_app_config("nautobot_job_registry").get_models(include_auto_created=True)
    return [model._meta.db_table for model in models]


def described(table):
    """Return what a table has; names of indexes differ by a digest, what they hold does not."""
    with connection.cursor() as cursor:
        columns = sorted(map(str, connection.introspection.get_table_description(cursor, table)))
        constraints = connection.introspection.get_constraints(cursor, table)
    kinds = ("columns", "primary_key", "unique", "foreign_key", "check", "index", "definition")
    held = sorted(str([constraint[kind] for kind in kinds]) for constraint in constraints.values())
    return [columns, held]


def schema(instance):
    with instance.models():
        return {table: described(table) for table in tables()}


def take_out(instance):
    """Leave the database as it is where the app was never installed."""
    with instance.models(), connection.cursor() as cursor:
        names = ", ".join(map(connection.ops.quote_name, tables()))
        cursor.execute(f"DROP TABLE {names} CASCADE")
        MigrationRecorder(connection).migration_qs.filter(app="nautobot_job_registry").delete()


def test_wheel_holds_all_that_an_instance_needs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(IN_WHEEL) <= names
    assert not [name for name in names if name.startswith(("tests/", "development/"))]


@pytest.mark.minutes
def test_wheel_migrates_and_reconciles_beside_other_apps(environment_with_wheel, real_instance):
    from_models = schema(real_instance)
    take_out(real_instance)
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

    nautobot_server("migrate")
    assert differences_from_core(real_instance) == []
    with real_instance.models():
        roots = {job.module_name.partition(".")[0] for job in RegisteredJob.objects.all()}
    assert roots >= {"nautobot", "nautobot_job_registry", *OTHER_APPS.values()}
    assert nautobot_server("reconcile_jobs", "--check", check=False).returncode == 0

    assert schema(real_instance) == from_models
