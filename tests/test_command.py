"""The door from the command line, and what it prints."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from nautobot_job_registry.core_bridge import host
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory
from nautobot_job_registry.models import Reconciliation, RegisteredJob

pytestmark = pytest.mark.django_db


def run(*arguments):
    output = io.StringIO()
    call_command("reconcile_jobs", *arguments, stdout=output)
    return output.getvalue()


def write_job(folder, description):
    classes = [JobClassSourceFactory(name="Backup", meta={"description": description})]
    return JobModuleFactory(folder=folder, name="backup", classes=classes)


def test_check_tells_job_field_old_and_new_and_exits_1(jobs_root):
    write_job(jobs_root, "old words")
    run()
    assert run("--check").startswith("Nothing to do.")
    write_job(jobs_root, "new words")
    output = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile_jobs", "--check", stdout=output)
    assert ended.value.code == 1
    line = next(line for line in output.getvalue().splitlines() if "description" in line)
    assert line.split("  ")[0] == "changed"
    for word in ("backup.Backup", "old words", "new words"):
        assert word in line


def test_dry_run_writes_nothing(jobs_root):
    write_job(jobs_root, "words")
    before = Reconciliation.objects.count()
    assert "backup.Backup" in run("--dry-run")
    assert Reconciliation.objects.count() == before
    assert not RegisteredJob.objects.filter(module_name="backup").exists()


def test_json_is_one_document(jobs_root):
    write_job(jobs_root, "old")
    run()
    write_job(jobs_root, "new")
    document = json.loads(run("--dry-run", "--format", "json"))
    change = next(change for change in document["changes"] if change["job"] == "backup.Backup")
    assert change["fields"]["description"] == {"old": "old", "new": "new"}
    assert document["counts"]["changed"] == 1


def test_json_is_one_document_though_a_job_file_prints_something(jobs_root, capsys):
    write_job(jobs_root, "words").write_text("print('loading')\n")
    call_command("reconcile_jobs", "--dry-run", "--format", "json")
    printed = capsys.readouterr()
    assert json.loads(printed.out)["counts"]["uninstalled"] == 0
    assert "loading" in printed.err


@pytest.mark.parametrize("source", ["git:nowhere", ""])
def test_unknown_source_lists_the_known_ones_and_exits_2(source):
    before = Reconciliation.objects.count()
    with pytest.raises(CommandError, match="Known sources: system, app:nautobot_job_registry, local") as caught:
        run("--source", source)
    assert caught.value.returncode == 2
    assert Reconciliation.objects.count() == before


def test_source_limits_what_is_read(jobs_root):
    write_job(jobs_root, "words")
    run("--source", "system")
    assert not RegisteredJob.objects.filter(module_name="backup").exists()
    run("--source", "local")
    assert RegisteredJob.objects.get(module_name="backup").installed
    assert Reconciliation.objects.latest().scope == "local"


def test_database_that_is_not_migrated_gives_one_clear_line(monkeypatch):
    monkeypatch.setattr(host, "_missing_tables", lambda connection: {"gone"})
    with pytest.raises(CommandError, match=r"^The database is not migrated to the latest: run"):
        run()
