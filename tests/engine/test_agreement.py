"""Who wins where the two sides of a job differ: every cell of the table, and what is remembered afterwards."""

from itertools import product

import pytest

from nautobot_job_registry.engine.agreement import (
    NOT_OVERRIDDEN,
    REMEMBERED,
    WINNERS,
    Agreement,
    Cores,
    Decisions,
    Ours,
    SideEvent,
    Winner,
    changed_fields,
    settle,
)

AGREED, BEFORE, OURS, THEIRS = 300.0, 60.0, 900.0, 1200.0
OURS_SAY = {Ours.AGREED: AGREED, Ours.DECIDED: OURS}
CORE_SAYS = {Cores.AGREED: AGREED, Cores.OLD: BEFORE, Cores.NEW: THEIRS}


def limit(value, enabled=True):
    return Decisions(enabled, {} if value is None else {"time_limit": value})


def known(agreed=AGREED, *before):
    past = {"time_limit": tuple((value,) if value is not None else NOT_OVERRIDDEN for value in before)}
    return Agreement(limit(agreed), past if before else {})


def test_the_table_has_every_cell():
    assert WINNERS.keys() == set(product(Ours, Cores, SideEvent))


@pytest.mark.parametrize("cell", WINNERS, ids=lambda cell: "-".join(part.name for part in cell))
def test_each_cell_is_what_both_sides_say_afterwards(cell):
    ours, cores, event = cell
    settled = settle(limit(OURS_SAY[ours]), known(AGREED, BEFORE), limit(CORE_SAYS[cores]), event)
    wins = WINNERS[cell] is Winner.CORE
    assert settled.decisions == limit(CORE_SAYS[cores] if wins else OURS_SAY[ours])
    assert settled.of_core == ({"time_limit"} if wins else set())


@pytest.mark.parametrize("event", SideEvent)
@pytest.mark.parametrize("ours", Ours)
def test_what_the_row_said_before_is_a_decision_where_somebody_is_known_to_decide_it(ours, event):
    settled = settle(limit(OURS_SAY[ours]), known(AGREED, BEFORE), limit(BEFORE), event, decided={"time_limit"})
    assert settled == settle(limit(OURS_SAY[ours]), known(AGREED), limit(BEFORE), event)


def test_each_field_is_judged_by_itself():
    agreed = Agreement(Decisions(True, {"time_limit": AGREED, "name": "Old"}), {"time_limit": ((BEFORE,),)})
    core = Decisions(False, {"time_limit": BEFORE, "name": "By core"})
    settled = settle(Decisions(True, {"time_limit": AGREED, "name": "Old"}), agreed, core, SideEvent.RECONCILED)
    assert settled.decisions == Decisions(False, {"time_limit": AGREED, "name": "By core"})
    assert settled.of_core == {"enabled", "name"}


def test_an_override_that_core_cleared_is_cleared():
    settled = settle(limit(AGREED), known(AGREED), limit(None), SideEvent.RECONCILED)
    assert settled.decisions == limit(None)


def test_an_override_that_an_old_row_lacks_stays():
    settled = settle(limit(AGREED), known(AGREED, None), limit(None), SideEvent.RECONCILED)
    assert settled.decisions == limit(AGREED)
    assert settled.of_core == set()


@pytest.mark.parametrize("past", [(), (("old",),)])
def test_queues_that_are_said_to_be_chosen_again_are_an_old_row_whichever_they_are(past):
    """They are rows of their own: who writes an old flag back gives it to the queues that are there by now."""
    known = Agreement(Decisions(True, {}), {"job_queues": tuple((list(queues),) for queues in past)} if past else {})
    core = Decisions(True, {"job_queues": ["day", "night"]})
    settled = settle(Decisions(True, {}), known, core, SideEvent.RECONCILED)
    assert settled.of_core == (set() if past else {"job_queues"})
    told = settle(Decisions(True, {}), known, core, SideEvent.CORE_SAVED, decided={"job_queues"})
    assert told.of_core == {"job_queues"}


def test_queues_are_the_same_as_a_list_and_as_a_tuple():
    ours, core = Decisions(True, {"job_queues": ("a", "b")}), Decisions(True, {"job_queues": ["a", "b"]})
    assert changed_fields(ours, core) == set()
    assert ours.as_json() == {"enabled": True, "overrides": {"job_queues": ["a", "b"]}}


def test_what_is_changed_is_remembered_as_said_before():
    renewed = known(AGREED).renewed(limit(OURS))
    assert renewed == known(OURS, AGREED)
    assert renewed.renewed(limit(None)) == known(None, OURS, AGREED)


def test_what_core_said_without_telling_is_remembered_before_what_was_agreed():
    assert known(AGREED).renewed(limit(OURS), limit(THEIRS)) == known(OURS, THEIRS, AGREED)


def test_what_core_said_before_it_decided_may_still_be_written_back():
    """A refresh of core's that had read the row before is no second decision."""
    memory = known(AGREED, OURS, BEFORE).renewed(limit(THEIRS), limit(THEIRS))
    assert memory == known(THEIRS, AGREED, OURS, BEFORE)
    settled = settle(limit(THEIRS), memory, limit(AGREED), SideEvent.RECONCILED)
    assert settled.decisions == limit(THEIRS)


def test_what_both_say_now_was_not_said_before():
    assert known(AGREED, OURS, BEFORE).renewed(limit(OURS)) == known(OURS, AGREED, BEFORE)


def test_what_a_field_says_where_it_is_not_overridden_was_said_before_it_was():
    chosen, unchosen = Decisions(True, {"job_queues": ["night"]}), {"job_queues": ["day"]}
    memory = Agreement(Decisions(True, {}), {}).renewed(chosen, unchosen=unchosen)
    assert memory.before == {"job_queues": ((["day"],), NOT_OVERRIDDEN)}
    assert Agreement(chosen, {}).renewed(chosen, unchosen=unchosen).before == {}
    assert Agreement(Decisions(True, {}), {}).renewed(Decisions(True, {}), unchosen=unchosen).before == {}


def test_what_a_field_says_where_it_is_given_back_may_be_written_with_the_flag_of_before():
    chosen, unchosen = Decisions(True, {"job_queues": ["night"]}), {"job_queues": ["day"]}
    memory = Agreement(chosen, {}).renewed(Decisions(True, {}), unchosen=unchosen)
    assert memory.before == {"job_queues": ((["day"],), (["night"],))}
    again = memory.renewed(Decisions(False, {}), unchosen={"job_queues": ["late"]})
    assert again.before["job_queues"] == ((["late"],), (["day"],), (["night"],))


def test_only_so_much_is_remembered():
    memory = known(0.0)
    for value in range(1, 10):
        memory = memory.renewed(limit(float(value)))
    assert memory == known(9.0, *(float(value) for value in range(8, 8 - REMEMBERED, -1)))


def test_nothing_new_leaves_the_memory_as_it_is():
    memory = known(AGREED, OURS, BEFORE)
    assert memory.renewed(limit(AGREED)) == memory


def test_the_memory_is_stored_and_read():
    memory = known(AGREED, None, BEFORE)
    stored = memory.as_json()
    assert stored == {
        "enabled": True,
        "overrides": {"time_limit": AGREED},
        "before": {"time_limit": [[], [BEFORE]]},
    }
    assert Agreement.of(stored) == memory
    assert Agreement.of({}) == Agreement.of(None) == Agreement(Decisions(False, {}), {})
    assert "before" not in known(AGREED).as_json()
