"""The clean-up of jobs that were removed long ago (rule 19)."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from nautobot.extras.models import Job, JobHook, JobResult, ObjectChange

from nautobot_job_registry.factory import JobResultFactory, JobScheduleFactory, RegisteredJobFactory, empty_registry
from nautobot_job_registry.lifecycle import purge
from nautobot_job_registry.models import JobRun, RegisteredJob
from tests.support import counted_statements
from tests.test_deletion import make_job

pytestmark = pytest.mark.django_db


def ago(days):
    return timezone.now() - timedelta(days=days)


@pytest.fixture
def jobs():
    empty_registry()
    old = make_job(1, uninstalled_at=ago(100))
    JobResultFactory.create_batch(3, job_model=old.core_job)
    JobScheduleFactory(job=old)
    JobHook.objects.create(name="Hook", job=old.core_job)
    make_job(2, uninstalled_at=ago(50))
    for number, absence in ((3, "load_error"), (4, "source_unavailable"), (99, "unconfirmed")):
        make_job(number, uninstalled_at=ago(500), absence=absence)
    make_job(5, uninstalled_at=None)
    RegisteredJobFactory(module_name="installed")
    return old


def run(*arguments):
    output = io.StringIO()
    call_command("purge_uninstalled_jobs", *arguments, stdout=output)
    return output.getvalue()


def modules():
    return sorted(RegisteredJob.objects.values_list("module_name", flat=True))


def test_dry_run_tells_the_impact_and_deletes_nothing(jobs):
    before = modules()
    told = run("--older-than", "90d", "--dry-run")
    row = next(line for line in told.splitlines() if "gone1.jobs.Gone" in line)
    assert row.split()[2:] == ["3", "1", "1", "0"]
    assert "1 record: 3 runs and 1 schedule lose their link, 1 hook" in told
    assert not any(f"gone{number}." in told for number in (2, 3, 4, 5, 99))
    assert modules() == before


def test_only_what_was_removed_longer_ago_is_deleted(jobs):
    assert "Deleted 1 record." in run("--older-than", "90d", "--no-input")
    assert modules() == ["gone2.jobs", "gone3.jobs", "gone4.jobs", "gone5.jobs", "gone99.jobs", "installed"]
    assert not Job.objects.filter(pk=jobs.core_job_id).exists()
    assert [entry.action for entry in ObjectChange.objects.filter(changed_object_id=jobs.pk)] == ["delete"]
    assert JobRun.objects.filter(job=None, class_path="gone1.jobs.Gone").count() == 3
    assert JobResult.objects.filter(job_model=None, registry_run__class_path="gone1.jobs.Gone").count() == 3
    assert run("--older-than", "12w", "--no-input").startswith("Nothing to delete")


def test_weeks_and_hours_are_understood(jobs):
    assert "2 records" in run("--older-than", "36h", "--dry-run")
    assert "1 record:" in run("--older-than", "12w", "--dry-run")


@pytest.mark.parametrize(("answer", "deleted"), [("yes", True), ("no", False), ("", False)])
def test_deletion_is_asked_for(jobs, monkeypatch, answer, deleted):
    monkeypatch.setattr("builtins.input", lambda question: answer)
    if deleted:
        run("--older-than", "90d")
    else:
        with pytest.raises(CommandError, match="not confirmed") as ended:
            run("--older-than", "90d")
        assert ended.value.returncode == 1
    assert ("gone1.jobs" in modules()) != deleted


@pytest.mark.parametrize("text", ["90", "d", "-1d", "1.5d", "90 d", "ninety", "", "36501d", "999999999w", "٣d"])
def test_wrong_length_of_time_exits_2_and_shows_how_it_is_written(text):
    with pytest.raises(CommandError, match="90d or 12w") as ended:
        run(f"--older-than={text}", "--dry-run")
    assert ended.value.returncode == 2


def test_job_that_came_back_since_the_plan_is_left_alone(jobs):
    planned = purge.plan_purge(timedelta(days=90))
    RegisteredJob.objects.filter(pk=jobs.pk).update(installed=True, absence="")
    assert purge.carry_out_purge(planned) == []
    assert RegisteredJob.objects.filter(pk=jobs.pk).exists()


def test_job_that_was_removed_anew_since_the_plan_is_left_alone(jobs):
    planned = purge.plan_purge(timedelta(days=90))
    RegisteredJob.objects.filter(pk=jobs.pk).update(uninstalled_at=ago(0))
    assert purge.carry_out_purge(planned) == []
    assert RegisteredJob.objects.filter(pk=jobs.pk).exists()


def test_impact_of_many_costs_a_fixed_number_of_statements(jobs):
    counts = []
    for number in (6, 26):
        for index in range(number, number + 20):
            make_job(index, uninstalled_at=ago(100))
        with counted_statements() as statements:
            list(purge.plan_purge(timedelta(days=90)).costs())
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 8
