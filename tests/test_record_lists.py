"""The lists of revisions, runs, overrides, suspensions and reconciliations: their order, columns and words."""

from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import strip_tags
from nautobot.apps.utils import get_route_for_model
from nautobot.extras.models import JobResult

from nautobot_job_registry import models
from nautobot_job_registry.factory import empty_registry
from tests import builders
from tests.support import grant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty(db):
    """No rows but those of the test."""
    empty_registry()


@pytest.fixture
def rows(admin_client):
    """Return the rows of the list of a model as texts, each in one line."""

    def read(model, query=""):
        return texts(admin_client, model, query)

    return read


def address(model):
    return reverse(get_route_for_model(model, "list"))


def table(client, model, query=""):
    """Return what a list shows."""
    return client.get(f"{address(model)}?{query}", headers={"HX-Request": "true"}).content.decode()


def texts(client, model, query=""):
    found = table(client, model, query).split("<tbody>")[1].split("</tbody>")[0].split("</tr>")[:-1]
    return [" ".join(strip_tags(row.replace("<br>", " ")).split()) for row in found]


def headers(client, model):
    """Return the names of the columns that a list shows by default."""
    head = table(client, model).split("<thead>")[1].split("</thead>")[0]
    found = (" ".join(strip_tags(cell.split(">", 1)[1]).split()) for cell in head.split("<th ")[1:])
    return [name.split(" activate to sort")[0] for name in found]


# Revisions


@pytest.fixture
def revisions():
    """Two jobs, of which the one was seen first on the fifth, and changed on the ninth."""
    jobs = builders.job(1), builders.job(2)
    made = ((jobs[0], 1, 5), (jobs[1], 1, 7), (jobs[0], 2, 9))
    for job, number, day in made:
        row = builders.revision(job, number=number, metadata={"description": f"Said {number}"})
        # Its own manager refuses: a revision is never changed.
        QuerySet(models.JobRevision).filter(pk=row.pk).update(created=builders.moment(day))
    return jobs


def test_latest_revisions_come_first_whatever_their_jobs_are(rows, revisions):
    assert [row[:10] for row in rows(models.JobRevision)] == ["2026-01-09", "2026-01-07", "2026-01-05"]


def test_first_revisions_of_jobs_can_be_left_out(rows, revisions):
    assert ["Job number 1 2 Description" in row for row in rows(models.JobRevision, "first_seen=false")] == [True]
    assert len(rows(models.JobRevision, "first_seen=true")) == 2


def test_title_of_a_revision_names_its_job(admin_client, revisions):
    content = admin_client.get(revisions[0].current_revision.get_absolute_url()).content.decode()
    assert "<title>Job number 1: revision 2 - Nautobot</title>" in content


# Runs


def run(number, status="SUCCESS", seconds=None, **values):
    """Store a run that began on its day, and took some seconds."""
    begun = builders.moment(number) if status != "PENDING" else None
    done = begun + timedelta(seconds=seconds) if seconds else None
    result = JobResult.objects.create(name=f"Run {number}", status=status)
    JobResult.objects.filter(pk=result.pk).update(date_started=begun, date_done=done)
    return builders.run(number, job_result=result, **values)


def test_columns_of_runs_say_how_a_run_went(admin_client):
    run(1)
    names = ["Requested", "Job", "Status", "Started", "Duration", "Code", "Worker", "User"]
    assert headers(admin_client, models.JobRun)[:8] == names


def test_run_has_the_status_of_nautobot_and_a_duration(rows):
    run(1, seconds=65)
    run(2, "FAILURE", seconds=0.25)
    failed, completed = rows(models.JobRun)
    assert "Completed 2026-01-01 12:00 1 min 5 s" in completed
    assert "Failed 2026-01-02 12:00 0.2 s" in failed


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"status": "PENDING", "code_hash": ""}, "not started &mdash; not started"),
        ({"code_hash": ""}, "2026-01-01 12:00 &mdash; unknown"),
        ({"code_hash": "ab" * 32}, "before registration"),
        ({"code_hash": "ab" * 32, "is_skewed": True}, "skewed: unknown code"),
    ],
)
def test_code_of_a_run_is_told_in_words(rows, admin_client, values, code):
    row = run(1, **values)
    assert code in rows(models.JobRun)[0]
    page = admin_client.get(row.get_absolute_url()).content.decode()
    assert ("The run has not begun" in page) == (values.get("status") == "PENDING")


def test_run_names_its_revision(rows):
    job = builders.job(1)
    run(1, job=job, revision=builders.revision(job), code_hash="ab" * 32)
    assert "current revision 1" in rows(models.JobRun)[0]


# Overrides


def test_override_says_when_it_ends_and_where_it_was_made(rows, admin_client, admin_user):
    override = builders.override(1)
    models.FieldOverride.objects.update(expires_at=builders.moment(9), set_by=admin_user, created=builders.moment(2))
    [row] = rows(models.FieldOverride)
    assert "Description Job number 1 chosen" in row
    assert "in step 2026-01-09 12:00 2026-01-02 12:00 by admin" in row
    models.FieldOverride.objects.update(set_by=None, origin="core")
    assert "Edited in Nautobot&#x27;s Jobs page" in rows(models.FieldOverride)[0]
    assert "Edited in Nautobot&#x27;s Jobs page" in admin_client.get(override.get_absolute_url()).content.decode()
    names = headers(admin_client, models.FieldOverride)
    assert {"Value", "Source when set", "Source now", "State", "Ends", "Reason"} < set(names)


def test_overrides_are_sorted_by_state_and_by_value(rows):
    for number in (1, 2, 3):
        override = builders.override(number)
        models.FieldOverride.objects.filter(pk=override.pk).update(
            value=f"value {number % 3}",
            source_value="source" if number != 2 else "another one",
            source_is_known=True,
        )
    assert ["drifted" in row for row in rows(models.FieldOverride, "sort=-state")] == [True, False, False]
    assert ["drifted" in row for row in rows(models.FieldOverride, "sort=state")] == [False, False, True]
    shown = [row.split("value ")[1][0] for row in rows(models.FieldOverride, "sort=value")]
    assert shown == ["0", "1", "2"]


# Suspensions


def test_suspension_shows_no_digest_and_times_as_all_pages_do(admin_client):
    state = {
        "enabled": True,
        "inputs": "44136fa3" * 8,
        "decision_date": "2026-01-05T09:00:00.123456+00:00",
        "state": "x",
    }
    row = builders.suspension(1, previous_state=state)
    content = admin_client.get(row.get_absolute_url()).content.decode()
    assert "44136fa3" not in content and "Inputs" not in content and ".123456" not in strip_tags(content)
    assert 'title="2026-01-05 09:00:00 UTC"' in content


def test_value_of_a_state_that_looks_like_a_moment_and_is_none_is_shown_as_it_is(admin_client):
    row = builders.suspension(1, previous_state={"name": "2026-13-45 99:99 backup", "other": "2026-01-05 09:00"})
    content = admin_client.get(row.get_absolute_url()).content.decode()
    assert "2026-13-45 99:99 backup" in content and "2026-01-05 09:00" in content


# Reconciliations


def test_reconcile_in_which_errors_came_up_is_no_full_success(rows):
    builders.reconciliation(1, errors_opened=2)
    builders.reconciliation(2)
    builders.reconciliation(3, status="failed", errors_opened=2)
    assert [row.split(" ago ")[1].split(" ")[0] for row in rows(models.Reconciliation)] == [
        "Failed",
        "Succeeded",
        "Succeeded,",
    ]
    assert "Succeeded, with errors" in rows(models.Reconciliation)[2]


def test_reconcile_says_how_long_it_took_what_it_read_and_who_asked(rows, admin_user):
    end = builders.moment(1) + timedelta(seconds=0.16553)
    builders.reconciliation(1, scope="all", finished=end, user=admin_user)
    [row] = rows(models.Reconciliation)
    assert "All sources 0.2 s admin" in row


# All of them


ALL = (
    models.RegisteredJob,
    models.JobRevision,
    models.JobRun,
    models.JobSchedule,
    models.FieldOverride,
    models.JobLoadError,
    models.Reconciliation,
    models.Suspension,
)


def test_rows_can_be_ticked_where_something_is_done_with_them(admin_client):
    builders.run(1), builders.schedule(1), builders.reconciliation(1), builders.load_error(1)
    builders.suspension(1), builders.revision(builders.override(1).job, number=2)
    ticked = {model for model in ALL if 'name="pk"' in table(admin_client, model)}
    assert ticked == {models.RegisteredJob, models.FieldOverride, models.Suspension}


def test_page_menu_and_breadcrumb_have_one_name(admin_client):
    home = admin_client.get(reverse("home")).content.decode()
    for model in ALL:
        content = admin_client.get(address(model)).content.decode()
        name = content.split("<title>")[1].split(" - Nautobot")[0]
        menu = home.split(f'href="{address(model)}')[1].split(">", 1)[1].split("</a>")[0].strip()
        assert name == menu, model


def test_links_lead_where_the_reader_may_go(client, django_user_model):
    user = django_user_model.objects.create_user(username="reader")
    client.force_login(user)
    job = builders.job(1)
    row = builders.run(1, job=job, revision=builders.revision(job))
    grant(user, models.JobRun, ["view"])
    content = table(client, models.JobRun)
    assert "Job number 1" in content
    for other in (job, row.revision, row.job_result):
        assert other.get_absolute_url() not in content
    grant(user, models.RegisteredJob, ["view"])
    assert job.get_absolute_url() in table(client, models.JobRun)
