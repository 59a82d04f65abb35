"""What is decided on one side is in force on the other (rule 16)."""

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.urls import reverse
from nautobot.extras.context_managers import web_request_context
from nautobot.extras.models import Job, JobQueue, JobQueueAssignment, ObjectChange, ScheduledJob
from nautobot.users.models import Token

from nautobot_job_registry.core_bridge import rows as core_rows
from nautobot_job_registry.core_bridge.rows import SHARED_FIELDS
from nautobot_job_registry.engine.fields import FLAG_FIELDS, OVERRIDABLE_FIELDS, override_flag
from nautobot_job_registry.factory import JobClassSourceFactory, JobModuleFactory, empty_registry
from nautobot_job_registry.models import FieldOverride, RegisteredJob
from nautobot_job_registry.reconcile import reconcile
from tests.support import counted_statements, refresh_core

pytestmark = pytest.mark.django_db

VALUES = {
    "grouping": ("Chosen", "Chosen again"),
    "name": ("Chosen", "Chosen again"),
    "description": ("Chosen", "Chosen again"),
    "hidden": (True, False),
    "console_log_default": (True, False),
    "dryrun_default": (True, False),
    "soft_time_limit": (5.0, 6.0),
    "time_limit": (5.0, 6.0),
    "has_sensitive_variables": (False, True),
    "is_singleton": (True, False),
    "job_queues": (["default", "night"], ["day", "default"]),
    "default_job_queue": ("night", "day"),
}


@pytest.fixture
def sides(jobs_root):
    """The two rows of one real job, read anew whenever they are asked for."""
    empty_registry()
    for name in ("day", "night"):
        JobQueue.objects.create(name=name, queue_type="celery")
    found = Sides()
    found.write(jobs_root, description="source")
    refresh_core()
    reconcile()
    return found


class Sides:
    models = {"registry": RegisteredJob, "core": Job}
    pages = {"registry": "plugins:nautobot_job_registry:registeredjob_edit", "core": "extras:job_edit"}
    addresses = {
        "registry": "plugins-api:nautobot_job_registry-api:registeredjob-detail",
        "core": "extras-api:job-detail",
    }

    def write(self, jobs_root, **meta):
        classes = [JobClassSourceFactory(name="Bridged", meta={"time_limit": 60, **meta})]
        JobModuleFactory(folder=jobs_root, name="bridged", classes=classes)

    def row(self, side):
        return self.models[side].objects.get(module_name="bridged", job_class_name="Bridged")

    def decide(self, side, field, value=None, way="orm", client=None):
        """Override a field, or clear its override where no value is given."""
        row = self.row(side)
        source = self.row("registry").source_values[field]
        chosen = source if value is None else value
        if way == "orm":
            setattr(row, override_flag(field), value is not None)
            self.put(row, field, chosen)
        elif way == "rest":
            self.patch(client, side, {field: self.sent(field, chosen), override_flag(field): value is not None})
        else:
            self.submit(client, side, {field: chosen, override_flag(field): value is not None})

    def sent(self, field, value):
        if field == "job_queues":
            return [{"name": name} for name in value]
        return {"name": value} if field == "default_job_queue" else value

    def patch(self, client, side, data):
        user = get_user_model().objects.get(username="operator")
        token, _ = Token.objects.get_or_create(user=user)
        url = reverse(self.addresses[side], kwargs={"pk": self.row(side).pk})
        sent = {"content_type": "application/json", "headers": {"Authorization": f"Token {token.key}"}}
        response = client.patch(url, data, **sent)
        assert response.status_code == 200, response.content
        if side == "core" and data.get("job_queues_override"):
            self.assign({queue["name"] for queue in data["job_queues"]}, client, sent)

    def assign(self, wanted, client, sent):
        """Give core's row these queues as its REST does it, which takes them by assignments alone."""
        job = self.row("core")
        url = "extras-api:jobqueueassignment"
        assigned = {assignment.job_queue.name: assignment for assignment in job.job_queue_assignments.all()}
        for name in wanted - assigned.keys():
            ends = {"job": {"id": str(job.pk)}, "job_queue": {"name": name}}
            response = client.post(reverse(f"{url}-list"), ends, **sent)
            assert response.status_code == 201, response.content
        for name in assigned.keys() - wanted:
            response = client.delete(reverse(f"{url}-detail", kwargs={"pk": assigned[name].pk}), **sent)
            assert response.status_code == 204, response.content

    def submit(self, client, side, data):
        """Send the form of a page as a browser does: all that is set, and nothing for a box that is not checked."""
        row = self.row(side)
        values = {name: self.said(side, name)[0] for name in OVERRIDABLE_FIELDS}
        values |= {override_flag(name): getattr(row, override_flag(name)) for name in OVERRIDABLE_FIELDS}
        values |= {"enabled": row.enabled, **data}
        body = {}
        for name, value in values.items():
            is_shown = name == "enabled" or name.endswith("_override") or values[override_flag(name)]
            if name == "job_queues":
                value = [str(queue.pk) for queue in JobQueue.objects.filter(name__in=value)]
            elif name == "default_job_queue":
                value = str(JobQueue.objects.get(name=value).pk)
            if value is False and (side == "core" or (side == "registry" and "_override" in name)):
                continue
            if side == "core" or is_shown:
                body[name] = value
        response = client.post(reverse(self.pages[side], kwargs={"pk": row.pk}), body)
        assert response.status_code == 302, response.content.decode()[-3000:]

    def put(self, row, field, value):
        if field == "default_job_queue":
            value = JobQueue.objects.get(name=value)
        if field != "job_queues":
            setattr(row, field, value)
        row.save()
        if field == "job_queues":
            row.job_queues.set(JobQueue.objects.filter(name__in=value))

    def said(self, side, field):
        row = self.row(side)
        value = getattr(row, field)
        if field == "job_queues":
            value = sorted(queue.name for queue in value.all())
        elif field == "default_job_queue":
            value = value.name
        return value, getattr(row, override_flag(field))

    def assert_agreed(self, field, value, overridden):
        assert self.said("registry", field) == self.said("core", field) == (value, overridden)
        ledger = dict(self.row("registry").field_overrides.values_list("field", "value"))
        assert ledger == ({field: value} if overridden else {})
        assert reconcile(dry_run=True).plan.is_empty
        before = Job.objects.values_list().get(pk=self.row("core").pk)
        refresh_core()
        after = Job.objects.values_list().get(pk=self.row("core").pk)
        assert [a for a, b in zip(before, after, strict=True) if a != b][1:] == []
        assert reconcile(dry_run=True).plan.is_empty


@pytest.mark.parametrize("field", SHARED_FIELDS)
@pytest.mark.parametrize(("first", "second"), [("registry", "core"), ("core", "registry")])
def test_a_field_is_set_changed_and_cleared_on_either_side(sides, field, first, second):
    source = sides.row("registry").current_revision.metadata[field]
    chosen, changed = VALUES[field]
    sides.decide(first, field, chosen)
    sides.assert_agreed(field, chosen, True)
    origin = sides.row("registry").field_overrides.get().origin
    assert origin == {"registry": "operator", "core": "core"}[first]
    sides.decide(second, field, changed)
    sides.assert_agreed(field, changed, True)
    sides.decide(first, field)
    sides.assert_agreed(field, source, False)


@pytest.fixture
def operator(client):
    """The client of a superuser who has logged in."""
    user = get_user_model().objects.create_superuser("operator", "operator@example.com", "operator")
    client.force_login(user)
    return client


@pytest.mark.slow
@pytest.mark.parametrize("field", SHARED_FIELDS)
@pytest.mark.parametrize("side", ["registry", "core"])
@pytest.mark.parametrize("way", ["form", "rest"])
def test_a_field_is_set_changed_and_cleared_through_each_door(sides, operator, field, side, way):
    source = sides.row("registry").current_revision.metadata[field]
    for value in VALUES[field]:
        sides.decide(side, field, value, way, operator)
        sides.assert_agreed(field, value, True)
    sides.decide(side, field, None, way, operator)
    sides.assert_agreed(field, source, False)


@pytest.mark.parametrize("side", ["registry", "core"])
@pytest.mark.parametrize("way", ["form", "rest"])
def test_a_job_is_enabled_and_disabled_through_each_door(sides, operator, side, way):
    for enabled in (True, False):
        if way == "rest":
            sides.patch(operator, side, {"enabled": enabled})
        else:
            sides.submit(operator, side, {"enabled": enabled})
        assert sides.row("registry").enabled is sides.row("core").enabled is enabled
        assert reconcile(dry_run=True).plan.is_empty


def test_an_override_is_logged_once_on_each_side(sides, operator):
    sides.decide("registry", "time_limit", 5.0, "rest", operator)
    changes = ObjectChange.objects.filter(changed_object_id__in=[sides.row("registry").pk, sides.row("core").pk])
    assert sorted(changes.values_list("changed_object_type__model", flat=True)) == ["job", "registeredjob"]
    assert {change.object_data["time_limit"] for change in changes} == {5.0}


@pytest.mark.parametrize("side", ["registry", "core"])
def test_enabled_is_the_same_on_both_sides(sides, side):
    for enabled in (True, False):
        row = sides.row(side)
        row.enabled = enabled
        row.save()
        assert sides.row("registry").enabled is sides.row("core").enabled is enabled
        assert reconcile(dry_run=True).plan.is_empty


def test_an_edit_that_no_signal_tells_of_is_found_by_the_next_reconcile(sides):
    sides.decide("registry", "time_limit", 5.0)
    Job.objects.filter(module_name="bridged").update(description="Chosen", description_override=True)
    sides.decide("registry", "time_limit", 6.0)
    assert sides.said("core", "description") == ("Chosen", True)
    reconcile()
    assert sides.row("registry").overrides == {"description": "Chosen", "time_limit": 6.0}
    assert sides.said("core", "time_limit") == (6.0, True)


def test_what_core_has_no_column_of_it_is_taken_to_say_as_it_is_known(monkeypatch):
    """Nautobot 3.0 has no `console_log_default`: an override of it is not taken for one that core has cleared."""
    left = tuple(name for name in OVERRIDABLE_FIELDS if name != "console_log_default")
    values = dict.fromkeys((*left, *map(override_flag, left), *FLAG_FIELDS, "enabled"), False)
    values |= {"id": None, "module_name": "m", "job_class_name": "J", "default_job_queue__name": "default"}
    known = {"enabled": False, "overrides": {"console_log_default": True}}
    values |= {"registered_job__core_decisions": known, "registered_job__console_log_default": True}
    monkeypatch.setattr(core_rows, "OURS_ALONE", ("console_log_default",))
    monkeypatch.setattr(core_rows, "SHARED_FIELDS", left)
    monkeypatch.setattr(core_rows, "SHARED_VALUES", left[:-2])
    state = core_rows.core_state(values, ())
    assert state.decisions.as_json() == known
    assert state.values["console_log_default"] is True


def test_a_name_that_core_has_given_to_another_job_is_numbered_there(sides):
    sides.decide("registry", "name", "Chosen")
    said = sides.row("registry").source_values["name"]
    other = Job(module_name="other", job_class_name="Other", name=said, grouping="G")
    other.default_job_queue = JobQueue.objects.get(name="day")
    other.save()
    sides.decide("registry", "name")
    assert sides.said("registry", "name") == sides.said("core", "name") == (f"{said} (2)", True)
    assert sides.row("registry").field_overrides.get().origin == "collision"


def test_a_chosen_name_that_core_has_given_to_another_job_keeps_its_number(sides):
    other = Job(module_name="other", job_class_name="Other", name="Chosen", grouping="G")
    other.default_job_queue = JobQueue.objects.get(name="day")
    other.save()
    sides.decide("registry", "name", "Chosen")
    assert sides.row("registry").field_overrides.get().origin == "operator"
    reconcile()
    sides.assert_agreed("name", "Chosen (2)", True)


def test_a_name_that_is_chosen_after_a_collision_is_a_persons(sides):
    record = sides.row("registry")
    other = Job(module_name="other", job_class_name="Other", name="Other", grouping="G")
    other.default_job_queue = JobQueue.objects.get(name="day")
    other.save()
    record.name, record.name_override = "Chosen", True
    record.save()
    Job.objects.filter(pk=other.pk).update(name=record.source_values["name"])
    record.name_override = False
    record.save()
    assert record.field_overrides.get().origin == "collision"
    record.name = "Chosen again"
    record.save()
    assert record.field_overrides.get().origin == "operator"


def write_twin(folder):
    meta = {"name": "Bridged", "description": "twin"}
    JobModuleFactory(folder=folder, name="twin", classes=[JobClassSourceFactory(name="Twin", meta=meta)])


@pytest.fixture
def numbered(sides, jobs_root):
    """Core's row of a second job of the same name."""
    sides.write(jobs_root, name="Bridged", description="source")
    refresh_core()
    reconcile()
    write_twin(jobs_root)
    refresh_core()
    reconcile()
    return Job.objects.get(module_name="twin", name="Bridged (2)")


def assert_numbered(job):
    job.refresh_from_db()
    record = RegisteredJob.objects.get(core_job=job)
    assert (job.name, job.name_override) == (record.name, record.name_override) == ("Bridged (2)", True)
    assert record.core_decisions["overrides"] == record.overrides
    assert record.field_overrides.get(field="name").origin == "collision"


def test_a_number_that_is_taken_off_in_core_stays_with_what_else_was_decided(numbered):
    numbered.name_override = False
    numbered.description, numbered.description_override = "Chosen", True
    numbered.save()
    assert_numbered(numbered)
    assert (numbered.description, numbered.description_override) == ("Chosen", True)
    assert reconcile().plan.is_empty


def test_a_number_that_was_taken_off_without_a_signal_stops_no_refresh_of_core(numbered, jobs_root):
    record = RegisteredJob.objects.get(core_job=numbered)
    record.job_queues_override = True
    record.save()
    Job.objects.filter(pk=numbered.pk).update(name_override=False)
    (jobs_root / "twin.py").unlink()
    refresh_core()
    assert_numbered(numbered)


def test_two_jobs_with_one_chosen_name_are_told_apart_when_both_are_there_again(sides, jobs_root):
    JobModuleFactory(folder=jobs_root, name="second", classes=[JobClassSourceFactory(name="Second")])
    refresh_core()
    reconcile()
    second = RegisteredJob.objects.get(module_name="second")
    second.name, second.name_override = "Chosen", True
    second.save()
    (jobs_root / "second.py").unlink()
    refresh_core()
    reconcile()
    Job.objects.filter(module_name="second").delete()
    sides.decide("registry", "name", "Chosen")
    JobModuleFactory(folder=jobs_root, name="second", classes=[JobClassSourceFactory(name="Second")])
    refresh_core()
    reconcile()
    sides.assert_agreed("name", "Chosen", True)
    second.refresh_from_db()
    assert (second.name, second.core_job.name) == ("Chosen (2)", "Chosen (2)")
    noted = second.field_overrides.get()
    assert (noted.value, noted.origin) == ("Chosen (2)", "operator")
    assert reconcile().plan.is_empty


def test_an_edit_of_a_job_that_is_away_switches_nothing_off(sides, jobs_root):
    job = sides.row("core")
    timing = {"interval": "daily", "start_time": "2026-01-01T00:00:00Z"}
    schedule = ScheduledJob.objects.create(name="Nightly", task="x", job_model=job, enabled=True, **timing)
    Job.objects.filter(pk=job.pk).update(installed=False)
    RegisteredJob.objects.filter(core_job=job).update(installed=False, absence="load_error")
    sides.decide("registry", "time_limit", 5.0)
    assert sides.said("core", "time_limit") == (5.0, True)
    schedule.refresh_from_db()
    assert schedule.enabled


def test_a_save_that_decides_nothing_asks_the_other_side_nothing_more_than_what_is_stored(sides):
    """Columns that are only old can be told from decisions by what is stored: core's row is read once for it.

    It is locked once before a record is, whatever is saved: queues may be decided next, in the same transaction.
    """
    record, job = sides.row("registry"), sides.row("core")
    with counted_statements() as statements:
        record.save()
    [lock] = [sql for sql in statements if '"extras_job"' in sql]
    assert "FOR NO KEY UPDATE" in lock
    assert statements.index(lock) < min(n for n, sql in enumerate(statements) if sql.startswith("UPDATE"))
    with counted_statements() as statements:
        job.save()
    assert len([sql for sql in statements if "nautobot_job_registry" in sql]) == 1


def test_the_default_queue_stays_among_the_queues_on_both_sides(sides):
    sides.decide("registry", "job_queues", ["night"])
    sides.assert_agreed("job_queues", ["default", "night"], True)


def test_two_people_who_edit_the_two_sides_at_once_both_count(sides):
    record, job = sides.row("registry"), sides.row("core")
    record.time_limit, record.time_limit_override = 5.0, True
    record.save()
    job.description, job.description_override = "Chosen", True
    job.save()
    for side in ("registry", "core"):
        assert sides.said(side, "time_limit") == (5.0, True)
        assert sides.said(side, "description") == ("Chosen", True)
    assert reconcile(dry_run=True).plan.is_empty


def test_of_two_who_decide_on_one_field_the_last_one_wins_on_both_sides(sides):
    record, job = sides.row("registry"), sides.row("core")
    job.time_limit, job.time_limit_override = 6.0, True
    job.save()
    record.time_limit, record.time_limit_override = 5.0, True
    record.save()
    assert sides.said("registry", "time_limit") == sides.said("core", "time_limit") == (5.0, True)


def test_a_record_whose_core_job_was_deleted_meanwhile_is_saved_all_the_same(sides):
    record = sides.row("registry")
    Job.objects.filter(pk=record.core_job_id).delete()
    record.time_limit, record.time_limit_override, record.enabled = 5.0, True, True
    record.save()
    assert sides.row("registry").core_job is None
    reconcile()
    assert sides.said("core", "time_limit") == (5.0, True)
    assert sides.row("core").enabled
    assert reconcile(dry_run=True).plan.is_empty


def test_a_decision_in_a_row_of_core_that_is_made_anew_is_the_registrys(sides):
    sides.decide("registry", "description", "Chosen")
    sides.row("core").delete()
    refresh_core()
    assert sides.said("core", "description") == ("source", False)
    plan = reconcile(dry_run=True).plan
    assert {change.field for change in plan.jobs[0].changes} >= {"core_job", "core_job.description"}
    reconcile()
    sides.assert_agreed("description", "Chosen", True)


def test_a_name_that_core_cannot_store_is_shortened_for_core_until_the_source_gives_a_shorter_one(sides, jobs_root):
    def write(name):
        JobModuleFactory(folder=jobs_root, name="bridged", classes=[JobClassSourceFactory(name="Bridged", meta=name)])

    write({"name": "n" * 130})
    refresh_core()
    assert not sides.row("core").installed
    reconcile()
    assert sides.row("core").installed
    assert sides.said("core", "name") == sides.said("registry", "name") == ("n" * 100, True)
    assert sides.row("registry").field_overrides.get().origin == "collision"
    refresh_core()
    assert sides.row("core").installed
    assert reconcile(dry_run=True).plan.is_empty
    write({"name": "short"})
    reconcile()
    sides.assert_agreed("name", "short", False)


def test_a_job_that_was_numbered_gets_its_name_back_when_the_other_one_is_removed(sides, jobs_root):
    path = JobModuleFactory(folder=jobs_root, name="a_twin", classes=[JobClassSourceFactory(name="Bridged")])
    refresh_core()
    reconcile()
    assert Job.objects.get(module_name="a_twin").name == "Bridged (2)"
    assert RegisteredJob.objects.get(module_name="a_twin").field_overrides.get().origin == "collision"
    (jobs_root / "bridged.py").unlink()
    refresh_core()
    reconcile()
    for model in (Job, RegisteredJob):
        twin = model.objects.get(module_name="a_twin")
        assert (twin.name, twin.name_override) == ("Bridged", False)
        assert model.objects.get(module_name="bridged").name == "Bridged (2)"
    refresh_core()
    assert reconcile(dry_run=True).plan.is_empty
    assert path.exists()


def test_a_name_that_a_person_chose_stays_though_it_looks_numbered(sides):
    sides.decide("registry", "name", "Bridged (7)")
    reconcile()
    sides.assert_agreed("name", "Bridged (7)", True)


def test_the_default_queue_of_core_follows_the_source(sides, jobs_root):
    meta = {"description": "source", "time_limit": 60, "task_queues": ["night", "day"]}
    JobModuleFactory(folder=jobs_root, name="bridged", classes=[JobClassSourceFactory(name="Bridged", meta=meta)])
    refresh_core()
    assert sides.row("core").default_job_queue.name == "default"
    reconcile()
    sides.assert_agreed("default_job_queue", "night", False)


def test_many_rows_of_core_are_adopted_per_batch(sides, jobs_root):
    counts = []
    for size in (5, 60):
        names = [f"Many{size}x{number}" for number in range(size)]
        classes = [JobClassSourceFactory(name=name) for name in names]
        JobModuleFactory(folder=jobs_root, name=f"many_{size}", classes=classes)
        refresh_core()
        reconcile()
        rows = Job.objects.filter(module_name=f"many_{size}")
        rows.update(description="Chosen", description_override=True, enabled=True)
        with counted_statements() as statements:
            reconcile()
        counts.append(len(statements))
        records = RegisteredJob.objects.filter(module_name=f"many_{size}", description="Chosen", enabled=True)
        assert records.count() == size
    assert counts[0] == counts[1]


def test_a_row_that_was_read_before_a_reconcile_winds_nothing_back(sides, jobs_root):
    """Rule 10: what is old in memory is not written, and the next reconcile has something to count on from."""
    old = sides.row("registry")
    sides.write(jobs_root, description="changed")
    reconcile()
    old.enabled = True
    old.save()
    record = sides.row("registry")
    assert (record.current_revision.number, record.description, record.enabled) == (2, "changed", True)
    sides.write(jobs_root, description="changed again")
    reconcile()
    assert sides.row("registry").current_revision.number == 3


def test_a_save_that_decides_nothing_leaves_what_somebody_else_decided_meanwhile(sides, operator):
    old = sides.row("registry")
    record = sides.row("registry")
    record.time_limit, record.time_limit_override, record.override_reason = 5.0, True, "Slow lines"
    record.save()
    old.save()
    sides.assert_agreed("time_limit", 5.0, True)
    assert sides.row("registry").field_overrides.get().reason == "Slow lines"

    job = sides.row("core")
    sides.decide("registry", "description", "Chosen")
    with web_request_context(get_user_model().objects.get(username="operator")):
        job.save()
    assert sides.said("core", "description") == sides.said("registry", "description") == ("Chosen", True)
    assert reconcile(dry_run=True).plan.is_empty


def test_queues_that_the_default_one_of_the_source_joins_are_drifted_and_stay_their_authors(sides, jobs_root, operator):
    sides.decide("registry", "job_queues", ["night"])
    user = get_user_model().objects.get(username="operator")
    FieldOverride.objects.update(set_by=user, reason="At night")
    sides.write(jobs_root, task_queues=["day"])
    refresh_core()
    reconcile()
    row = FieldOverride.objects.get()
    assert (row.value, row.source_value, row.is_drifted) == (["day", "default", "night"], ["default"], True)
    assert (row.set_by, row.origin, row.reason) == (user, "operator", "At night")
    assert sides.row("registry").value_of("job_queues") == row.value


def test_queues_chosen_in_core_stay_beside_what_is_decided_from_an_older_row(sides):
    record = sides.row("registry")
    sides.decide("core", "job_queues", ["default", "night"])
    record.time_limit, record.time_limit_override = 5.0, True
    record.save()
    for side in ("registry", "core"):
        assert sides.said(side, "time_limit") == (5.0, True)
        assert sides.said(side, "job_queues") == (["default", "night"], True)
    assert reconcile(dry_run=True).plan.is_empty


def test_a_ledger_that_was_read_with_many_records_is_not_believed_where_somebody_has_decided_meanwhile(sides):
    ids = RegisteredJob.objects.filter(job_class_name="Bridged")
    (old,) = ids.prefetch_related("field_overrides")
    record = sides.row("registry")
    record.description, record.description_override, record.override_reason = "Chosen", True, "Too vague"
    record.save()
    old.time_limit, old.time_limit_override = 5.0, True
    old.save()
    ledger = dict(sides.row("registry").field_overrides.values_list("field", "reason"))
    assert ledger == {"description": "Too vague", "time_limit": ""}
    assert sides.said("core", "description") == ("Chosen", True)

    (old,) = ids.prefetch_related("field_overrides")
    FieldOverride.objects.filter(field="time_limit").update(reason="Slow lines")
    old.time_limit = 6.0
    old.save()
    noted = sides.row("registry").field_overrides.get(field="time_limit")
    assert (noted.value, noted.reason) == (6.0, "Slow lines")
    assert {row.field for row in old.field_overrides.all()} == {"description", "time_limit"}


def test_queues_that_no_signal_tells_of_are_taken_over_with_the_next_decision(sides):
    job = sides.row("core")
    Job.objects.filter(pk=job.pk).update(job_queues_override=True)
    night = JobQueue.objects.get(name="night")
    JobQueueAssignment.objects.bulk_create([JobQueueAssignment(job=job, job_queue=night)])
    sides.decide("registry", "time_limit", 5.0)
    for side in ("registry", "core"):
        assert sides.said(side, "job_queues") == (["default", "night"], True)
    assert reconcile(dry_run=True).plan.is_empty


def test_what_is_said_with_a_decision_is_not_for_what_somebody_decided_in_core_meanwhile(sides, operator):
    job = Job.objects.filter(module_name="bridged")
    job.update(time_limit=9, time_limit_override=True, job_queues_override=True)
    said = {"override_reason": "Mine", "override_expires_at": "2999-01-01T00:00:00Z"}
    sides.patch(operator, "registry", {"hidden": True, "hidden_override": True, **said})
    rows = FieldOverride.objects.order_by("field").values_list(
        "field", "origin", "reason", "set_by__username", "expires_at__year"
    )
    of_core = ("core", "", None, None)
    noted = [("hidden", "operator", "Mine", "operator", 2999), ("job_queues", *of_core), ("time_limit", *of_core)]
    assert list(rows) == noted
    job.update(description="Chosen", description_override=True)
    sides.patch(operator, "registry", {"enabled": True, "hidden_override": True, "override_reason": "Mine, too"})
    reasons = dict(rows.values_list("field", "reason"))
    assert reasons == {"description": "", "hidden": "Mine, too", "job_queues": "", "time_limit": ""}


def test_what_is_said_with_other_queues_is_for_them_though_somebody_chose_queues_in_core_meanwhile(sides, operator):
    sides.patch(operator, "registry", {"job_queues": [{"name": "night"}], "job_queues_override": True})
    noon = JobQueue.objects.create(name="noon", queue_type="celery")
    sides.row("core").job_queue_assignments.filter(job_queue__name="night").update(job_queue=noon)
    hidden = {"hidden": True, "hidden_override": True}
    sides.patch(operator, "registry", {"job_queues": [{"name": "day"}], **hidden, "override_reason": "Mine"})
    row = FieldOverride.objects.get(field="job_queues")
    said = (row.value, row.origin, row.reason, row.set_by.username)
    assert said == (["day", "default"], "operator", "Mine", "operator")


def test_a_default_queue_that_is_overridden_with_none_does_not_stand_in_the_way_of_an_edit(sides, operator):
    RegisteredJob.objects.filter(module_name="bridged").update(default_job_queue=None, default_job_queue_override=True)
    Job.objects.filter(module_name="bridged").update(time_limit=9, time_limit_override=True)
    sides.patch(operator, "registry", {"hidden": True, "hidden_override": True})
    assert sides.said("registry", "time_limit") == sides.said("core", "time_limit") == (9.0, True)
    sides.patch(operator, "registry", {"default_job_queue_override": False})
    assert sides.said("registry", "default_job_queue") == sides.said("core", "default_job_queue") == ("default", False)


def test_what_is_not_saved_in_core_is_not_taken_over(sides):
    job = sides.row("core")
    job.time_limit, job.time_limit_override, job.enabled = 5.0, True, True
    job.save(update_fields=["enabled"])
    assert sides.row("registry").overrides == {}
    assert sides.row("registry").enabled
    assert reconcile(dry_run=True).plan.is_empty


@pytest.mark.parametrize(("field", "said"), [("name", ""), ("grouping", ""), ("soft_time_limit", -5)])
@pytest.mark.parametrize("way", ["form", "rest"])
def test_source_that_says_what_a_person_may_not_keeps_nobody_from_deciding_about_another_field(
    sides, jobs_root, operator, field, said, way
):
    sides.write(jobs_root, **({} if field == "grouping" else {field: said}))
    if field == "grouping":
        path = jobs_root / "bridged.py"
        path.write_text(path.read_text().replace("name = 'Example jobs'", "name = ''"))
    refresh_core()
    reconcile()
    sides.decide("registry", "hidden", True, way, operator)
    sides.assert_agreed("hidden", True, True)
    sides.patch(operator, "registry", {field: said, override_flag(field): False})
    assert sides.said("registry", field) == (said, False)
    with pytest.raises(ValidationError, match=field):
        record = sides.row("registry")
        setattr(record, override_flag(field), True)
        record.full_clean()


def test_core_row_of_a_class_whose_name_cannot_be_read_can_be_saved(sides, jobs_root):
    sides.write(jobs_root, name=123)
    reconcile()
    assert sides.row("registry").absence == "load_error"
    job = sides.row("core")
    job.enabled = True
    job.save()
    assert sides.row("registry").enabled
