"""What is decided about the dependents of a job, without a database (rule 18)."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from nautobot_job_registry.engine.dependents import Dependent, DependentActionKind, DependentKind, Ending, tally
from nautobot_job_registry.lifecycle.suspensions.rules import (
    JobSituation,
    Obstacle,
    SuspensionRecord,
    decide_dependents,
    is_changed,
    obstacle,
    switched_off,
)

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
EARLIER, LATER = NOW - timedelta(days=1), NOW + timedelta(hours=1)
CORE_JOB, OTHER_JOB = UUID(int=1), UUID(int=2)
SCHEDULE, HOOK, BUTTON = DependentKind
ON = {"enabled": True, "state": "active", "interval": "daily"}
OFF = {"enabled": False, "state": "completed", "interval": "daily"}
INSTALLED = JobSituation(("mod", "Cls"), UUID(int=3), CORE_JOB, installed=True)
REMOVED = replace(INSTALLED, installed=False, absence="removed", core_installed=False)
BROKEN = replace(REMOVED, absence="load_error")
UNREACHABLE = replace(REMOVED, absence="source_unavailable")
UNCONFIRMED = replace(REMOVED, absence="unconfirmed")
ABSENCES = {
    "removed": REMOVED,
    "load_error": BROKEN,
    "unconfirmed": UNCONFIRMED,
    "source_unavailable": UNREACHABLE,
}


def make_dependent(kind=SCHEDULE, state=ON, **values):
    return Dependent(
        kind, UUID(int=4), "Nightly", values.pop("core_job", CORE_JOB), state, changed_at=EARLIER, **values
    )


def make_suspension(kind=SCHEDULE, reason="removed", state=OFF):
    return SuspensionRecord(UUID(int=5), kind, UUID(int=4), "Nightly", reason, state, NOW)


def decided(job, dependents, suspensions=(), **options):
    return [(action.kind, action.ending) for action in decide_dependents(job, dependents, suspensions, **options)]


SUSPEND = [(DependentActionKind.SUSPEND, None)]
NOTE = [(DependentActionKind.NOTE, None)]
RESTORE = [(DependentActionKind.RESTORE, None)]
CHANGED = [(DependentActionKind.CLOSE, Ending.CHANGED)]
GONE = [(DependentActionKind.CLOSE, Ending.GONE)]


@pytest.mark.parametrize(
    ("absence", "expected"), [("removed", SUSPEND), ("load_error", []), ("unconfirmed", []), ("source_unavailable", [])]
)
def test_only_a_removal_switches_off_what_is_on(absence, expected):
    assert decided(ABSENCES[absence], [make_dependent()]) == expected
    assert decided(ABSENCES[absence], [make_dependent(state=OFF)]) == []


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (SCHEDULE, {}, SUSPEND),
        (HOOK, {}, []),
        (BUTTON, {}, []),
        (HOOK, {"is_job_hook_receiver": True}, SUSPEND),
        (BUTTON, {"is_job_button_receiver": True}, SUSPEND),
    ],
)
def test_only_what_can_run_the_job_is_switched_off(kind, values, expected):
    assert decided(replace(REMOVED, **values), [make_dependent(kind)]) == expected


@pytest.mark.parametrize("absence", ABSENCES)
def test_reason_of_what_core_switched_off_is_noted_once(absence):
    dependent = make_dependent(state=OFF)
    [action] = decide_dependents(ABSENCES[absence], [dependent], [make_suspension(reason="")])
    assert (action.kind, action.reason) == (DependentActionKind.NOTE, absence)
    assert decided(ABSENCES[absence], [dependent], [make_suspension(reason=absence)]) == []


@pytest.mark.parametrize("reason", ["removed", "load_error", "unconfirmed", "source_unavailable", ""])
def test_return_restores_whatever_the_reason_was(reason):
    assert decided(INSTALLED, [make_dependent(state=OFF)], [make_suspension(reason=reason)]) == RESTORE


@pytest.mark.parametrize(
    ("job", "values", "options"),
    [
        (replace(INSTALLED, core_installed=False), {}, {}),
        (INSTALLED, {"core_job": None}, {}),
        (INSTALLED, {"kind": HOOK}, {}),
        (INSTALLED, {"is_overdue": True}, {}),
        (INSTALLED, {}, {"restores": False}),
    ],
)
def test_return_leaves_suspended_what_cannot_run_or_should_not(job, values, options):
    kind = values.get("kind", SCHEDULE)
    assert decided(job, [make_dependent(state=OFF, **values)], [make_suspension(kind)], **options) == []


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, {**OFF, "interval": "weekly"}),
        ({}, {**OFF, "state": "denied"}),
        ({}, ON),
        ({"core_job": OTHER_JOB}, OFF),
    ],
)
def test_return_leaves_alone_what_a_person_changed(values, state):
    assert decided(INSTALLED, [make_dependent(state=state, **values)], [make_suspension()]) == CHANGED


@pytest.mark.parametrize("job", [INSTALLED, *ABSENCES.values()])
def test_deleted_dependent_ends_the_suspension(job):
    assert decided(job, [], [make_suspension()]) == GONE


@pytest.mark.parametrize(
    ("job", "changed_at", "expected"),
    [(REMOVED, LATER, CHANGED), (BROKEN, LATER, CHANGED), (REMOVED, EARLIER, SUSPEND), (BROKEN, EARLIER, [])],
)
def test_dependent_that_is_on_during_the_absence_was_switched_on_by_a_person_unless_its_row_is_old(
    job, changed_at, expected
):
    dependent = replace(make_dependent(), changed_at=changed_at)
    assert decided(job, [dependent], [make_suspension()]) == expected


def test_what_a_person_switched_on_during_the_absence_is_not_switched_off_again():
    assert decided(REMOVED, [make_dependent()], left_alone={UUID(int=4)}) == []


@pytest.mark.parametrize("state", ["completed", "errored"])
def test_state_that_the_scheduler_gives_is_no_change(state):
    assert not is_changed(OFF, {**OFF, "state": state})


def test_state_of_another_version_of_nautobot_is_no_change():
    before = {name: value for name, value in OFF.items() if name != "state"}
    assert not is_changed(before, OFF)
    assert not is_changed(OFF, before)


def test_switching_off_leaves_what_core_leaves():
    assert switched_off(ON) == OFF
    assert switched_off({"enabled": True}) == {"enabled": False}
    assert switched_off({"enabled": True, "state": "errored"}) == {"enabled": False, "state": "errored"}


def test_obstacles_come_in_the_order_in_which_they_can_be_removed():
    hook = make_dependent(HOOK, core_job=OTHER_JOB)
    assert obstacle(REMOVED, hook) is Obstacle.JOB_ABSENT
    assert obstacle(replace(INSTALLED, core_installed=False), hook) is Obstacle.NOT_IN_CORE
    assert obstacle(INSTALLED, hook) is Obstacle.OTHER_JOB
    assert obstacle(INSTALLED, replace(hook, core_job=None)) is Obstacle.UNLINKED
    assert obstacle(INSTALLED, replace(hook, core_job=CORE_JOB)) is Obstacle.OTHER_KIND
    assert obstacle(INSTALLED, make_dependent(), restores=False) is Obstacle.SWITCHED_OFF
    assert obstacle(INSTALLED, make_dependent()) is None


def test_tally_counts_kind_by_kind_and_knows_the_first_run():
    receiver = replace(REMOVED, is_job_hook_receiver=True)
    dependents = [
        make_dependent(next_run=LATER),
        replace(make_dependent(next_run=NOW), id=UUID(int=6)),
        replace(make_dependent(HOOK), id=UUID(int=7)),
    ]
    found = tally(decide_dependents(receiver, dependents, ()))
    assert (found.schedules, found.job_hooks, found.job_buttons, found.next_run) == (2, 1, 0, NOW)
    assert not found.is_empty
    assert tally(()).is_empty
