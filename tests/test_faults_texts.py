"""Faults that were found: a text of unknown size is cut first, and what is hidden in one is shown as escapes."""

import json
import logging
import time
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError
from nautobot.apps.testing import create_job_result_and_run_job
from nautobot.extras.models import JobLogEntry, JobResult, ScheduledJob

from nautobot_job_registry import datasources, metrics
from nautobot_job_registry.core_bridge import host
from nautobot_job_registry.engine.text import MAX_ERROR_LENGTH, failure_text, log_text
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.history.values import MAX_SHOWN
from nautobot_job_registry.management.commands import purge_uninstalled_jobs
from nautobot_job_registry.models import JobLoadError, Reconciliation, RegisteredJob
from nautobot_job_registry.reconcile import reconcile, store
from nautobot_job_registry.sources import blame
from nautobot_job_registry.sources.files import MAX_PATH
from nautobot_job_registry.views.details import code, comparison
from tests.support import refresh_core

pytestmark = pytest.mark.django_db

LONG = "x" * 5_000_000
# Escape, bell, a turn of the text, nothing wide, and what ends a line for a terminal or a browser.
HIDDEN = "\x1b[31m\x07\u202e\u200b\x9b\u2028\r"
HEAD = "from nautobot.apps.jobs import Job, StringVar, register_jobs\n"


@pytest.fixture(autouse=True)
def forgotten(db):
    empty_registry()


def job(folder, module, /, **meta):
    text = f"{HEAD}\nclass Odd(Job):\n    class Meta:\n        pass\n"
    text += "".join(f"        {key} = {value}\n" for key, value in meta.items())
    (folder / f"{module}.py").write_text(f"{text}    def run(self): pass\n\nregister_jobs(Odd)\n")


def timed(call, seconds=20):
    started = time.monotonic()
    result = call()
    assert time.monotonic() - started < seconds
    return result


# Load errors


ENDLESS = {
    "many frames of one long line": f"x = '{'y' * 500_000}'; f = lambda: f(); f()\n",
    "a long name of a file": f"compile('1 +', '{'f' * 1_000_000}', 'exec')\n",
    "a long name of a frame's file": f"exec(compile('1 / 0', '{'f' * 1_000_000}', 'exec'))\n",
    "a long line that is no Python": f"x = = '{'y' * 1_000_000}'\n",
    "a long name of an exception": "raise type('E' * 1_000_000, (Exception,), {})('x')\n",
    "many notes": "error = ValueError('x')\nerror.__notes__ = ['n' * 100] * 100_000\nraise error\n",
    "a chain of causes": "error = None\nfor number in range(900):\n    error, cause = ValueError('x' * 1000), error\n"
    "    error.__cause__ = cause\nraise error\n",
}


def test_what_a_broken_module_tells_is_cut_whatever_is_long_in_it(jobs_root):
    for number, text in enumerate(ENDLESS.values()):
        (jobs_root / f"long{number}.py").write_text(text)
    timed(reconcile)
    found = {error.module_name: error for error in JobLoadError.objects.all()}
    for number, how in enumerate(ENDLESS):
        error = found[f"long{number}"]
        for told in (error.message, error.traceback):
            assert len(told) < MAX_ERROR_LENGTH + 3000, how
        assert len(error.file_path) < MAX_PATH + 100, how
        assert error.traceback, how
    [row] = Reconciliation.objects.all()
    assert len(json.dumps(row.changes)) < 300_000
    assert timed(lambda: reconcile(dry_run=True)).plan.is_empty


def test_traceback_of_many_frames_has_its_beginning_and_its_end(jobs_root):
    (jobs_root / "deep.py").write_text("def f(n):\n    return f(n + 1)\n\nf(0)\n")
    reconcile()
    told = JobLoadError.objects.get().traceback
    assert "line 4, in <module>" in told
    assert told.rstrip().endswith("maximum recursion depth exceeded")


def test_line_of_a_flawed_class_is_found_in_a_large_module_at_once(jobs_root):
    """Each reconcile asks for it; to have Python parse the module for each class took seconds each time."""
    classes = "".join(
        f"class Odd{number}(Job):\n    hidden = 1\n    def run(self): pass\n\nregister_jobs(Odd{number})\n"
        for number in range(40)
    )
    (jobs_root / "large.py").write_text(
        f"{HEAD}{'x = [1, 2, (3, 4)]' * 1}\n{'y = x + [5]' + chr(10)}{classes}" + "z = 1\n" * 60_000
    )
    reconcile()
    timed(lambda: reconcile(dry_run=True), 10)
    lines = {error.job_class_name: error.line for error in JobLoadError.objects.all()}
    assert len(lines) == 40
    text = (jobs_root / "large.py").read_text().splitlines()
    assert all(text[line - 1] == f"class {name}(Job):" for name, line in lines.items())


# What is stored, and shown


def test_long_description_is_stored_whole_and_told_cut(jobs_root):
    job(jobs_root, "odd", description="'first'")
    refresh_core()
    reconcile()
    job(jobs_root, "odd", description=f"'a' + 'x' * {len(LONG)} + 'b'")
    refresh_core()
    timed(reconcile)
    record = RegisteredJob.objects.get(job_class_name="Odd")
    assert len(record.description) == len(LONG) + 2
    assert record.current_revision.metadata["description"] == record.description
    changed = Reconciliation.objects.latest().changes
    assert len(json.dumps(changed)) < 3 * MAX_SHOWN
    assert reconcile(dry_run=True).plan.is_empty


def test_long_list_of_earlier_paths_is_a_flaw(jobs_root):
    (jobs_root / "odd.py").write_text(
        f"{HEAD}\nclass Odd(Job):\n    previous_class_paths = ['x' * 1_000_000]\n"
        "    def run(self): pass\n\nregister_jobs(Odd)\n"
    )
    reconcile()
    assert "previous_class_paths" in JobLoadError.objects.get().message
    assert RegisteredJob.objects.get(job_class_name="Odd").current_revision.metadata["previous_class_paths"] == []


def test_page_of_code_cuts_a_long_line():
    panel = SimpleNamespace(get_value=lambda context: f"a = 1\nb = '{LONG}'\n")
    page = timed(lambda: code.CodePanel.render_body_content(panel, None))
    assert len(page) < 10_000
    assert "characters cut]" in page


@pytest.mark.parametrize("view", [comparison.UNIFIED, comparison.SIDE_BY_SIDE])
def test_diff_of_code_cuts_a_long_line(view):
    compared = comparison.diff.compare_texts(f"a = 1\nb = '{LONG}1'\n", f"a = 1\nb = '{LONG}2'\n")
    rows = timed(lambda: list(comparison.code_rows(compared, view)))
    assert len(json.dumps(rows)) < 20_000
    if view == comparison.SIDE_BY_SIDE:
        assert any(row["old"]["text"] != row["new"]["text"] for row in rows if "old" in row)


# Logs


def hidden_in(text):
    return [sign for sign in HIDDEN.replace("[31m", "") if sign in text]


def test_log_text_is_cut_and_shows_what_is_hidden():
    told = log_text(f"{HIDDEN}{LONG}")
    assert not hidden_in(told)
    assert "\\x1b[31m\\x07\\u202e\\u200b\\x9b\\u2028\\r" in told
    assert len(told) < MAX_ERROR_LENGTH + 1000
    assert "RuntimeError: \\x1b" in failure_text(RuntimeError("\x1b"))


def fail(*args, **kwargs):
    raise DatabaseError(f"{HIDDEN}{LONG}")


def is_well_told(text):
    assert "\\x1b" in text
    assert "characters cut]" in text
    assert len(text) < 5 * MAX_ERROR_LENGTH
    assert not hidden_in(text)


def test_log_of_a_failed_reconcile_is_cut(jobs_root, monkeypatch, caplog):
    monkeypatch.setattr(store, "read_records", fail)
    caplog.set_level(logging.INFO, logger="nautobot_job_registry")
    with pytest.raises(DatabaseError):
        timed(lambda: reconcile("local"))
    is_well_told(caplog.text)
    assert len(Reconciliation.objects.latest().error) < 2 * MAX_ERROR_LENGTH


def test_log_of_what_could_not_be_done_is_cut(caplog):
    with host.harmless(f"look at {HIDDEN}{LONG}"):
        fail()
    is_well_told(caplog.text)


def test_log_of_git_and_of_metrics_is_cut(caplog, monkeypatch):
    def refuse(*args):
        raise OSError(f"{HIDDEN}{LONG}")

    caplog.set_level(logging.INFO, logger="nautobot_job_registry")
    monkeypatch.setattr(blame, "Repo", refuse)
    assert blame._last_commits("clone", "version", ["path"]) == {}
    is_well_told(caplog.text)
    caplog.clear()
    monkeypatch.setattr(metrics, "_read", fail)
    list(metrics.registry_metrics())
    is_well_told(caplog.text)


def test_log_of_a_sync_is_cut(monkeypatch):
    monkeypatch.setattr(datasources, "_reconcile", fail)
    result = JobResult.objects.create(name="sync")
    repository = SimpleNamespace(slug="odd", provided_contents=["extras.job"])
    timed(lambda: datasources.refresh_registered_jobs(repository, result))
    [entry] = JobLogEntry.objects.filter(job_result=result)
    is_well_told(entry.message)


def test_log_of_a_job_shows_what_is_hidden_in_names_and_messages(jobs_root):
    job(jobs_root, "odd", name=repr(f"{HIDDEN}name"), description=repr(HIDDEN))
    (jobs_root / "broken.py").write_text(
        f"raise type({'E' + HIDDEN!r}, (Exception,), {{}})({HIDDEN + LONG[:20_000]!r})\n"
    )
    (jobs_root / "named.py").write_text(
        f"{HEAD}\nclass Odd(Job):\n    def run(self): pass\n\nOdd.__name__ = {'Odd' + HIDDEN!r}\nregister_jobs(Odd)\n"
    )
    refresh_core()
    result = create_job_result_and_run_job(
        "nautobot_job_registry.jobs", "ReconcileJobRegistry", source="", dryrun=False
    )
    assert result.status == "SUCCESS"
    told = "\n".join(JobLogEntry.objects.filter(job_result=result).values_list("message", flat=True))
    assert "broken" in told
    assert "\\x1b" in told
    assert not hidden_in(told)


# Terminals


def output_of(capsys, *args, **options):
    try:
        call_command(*args, **options)
    except CommandError as error:
        return str(error)
    except SystemExit:
        pass
    return capsys.readouterr().out


@pytest.mark.parametrize("how", ["--dry-run", "--check", None])
@pytest.mark.parametrize("style", ["table", "json"])
def test_reconcile_jobs_shows_what_is_hidden(jobs_root, capsys, how, style):
    job(jobs_root, "odd", name="'first'")
    refresh_core()
    reconcile()
    job(jobs_root, "odd", name=repr(f"{HIDDEN}name"))
    (jobs_root / "broken.py").write_text(f"raise ValueError({HIDDEN!r})\n")
    shown = output_of(capsys, "reconcile_jobs", *([how] if how else []), f"--format={style}")
    assert "broken" in shown
    assert not hidden_in(shown)


def test_other_commands_show_what_is_hidden(capsys, monkeypatch):
    user = get_user_model().objects.create_superuser("operator", "operator@example.com", "operator")
    assert not hidden_in(output_of(capsys, "schedule_override_ends", user=f"{HIDDEN}nobody"))
    assert not hidden_in(output_of(capsys, "reconcile_jobs", source=f"app:{HIDDEN}"))
    assert not hidden_in(output_of(capsys, "purge_uninstalled_jobs", older_than=f"{HIDDEN}"))
    ScheduledJob.objects.create(
        name="End overrides of jobs", task="other.Job", interval="daily", start_time="2026-01-01T00:00Z", user=user
    )
    assert not hidden_in(output_of(capsys, "schedule_override_ends", user="operator"))
    gone = SimpleNamespace(class_path=f"gone.{HIDDEN}", uninstalled_at=user.date_joined)
    costs = SimpleNamespace(runs=1, schedules=1, job_hooks=0, job_buttons=0)
    found = SimpleNamespace(jobs=[gone], costs=lambda: [(gone, costs)])
    assert not hidden_in(purge_uninstalled_jobs.shown(found))

    def refuse(*args):
        raise OperationalError(f"{HIDDEN}{LONG}\nmore")

    monkeypatch.setattr(host, "is_migrated", refuse)
    for command in ("reconcile_jobs", "clean_up_job_registry", "anchor_job_runs"):
        is_well_told(output_of(capsys, command))


def test_database_that_says_nothing_is_told_all_the_same(capsys, monkeypatch):
    def refuse(*args):
        raise OperationalError

    monkeypatch.setattr(host, "is_migrated", refuse)
    assert "cannot be used" in output_of(capsys, "reconcile_jobs")
