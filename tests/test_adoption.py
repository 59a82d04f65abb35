"""A job that moved adopts the past of its old record (rule 21), through the reconcile, REST and the pages."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from nautobot.extras.models import (
    Job,
    JobButton,
    JobHook,
    JobQueue,
    JobResult,
    Note,
    ObjectChange,
    ScheduledJob,
    ScheduledJobs,
    Tag,
)
from nautobot.users.models import ObjectPermission, Token

from nautobot_job_registry.factory import (
    JobClassSourceFactory,
    JobModuleFactory,
    JobResultFactory,
    JobRunFactory,
    JobScheduleFactory,
    ScheduledJobFactory,
    SuspensionFactory,
    empty_registry,
)
from nautobot_job_registry.filters import ReconciliationFilterSet
from nautobot_job_registry.lifecycle.moves import adopting
from nautobot_job_registry.lifecycle.moves.proposals import SAME_TEXT
from nautobot_job_registry.models import JobRevision, JobRun, JobSchedule, Reconciliation, RegisteredJob, Suspension
from nautobot_job_registry.reconcile import reconcile
from tests.support import counted_statements, grant, refresh_core

pytestmark = pytest.mark.django_db
UI = "plugins:nautobot_job_registry:registeredjob"
API = "plugins-api:nautobot_job_registry-api:registeredjob"


def write_job(folder, module, name="Backup", base="Job", body="", **meta):
    source = JobClassSourceFactory(name=name, base=base, body=body, meta={"name": "Back up", **meta})
    return JobModuleFactory(folder=folder, name=module, classes=[source])


def record(module, name="Backup"):
    return RegisteredJob.objects.get(module_name=module, job_class_name=name)


def reconciled():
    refresh_core()
    return reconcile()


def move(folder, old="old_jobs", new="new_jobs", **values):
    (folder / f"{old}.py").unlink()
    write_job(folder, new, **values)
    return reconciled()


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("operator", "operator@example.com", "secret")


@pytest.fixture
def old(jobs_root, user):
    """A job with two revisions, enabled, overridden, with runs, schedules, a tag and a note; some without anchors."""
    empty_registry()
    for description in ("first", "second"):
        write_job(jobs_root, "old_jobs", description=description)
        reconciled()
    job = record("old_jobs")
    job.enabled = True
    job.time_limit, job.time_limit_override = 77, True
    job.save()
    job.field_overrides.update(reason="It is slow", set_by=user)
    JobRunFactory(job=job, revision=job.revisions.get(number=1))
    result = JobResultFactory(job_model=job.core_job)
    JobScheduleFactory(job=job, scheduled_job__name="anchored")
    schedule = ScheduledJobFactory(job_model=job.core_job, name="not anchored")
    JobRun.objects.filter(job_result=result).delete()
    JobSchedule.objects.filter(scheduled_job=schedule).delete()
    tag = Tag.objects.create(name="nightly")
    tag.content_types.add(ContentType.objects.get_for_model(RegisteredJob))
    job.tags.add(tag)
    Note.objects.create(assigned_object=job, user=user, note="Ask first")
    return job


@pytest.fixture
def new(old, jobs_root):
    """The job that it has become, with the predecessor proposed."""
    move(jobs_root, description="second")
    return record("new_jobs")


def rest(user, job, address="adopt", data=None, status=200):
    token, _ = Token.objects.get_or_create(user=user)
    headers = {"Authorization": f"Token {token.key}"}
    url = reverse(f"{API}-{address}", kwargs={"pk": job.pk})
    response = Client().post(url, data or {}, content_type="application/json", headers=headers)
    assert response.status_code == status, response.content
    return response.json()


def by_rest(user, job):
    rest(user, job)


def by_page(user, job):
    client = Client()
    client.force_login(user)
    url = reverse(f"{UI}_adopt", kwargs={"pk": job.pk})
    predecessor = client.get(url).content.decode().split('name="predecessor" value="')[1].split('"')[0]
    client.post(url, {"predecessor": predecessor, "_confirm": ""})


def test_move_is_proposed_with_its_grounds_and_stays_the_same_at_the_next_reconcile(new, old):
    assert (new.predecessor, new.predecessor_grounds) == (old, SAME_TEXT)
    told = [entry for entry in Reconciliation.objects.latest().changes if entry["action"] == "propose"]
    assert [(entry["job"], entry["fields"]["predecessor"]["new"]) for entry in told] == [
        ("new_jobs.Backup", "old_jobs.Backup")
    ]
    assert (new.name, new.enabled) == ("Back up", False)
    assert reconcile().plan.is_empty


@pytest.mark.parametrize("adopt", [by_rest, by_page])
def test_adoption_moves_the_past_and_undoes_the_number_in_the_name(new, old, user, adopt):
    old_core, changed_at = old.core_job_id, ScheduledJobs.last_change()
    adopt(user, new)
    job = record("new_jobs")
    core_job = job.core_job
    assert not RegisteredJob.objects.filter(pk=old.pk).exists()
    assert not Job.objects.filter(pk=old_core).exists()
    assert [run.job_result.job_model for run in job.runs.all()] == [core_job] * 2
    assert {run.class_path for run in job.runs.all()} == {"old_jobs.Backup"}
    for schedule in ScheduledJob.objects.filter(name__in=("anchored", "not anchored")):
        assert (schedule.task, schedule.job_model) == ("new_jobs.Backup", core_job)
        assert (schedule.registry_schedule.job, schedule.registry_schedule.class_path) == (job, "new_jobs.Backup")
    assert ScheduledJobs.last_change() > changed_at
    for side in (job, core_job):
        assert (side.name, side.name_override, side.enabled) == ("Back up", False, True)
        assert (side.time_limit, side.time_limit_override) == (77, True)
    row = job.field_overrides.get()
    assert (row.field, row.reason, row.set_by) == ("time_limit", "It is slow", user)
    assert [tag.name for tag in job.tags.all()] == ["nightly"]
    assert [note.note for note in job.notes] == ["Ask first"]
    assert (job.predecessor, job.predecessor_grounds) == (None, "")
    assert reconciled().plan.is_empty


def test_history_is_on_the_new_record_with_the_numbers_of_the_old_one(new, old, user):
    before = list(old.revisions.order_by("number").values("pk", "number", "metadata", "source_hash", "created"))
    own = new.current_revision
    rest(user, new)
    job = record("new_jobs")
    after = job.revisions.order_by("number").values("pk", "number", "metadata", "source_hash", "created")
    assert list(after)[:2] == before
    assert [(row["pk"], row["number"]) for row in after][2:] == [(own.pk, 3)]
    assert job.current_revision == own
    assert job.runs.get(revision__number=1).revision.pk == before[0]["pk"]
    assert not JobRevision.objects.filter(number__gte=1_000_000).exists()


def test_next_revision_counts_on(new, user, jobs_root):
    rest(user, new)
    write_job(jobs_root, "new_jobs", description="third")
    reconcile()
    assert record("new_jobs").current_revision.number == 4


def test_record_says_what_it_adopted(new, old, user):
    entry = rest(user, new)["adopted_records"][0]
    assert (entry["id"], entry["class_path"]) == (str(old.pk), "old_jobs.Backup")
    assert (entry["adopted_by"], entry["declared"], entry["overrides"]) == ("operator", False, ["time_limit"])
    assert {kind: entry["moved"][kind] for kind in ("runs", "schedules", "revisions")} == {
        "runs": 2,
        "schedules": 2,
        "revisions": 2,
    }
    client = Client()
    client.force_login(user)
    page = client.get(new.get_absolute_url()).content.decode()
    assert "old_jobs.Backup on " in page


def test_adoption_is_in_the_change_log_of_both(new, old, user):
    rest(user, new)
    entries = ObjectChange.objects.filter(changed_object_id__in=[new.pk, old.pk]).order_by("time")
    assert [(row.changed_object_id, row.action, row.user_name) for row in entries][-2:] == [
        (old.pk, "delete", "operator"),
        (new.pk, "update", "operator"),
    ]
    assert entries.last().object_data["enabled"] is True


def test_own_overrides_win_and_what_was_not_taken_is_told(new, old, user):
    new.time_limit, new.time_limit_override = 5, True
    new.save()
    entry = rest(user, new)["adopted_records"][0]
    assert (entry["overrides"], entry["not_taken"]) == ([], ["time_limit"])
    assert record("new_jobs").core_job.time_limit == 5
    assert record("new_jobs").field_overrides.get(field="time_limit").value == 5


def test_queues_and_a_chosen_name_are_taken_over(old, jobs_root, user):
    night = JobQueue.objects.create(name="night", queue_type="celery")
    old.job_queues_override, old.name, old.name_override = True, "Save all", True
    old.save()
    old.job_queues.set([night])
    move(jobs_root, task_queues=["day"])
    rest(user, record("new_jobs"))
    job = record("new_jobs")
    for side in (job, job.core_job):
        assert (side.name, side.name_override, side.job_queues_override) == ("Save all", True, True)
        assert {queue.name for queue in side.job_queues.all()} == {"night", "default", "day"}
    assert job.field_overrides.get(field="job_queues").value == ["day", "default", "night"]
    assert {row.field for row in job.field_overrides.all()} == {"job_queues", "name", "time_limit"}
    assert reconciled().plan.is_empty


def test_number_stays_where_another_job_has_the_name(old, jobs_root, user):
    write_job(jobs_root, "third_jobs", name="Other")
    reconciled()
    old.core_job.delete()
    Job.objects.filter(module_name="third_jobs").update(name="Back up", name_override=True)
    move(jobs_root)
    job = record("new_jobs")
    assert job.predecessor.pk == old.pk
    rest(user, job)
    assert record("new_jobs").core_job.name != "Back up"
    assert record("new_jobs").runs.count() == 1


@pytest.mark.parametrize(("base", "model"), [("JobHookReceiver", JobHook), ("JobButtonReceiver", JobButton)])
def test_hooks_and_buttons_move(jobs_root, user, base, model):
    empty_registry()
    body = "def receive_job_hook(self, *args): pass\ndef receive_job_button(self, obj): pass"
    write_job(jobs_root, "old_jobs", base=base, body=body)
    reconciled()
    moved = model.objects.create(name="Moved", job=record("old_jobs").core_job)
    move(jobs_root, base=base, body=body)
    rest(user, record("new_jobs"))
    moved.refresh_from_db()
    assert moved.job == record("new_jobs").core_job


def test_suspensions_move_with_what_they_are_about(new, old, user):
    suspension = SuspensionFactory(job=old, schedule=ScheduledJob.objects.get(name="anchored"))
    rest(user, new)
    suspension.refresh_from_db()
    assert (suspension.job, suspension.class_path, suspension.outcome) == (new, "new_jobs.Backup", "restored")
    assert ScheduledJob.objects.get(name="anchored").enabled


def test_adoption_that_fails_half_way_leaves_everything(new, old, user, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no")

    monkeypatch.setattr("nautobot_job_registry.core_bridge.rows.write_decisions", fail)
    with pytest.raises(RuntimeError):
        adopting.adopt_past(new, old, user)
    assert record("old_jobs").runs.count() == 1
    assert (record("old_jobs").revisions.count(), record("new_jobs").revisions.count()) == (2, 1)
    assert ScheduledJob.objects.get(name="anchored").task == "old_jobs.Backup"


# Refusals


def test_second_of_two_claimants_is_refused_with_the_reason(new, old, jobs_root, user):
    write_job(jobs_root, "rival_jobs")
    reconciled()
    rival = record("rival_jobs")
    assert rival.predecessor == old
    rest(user, new)
    rival.refresh_from_db()
    assert (rival.predecessor, rival.predecessor_grounds) == (None, "")
    answer = rest(user, rival, data={"predecessor": str(old.pk)}, status=409)
    assert answer["detail"] == "old_jobs.Backup was adopted by new_jobs.Backup already."
    assert "name the record" in rest(user, rival, status=409)["detail"]


def test_refusals_are_409_and_say_why(new, old, jobs_root, user):
    write_job(jobs_root, "hook_jobs", base="JobHookReceiver", body="def receive_job_hook(self, *args): pass")
    write_job(jobs_root, "third_jobs", name="Other")
    reconciled()
    third = record("third_jobs", "Other")
    for job, predecessor, words in (
        (new, new, "cannot adopt its own past"),
        (new, third, "third_jobs.Other is installed"),
        (old, new, "old_jobs.Backup is not installed"),
        (record("hook_jobs"), old, "is a plain job and hook_jobs.Backup is a job hook receiver"),
    ):
        answer = rest(user, job, data={"predecessor": str(predecessor.pk)}, status=409)
        assert words in answer["detail"]
    RegisteredJob.objects.filter(pk=old.pk).update(absence="load_error")
    assert "for a time only" in rest(user, new, status=409)["detail"]
    assert record("old_jobs").revisions.count() == 2


@pytest.mark.parametrize(
    "data", [{"predecessor": "none"}, {"predecesor": None}, {"predecessor": "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}]
)
def test_wrong_bodies_are_400_and_name_the_member(new, user, data):
    assert list(data) == list(rest(user, new, data=data, status=400))


def test_page_of_an_adoption_says_what_moves_and_why_it_cannot(new, old, user):
    client = Client()
    client.force_login(user)
    url = reverse(f"{UI}_adopt", kwargs={"pk": new.pk})
    page = " ".join(client.get(url).content.decode().split())
    for words in ("2 runs and 2 revisions", "2 schedules", "Time limit", "The job will be enabled"):
        assert words in page
    RegisteredJob.objects.filter(pk=old.pk).update(installed=True, absence="")
    assert "old_jobs.Backup is installed" in client.get(url).content.decode()


@pytest.mark.parametrize(
    ("model", "actions", "constraints", "right"),
    [
        (RegisteredJob, ("change",), {"module_name": "new_jobs"}, "change_registeredjob"),
        (Job, ("change", "delete"), {"module_name": "old_jobs"}, "extras.change_job"),
        (Job, ("change", "delete"), {"module_name": "new_jobs"}, "extras.change_job"),
        (Job, ("change",), None, "extras.delete_job"),
    ],
)
def test_every_right_is_needed(new, old, model, actions, constraints, right):
    user = get_user_model().objects.create(username="limited")

    grant(user, RegisteredJob, ("view",))
    for kind, all_actions in ((RegisteredJob, ("change",)), (Job, ("change", "delete"))):
        grant(user, kind, actions if kind is model else all_actions, constraints if kind is model else None)
    assert right in rest(user, new, status=403)["detail"]
    assert RegisteredJob.objects.filter(pk=old.pk).exists()


def test_predecessor_that_may_not_be_viewed_is_not_told_of(new, old):
    user = get_user_model().objects.create(username="limited")
    permission = ObjectPermission.objects.create(name="own", actions=["view", "change"])
    permission.constraints = {"module_name": "new_jobs"}
    permission.save()
    permission.users.add(user)
    permission.object_types.add(ContentType.objects.get_for_model(RegisteredJob))
    assert "old_jobs" not in str(rest(user, new, status=400))
    client = Client()
    client.force_login(user)
    page = client.get(new.get_absolute_url()).content.decode()
    assert "A job that you may not view" in page
    assert "old_jobs" not in page


# Dismissing


def test_dismissed_proposal_does_not_come_back(new, user):
    data = rest(user, new, "dismiss-predecessor")
    assert (data["predecessor"], data["dismissed_predecessors"]) == (None, ["old_jobs.Backup"])
    assert reconcile().plan.is_empty
    assert "nothing to dismiss" in rest(user, new, "dismiss-predecessor", status=409)["detail"]


def test_page_dismisses_after_a_question(new, user):
    client = Client()
    client.force_login(user)
    url = reverse(f"{UI}_dismiss_predecessor", kwargs={"pk": new.pk})
    assert "old_jobs.Backup" in client.get(url).content.decode()
    assert record("new_jobs").predecessor is not None
    client.post(url, {"_confirm": ""})
    assert record("new_jobs").predecessor is None


def test_proposal_is_shown_in_list_and_page_and_filtered_by(new, old, user):
    client = Client()
    client.force_login(user)
    url = f"{reverse(f'{UI}_list')}?has_predecessor=true"
    page = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "new_jobs.Backup" in page
    assert "probably moved" in page
    assert "old_jobs.Backup" not in page
    page = client.get(new.get_absolute_url()).content.decode()
    for route in ("adopt", "dismiss_predecessor"):
        assert reverse(f"{UI}_{route}", kwargs={"pk": new.pk}) in page
    assert new.predecessor_grounds in page


# Declared


def declare(paths, count=1):
    body = f"previous_class_paths = {paths!r}"
    return [
        JobClassSourceFactory(name=f"Job{number}", body=body.replace("N", str(number)), meta={"name": f"Name {number}"})
        for number in range(count)
    ]


def write_many(folder, module, classes):
    return JobModuleFactory(folder=folder, name=module, classes=classes)


def test_declared_predecessor_is_adopted_at_the_reconcile(old, jobs_root):
    move(jobs_root, body="previous_class_paths = ['old_jobs.Backup']", name="Renamed")
    job = record("new_jobs", "Renamed")
    log = Reconciliation.objects.latest()
    assert (log.adopted, log.status) == (1, "succeeded")
    assert [entry["job"] for entry in log.changes if entry["action"] == "adopt"] == ["new_jobs.Renamed"]
    assert not RegisteredJob.objects.filter(pk=old.pk).exists()
    assert (job.name, job.enabled, job.core_job.enabled, job.core_job.time_limit) == ("Back up", True, True, 77)
    assert (job.runs.count(), job.revisions.count()) == (2, 3)
    assert ScheduledJob.objects.get(name="not anchored").task == "new_jobs.Renamed"
    assert job.adopted_records[0]["declared"] is True
    assert ObjectChange.objects.filter(changed_object_id=old.pk, action="delete").count() == 1
    assert ObjectChange.objects.filter(changed_object_id=job.pk, action="update").count() == 1
    assert reconciled().plan.is_empty


def test_declaration_that_is_refused_is_a_warning_and_no_failure(old, jobs_root):
    write_job(jobs_root, "new_jobs", body="previous_class_paths = ['old_jobs.Backup', 'new_jobs.Backup']")
    reconciled()
    log = Reconciliation.objects.latest()
    warnings = [entry["message"] for entry in log.changes if entry["action"] == "warning"]
    assert ["old_jobs.Backup is installed" in warnings[0], "names the class itself" in warnings[1]] == [True, True]
    assert (log.status, log.adopted) == ("succeeded", 0)
    assert record("old_jobs").installed
    assert reconcile().plan.is_empty


def test_two_declared_predecessors_are_adopted_in_one_reconcile(jobs_root):
    empty_registry()
    for module in ("first_jobs", "second_jobs"):
        write_job(jobs_root, module)
    reconciled()
    for module in ("first_jobs", "second_jobs"):
        JobRunFactory(job=record(module))
        (jobs_root / f"{module}.py").unlink()
    write_job(jobs_root, "new_jobs", body="previous_class_paths = ['first_jobs.Backup', 'second_jobs.Backup']")
    reconciled()
    job = record("new_jobs")
    assert (job.runs.count(), [row.number for row in job.revisions.order_by("number")]) == (2, [1, 2, 3])
    assert [entry["class_path"] for entry in job.adopted_records] == ["first_jobs.Backup", "second_jobs.Backup"]
    assert (job.name, job.core_job.name) == ("Back up", "Back up")
    assert reconciled().plan.is_empty


@pytest.mark.slow
def test_declared_adoptions_cost_per_batch_and_not_per_job(jobs_root):
    counts = []
    for count in (3, 40):
        empty_registry()
        write_many(jobs_root, "old_many", declare([], count))
        reconciled()
        for job in RegisteredJob.objects.filter(module_name="old_many"):
            RegisteredJob.objects.filter(pk=job.pk).update(enabled=True)
            Job.objects.filter(pk=job.core_job_id).update(enabled=True)
            JobRunFactory(job=job)
        reconcile()
        (jobs_root / "old_many.py").unlink()
        write_many(jobs_root, "new_many", declare(["old_many.JobN"], count))
        refresh_core()
        ContentType.objects.clear_cache()
        with counted_statements() as statements:
            assert reconcile(reload=True).plan.counts()["adopted"] == count
        counts.append(len(statements))
        assert (
            RegisteredJob.objects.filter(module_name="new_many", enabled=True, core_job__enabled=True).count() == count
        )
        assert not Job.objects.filter(name__endswith="(2)").exists()
        (jobs_root / "new_many.py").unlink()
        reconciled()
        RegisteredJob.objects.filter(installed=False).delete()
    assert counts[0] == counts[1]


def test_suspensions_table_is_left_alone_where_nothing_is_adopted(jobs_root):
    reconciled()
    with counted_statements() as statements:
        reconcile()
    of_records = 'SELECT "nautobot_job_registry_registeredjob"'
    asked = [sql for sql in statements if not sql.startswith(of_records)]
    assert not [sql for sql in asked if Suspension._meta.db_table in sql or JobResult._meta.db_table in sql]


@pytest.fixture
def taken_name(old, new, jobs_root):
    """A name that was chosen for the old job, and that core has given to a third one since its own row was deleted."""
    job = record("old_jobs")
    job.name, job.name_override = "Chosen", True
    job.save()
    Job.objects.get(pk=job.core_job_id).delete()
    source = JobClassSourceFactory(name="Third", meta={"name": "Chosen"})
    JobModuleFactory(folder=jobs_root, name="third_jobs", classes=[source])
    reconciled()


def by_declaration(user, job):
    folder = Path(settings.JOBS_ROOT)
    write_job(folder, "new_jobs", description="second", body='previous_class_paths = ["old_jobs.Backup"]')
    reconciled()


def by_named_page(user, job):
    client = Client()
    client.force_login(user)
    predecessor = record("old_jobs").pk
    client.post(reverse(f"{UI}_adopt", kwargs={"pk": job.pk}), {"predecessor": predecessor, "_confirm": ""})


@pytest.mark.parametrize("adopt", [by_rest, by_named_page, by_declaration])
def test_name_that_core_has_given_away_since_is_taken_over_with_a_number(taken_name, new, user, adopt):
    adopt(user, new)
    job = record("new_jobs")
    assert not RegisteredJob.objects.filter(module_name="old_jobs").exists()
    assert (job.name, job.name_override, job.core_job.name) == ("Chosen (2)", True, "Chosen (2)")
    row = job.field_overrides.get(field="name")
    assert (row.value, row.origin) == ("Chosen (2)", "operator")
    assert record("third_jobs", "Third").core_job.name == "Chosen"
    assert reconciled().plan.is_empty


@pytest.mark.parametrize(("old_group", "old_name"), [("g" * 300, "Back up"), ("G", "n" * 120), ("g" * 300, "n" * 120)])
def test_what_core_could_not_store_of_the_old_job_is_not_taken_over(jobs_root, old_group, old_name):
    source = JobClassSourceFactory(name="Backup", meta={"name": old_name})
    JobModuleFactory(folder=jobs_root, name="old_jobs", grouping=old_group, classes=[source])
    reconciled()
    assert record("old_jobs").overridden_fields
    (jobs_root / "old_jobs.py").unlink()
    source = JobClassSourceFactory(
        name="Backup", meta={"name": "Short"}, body="previous_class_paths = ['old_jobs.Backup']"
    )
    JobModuleFactory(folder=jobs_root, name="new_jobs", grouping="Short", classes=[source])
    reconciled()
    job = record("new_jobs")
    assert (job.name, job.grouping, job.overrides) == ("Short", "Short", {})
    assert not job.field_overrides.exists()
    assert reconcile().plan.is_empty


def test_adoption_in_the_feed_names_the_source(old, jobs_root):
    move(jobs_root, body="previous_class_paths = ['old_jobs.Backup']", name="Renamed")
    row = Reconciliation.objects.latest()
    found = ReconciliationFilterSet(QueryDict("source=local&kind=adopted"))
    assert found.is_valid(), found.errors
    assert row in found.qs
