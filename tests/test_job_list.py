"""The list of registered jobs: what an operator decides by, in the columns, the filters and the order."""

from datetime import datetime, timedelta, timezone

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import strip_tags
from nautobot.extras.models import Contact, ContactAssociation, JobResult, Role, Status

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from nautobot_job_registry.tables import RegisteredJobTable
from tests import builders
from tests.support import counted_statements, grant

pytestmark = pytest.mark.django_db
LIST = "/plugins/job-registry/registered-jobs/"
GIT = {"source_type": "git", "source_name": "tools"}


@pytest.fixture(autouse=True)
def empty(db):
    """No job but those of the test."""
    empty_registry()


@pytest.fixture
def page(admin_client):
    """Return the rows of the list as somebody sees them who may do everything."""
    return lambda query="": admin_client.get(f"{LIST}?{query}", headers={"HX-Request": "true"}).content.decode()


@pytest.fixture
def user(django_user_model, client):
    """Somebody who may view jobs, and is logged in."""
    user = django_user_model.objects.create_user(username="reader")
    client.force_login(user)
    grant(user, models.RegisteredJob, ["view"])
    return user


def row(content, job):
    """Return the row of a job."""
    [found] = [part for part in content.split("<tr") if f">{job.name}</a>" in part.replace("<wbr>", "")]
    return found


def text(content, job):
    """Return the text of the row of a job, in one line."""
    return " ".join(strip_tags(row(content, job).replace("<br>", " ")).split())


def names(content):
    """Return which of the jobs are shown, in their order."""
    shown = content.replace("<wbr>", "")
    jobs = [job.name for job in models.RegisteredJob.objects.all() if f">{job.name}</a>" in shown]
    return sorted(jobs, key=lambda name: shown.index(f">{name}</a>"))


def show(user, *columns):
    """Have somebody's list show these columns."""
    user.set_config("tables.RegisteredJobTable.columns", list(columns), commit=True)


# Columns


def test_default_columns_are_those_that_one_decides_by():
    titles = [column.header for column in RegisteredJobTable(models.RegisteredJob.objects.none()).columns.iterall()]
    shown = [column.name for column in RegisteredJobTable(models.RegisteredJob.objects.none()).columns]
    assert shown == ["name", "state", "enabled", "last_run", "overridden", "source", "changed", "actions"]
    for title in ("Description", "Grouping", "Runs", "Owner", "Default job queue", "Time limit", "Last run status"):
        assert title in titles, title


def test_class_path_stands_beneath_the_name_and_breaks_after_dots(page):
    job = builders.job(1)
    assert "module_1.<wbr>jobs.<wbr>Job1" in row(page(), job) and 'title="module_1.jobs.Job1"' in row(page(), job)


def test_overridden_fields_are_named(page):
    job = builders.job(1, time_limit_override=True, name_override=True)
    assert "Name, Time limit" in text(page(), job)


def test_local_source_is_named_once(page):
    job = builders.job(1)
    assert "Local (JOBS_ROOT)" in text(page(), job) and "JOBS_ROOT: " not in text(page(), job)
    assert "): JOBS_ROOT" not in text(page(), job)


def test_source_has_its_version_and_a_commit_can_be_copied(page):
    job = builders.job(1, source_version="ab" * 20, **GIT)
    assert "Git repository: tools @ abababab" in text(page(), job)
    assert f'data-clipboard-text="{"ab" * 20}"' in row(page(), job)


def test_last_run_is_the_latest_with_its_status(page):
    job, other = builders.job(1), builders.job(2)
    for number, status in ((1, "SUCCESS"), (5, "FAILURE"), (3, "SUCCESS")):
        builders.run(number, job=job, job_result=JobResult.objects.create(name="x", status=status))
    latest = models.JobRun.objects.get(created=builders.moment(5))
    assert "2026-01-05 12:00" in text(page(), job) and "Failed" in text(page(), job)
    assert latest.get_absolute_url() in row(page(), job)
    assert "Failed" not in text(page(), other) and "2026" not in text(page(), other)


def test_last_run_is_one_that_the_reader_may_view(client, user):
    job = builders.job(1)
    builders.run(1, job=job)
    builders.run(2, job=job, worker="secret")
    page = lambda: client.get(LIST, headers={"HX-Request": "true"}).content.decode()  # noqa: E731
    assert "2026-01" not in text(page(), job)
    grant(user, models.JobRun, ["view"], {"worker": "celery@worker1"})
    assert "2026-01-01 12:00" in text(page(), job)


def test_jobs_are_sorted_by_their_last_run_those_without_one_last(page):
    jobs = [builders.job(number) for number in (1, 2, 3)]
    builders.run(1, job=jobs[1])
    builders.run(2, job=jobs[2])
    assert names(page("sort=-last_run")) == ["Job number 3", "Job number 2", "Job number 1"]
    assert names(page("sort=last_run")) == ["Job number 2", "Job number 3", "Job number 1"]


def test_change_is_that_of_the_source_or_the_removal_whichever_was_later(page):
    said, gone = builders.job(1), builders.job(2, uninstalled_at=builders.moment(9), installed=False, absence="removed")
    neither = builders.job(3)
    for job in (said, gone):
        revision = builders.revision(job)
        # Its own manager refuses: a revision is never changed.
        QuerySet(models.JobRevision).filter(pk=revision.pk).update(created=builders.moment(5))
    content = page()
    assert "2026-01-05 12:00" in text(content, said) and "2026-01-09 12:00" in text(content, gone)
    assert "2026" not in text(content, neither)
    assert names(page("sort=-changed")) == ["Job number 2", "Job number 1", "Job number 3"]


def test_owner_runs_queue_and_limits_can_be_shown(admin_user, page):
    job = builders.job(1, soft_time_limit=1800, description="Counts. " * 40)
    builders.run(1, job=job)
    contact, role = Contact.objects.create(name="Ada"), Role.objects.create(name="Owner of jobs")
    kind = ContentType.objects.get_for_model(ContactAssociation)
    role.content_types.add(kind)
    status = Status.objects.create(name="In charge")
    status.content_types.add(kind)
    ContactAssociation.objects.create(
        contact=contact,
        associated_object_type=ContentType.objects.get_for_model(models.RegisteredJob),
        associated_object_id=job.pk,
        role=role,
        status=status,
    )
    show(admin_user, "name", "owner", "runs", "soft_time_limit", "time_limit", "description", "last_status")
    shown = text(page(), job)
    for part in ("Ada (Owner of jobs)", "1800 seconds", "seconds (system default)", "Counts. Counts.", "Completed"):
        assert part in shown, part
    assert f'href="/plugins/job-registry/job-runs/?job={job.pk}">1</a>' in row(page(), job)
    assert 0 < shown.count("Counts.") < 20


def test_all_columns_take_as_many_statements_for_many_rows_as_for_few(admin_client, admin_user):
    for number in range(1, 31):
        repository = builders.repository(f"R{number}", f"r{number}")
        job = builders.job(number, source_type="git", git_repository=repository, time_limit_override=True)
        builders.revision(job)
        builders.run(number % 27 + 1, job=job)
    hidden = [name for name in RegisteredJobTable.base_columns if name not in ("dynamic_group_count",)]
    counts = {}
    for columns in (None, hidden):
        if columns:
            show(admin_user, *columns)
        for rows in (5, 5, 30):
            with counted_statements() as statements:
                admin_client.get(f"{LIST}?per_page={rows}", headers={"HX-Request": "true"})
            counts[bool(columns), rows] = len(statements)
    assert counts[False, 5] == counts[False, 30] <= 15
    assert counts[True, 5] == counts[True, 30] <= 20


# The state


@pytest.fixture
def states():
    """Jobs in all the states that a list is asked for, by the state."""
    jobs = {
        "installed": builders.job(1, enabled=True),
        "not_enabled": builders.job(2, enabled=False),
        **{
            absence: builders.job(number, installed=False, absence=absence, enabled=True)
            for number, absence in enumerate(("removed", "load_error", "unconfirmed", "source_unavailable"), start=3)
        },
        "drifted": builders.job(7, enabled=True, description="chosen", description_override=True),
        "sync_rejected": builders.job(8, enabled=True, **GIT),
    }
    for number, said in ((1, "old"), (2, "new")):
        builders.revision(jobs["drifted"], number=number, metadata={"description": said})
    drifted = models.FieldOverride.objects.filter(job=jobs["drifted"], field="description")
    drifted.update(source_value="old", source_is_known=True)
    builders.load_error(1, effective_version="a" * 40, **GIT)
    return jobs


@pytest.mark.parametrize(
    "wanted",
    [
        ("removed",),
        ("load_error",),
        ("unconfirmed",),
        ("source_unavailable",),
        ("not_enabled",),
        ("drifted",),
        ("sync_rejected",),
        ("removed", "drifted", "sync_rejected"),
    ],
)
def test_one_filter_asks_for_any_state(page, states, wanted):
    query = "&".join(f"state={state}" for state in wanted)
    assert set(names(page(query))) == {states[state].name for state in wanted}


def test_filter_for_what_is_installed_and_for_all(page, states):
    installed = {states[state].name for state in ("installed", "not_enabled", "drifted", "sync_rejected")}
    assert set(names(page("state=installed"))) == installed
    assert len(names(page())) == len(states)


def test_old_filters_stay_for_links(page, states):
    assert names(page("installed=false&absence=removed")) == [states["removed"].name]


def test_job_of_a_source_whose_sync_was_rejected_says_so_until_that_is_resolved(page, states):
    job = states["sync_rejected"]
    assert "sync rejected" in text(page(), job) and "table-warning" in row(page(), job)
    assert "sync rejected" not in text(page(), states["installed"])
    models.JobLoadError.objects.update(resolved_at=datetime.now(timezone.utc) + timedelta(days=-1))
    assert "sync rejected" not in text(page(), job) and "table-warning" not in row(page(), job)


def test_job_that_was_probably_moved_says_so_in_words(page):
    old = builders.job(1, installed=False, absence="removed")
    job = builders.job(2, predecessor=old)
    assert "probably moved" in text(page(), job)


def test_basic_filters_ask_for_the_state_and_for_parts_of_name_and_grouping(admin_client, page):
    builders.job(1)
    builders.job(2)
    form = admin_client.get(LIST).content.decode()
    for field in ('name="state"', 'name="name__ic"', 'name="grouping__ic"'):
        assert field in form, field
    assert names(page("name__ic=NUMBER+1")) == ["Job number 1"]
    assert names(page("grouping__ic=ing+2")) == ["Job number 2"]


def test_search_of_nautobot_finds_jobs_load_errors_and_suspensions(admin_client):
    builders.job(1, name="needle job")
    builders.load_error(1, message="needle in the file")
    builders.suspension(1, object_name="needle schedule")
    found = admin_client.get(reverse("search"), {"q": "needle"}).content.decode()
    for model, shown in (
        ("registeredjob", "needle job"),
        ("jobloaderror", "needle in the file"),
        ("suspension", "needle schedule"),
    ):
        label = f"nautobot_job_registry.{model}"
        assert label in found
        query = {"q": "needle", "model": label}
        answer = admin_client.get(reverse("search"), query, headers={"HX-Request": "true"})
        assert shown in answer.content.decode().replace("<wbr>", ""), model
