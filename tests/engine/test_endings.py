"""Overrides that come to their end, planned without a database."""

from dataclasses import replace

from nautobot_job_registry.engine.descriptor import ScanStatus
from nautobot_job_registry.engine.plan import ActionKind
from nautobot_job_registry.reconcile.plan import make_plan, make_plan_of_ends
from tests.engine.builders import GIT, make_core, make_descriptor, make_discovery, make_record, make_scan, make_state

SAID = make_descriptor(time_limit=60.0)
OVERRIDDEN = make_record(SAID, time_limit=5.0, time_limit_override=True, hidden=True, hidden_override=True)
ENDED = replace(OVERRIDDEN, ended={"time_limit": 60.0})


def changes(action):
    """Return what changes in the record; what it remembers of core's row, and what that row gets, follows from it."""
    found = {change.field: (change.old, change.new) for change in action.changes}
    return {name: change for name, change in found.items() if not name.startswith("core_")}


def test_an_override_that_ended_reverts_and_the_others_stay():
    for plan in (make_plan(make_discovery(make_scan(SAID)), make_state(ENDED)), make_plan_of_ends(make_state(ENDED))):
        (action,) = plan.jobs
        assert changes(action) == {"time_limit": (5.0, 60.0), "time_limit_override": (True, False)}
        assert (action.kind, action.ended, action.is_logged) == (ActionKind.CHANGE, ("time_limit",), True)
        assert plan.counts()["overrides_ended"] == 1


def test_nothing_ends_before_its_time():
    assert make_plan(make_discovery(make_scan(SAID)), make_state(OVERRIDDEN)).is_empty
    assert make_plan_of_ends(make_state(OVERRIDDEN)).is_empty


def test_what_the_source_says_now_wins_over_what_it_said():
    now = make_descriptor(time_limit=90.0)
    (action,) = make_plan(make_discovery(make_scan(now)), make_state(ENDED)).jobs
    assert changes(action)["time_limit"] == (5.0, 90.0)
    assert action.revision == 2


def test_an_override_of_a_job_that_is_away_ends_too():
    discovery = make_discovery(make_scan(status=ScanStatus.UNAVAILABLE))
    away = make_record(SAID, time_limit=5.0, time_limit_override=True, installed=False, absence="source_unavailable")
    (action,) = make_plan(discovery, make_state(replace(away, ended={"time_limit": 60.0}))).jobs
    assert changes(action) == {"time_limit": (5.0, 60.0), "time_limit_override": (True, False)}


def test_where_the_source_is_not_known_the_value_stays():
    (action,) = make_plan_of_ends(make_state(replace(OVERRIDDEN, ended={"time_limit": None}))).jobs
    assert changes(action) == {"time_limit_override": (True, False)}


def test_an_override_that_core_has_too_does_not_come_back_from_there():
    known = {"enabled": False, "overrides": {"time_limit": 5.0}}
    core = make_core(SAID, known=known, time_limit=5.0)
    (action,) = make_plan(make_discovery(make_scan(SAID)), make_state(ENDED, core=(core,))).jobs
    assert changes(action) == {"time_limit": (5.0, 60.0), "time_limit_override": (True, False)} | {
        name: change for name, change in changes(action).items() if name.startswith("hidden")
    }
    assert action.ended == ("time_limit",)
    assert action.core_columns["time_limit"] == 60.0
    assert action.core_columns["time_limit_override"] is False


def test_another_source_ends_no_override_of_this_one():
    scan = make_scan(source=GIT)
    assert make_plan(make_discovery(scan, scope=GIT), make_state(ENDED)).is_empty


def test_a_flag_that_is_clear_already_does_not_end_again():
    record = replace(make_record(SAID), ended={"time_limit": 60.0})
    assert make_plan_of_ends(make_state(record)).is_empty
