"""Which removed job a job has been before (rule 21)."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from nautobot_job_registry.engine.records import Past
from nautobot_job_registry.lifecycle.moves.proposals import SAME_CLASS, SAME_MODULE, SAME_TEXT
from nautobot_job_registry.reconcile.plan import make_plan
from tests.engine.builders import (
    GIT,
    LOCAL,
    make_core,
    make_descriptor,
    make_discovery,
    make_record,
    make_scan,
    make_state,
)

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
GONE = {"installed": False, "absence": "removed"}


def days_ago(days):
    return NOW - timedelta(days=days)


def plan(descriptors, records=(), pasts=None, core=(), source=LOCAL, scope=None):
    state = replace(
        make_state(*records, core=core),
        pasts={(f"{key}", "Cls"): past for key, past in (pasts or {}).items()},
        read_at=NOW,
    )
    return make_plan(make_discovery(make_scan(*descriptors, source=source), scope=scope), state)


def removed(module="old", days=1, **columns):
    """Return the record of a job that is gone, and what is known of its past."""
    kinds = {name: columns.pop(name) for name in ("code", "name", "is_job_hook_receiver") if name in columns}
    descriptor = make_descriptor(module, **kinds)
    said = descriptor.metadata["name"]
    # The job that is there has the name: core knows each name once only.
    numbered = {"name": f"{said} (2)", "name_override": True}
    past = Past(gone=days_ago(days), said_name=said)
    return make_record(descriptor, **{**GONE, **numbered, **columns}), past


def recent(descriptor, days=0):
    """Return the record of a job that was registered so many days ago."""
    return replace(make_record(descriptor), created=days_ago(days))


def proposed(made):
    return [(item.key[0], item.predecessor and item.predecessor[0], item.grounds) for item in made.moves.proposals]


@pytest.mark.parametrize(
    ("new", "grounds"),
    [
        (make_descriptor("new"), SAME_TEXT),
        (make_descriptor("new", code="y = 2"), SAME_CLASS),
        (make_descriptor("new", code="y = 2", name="Other"), None),
        (make_descriptor("new", is_job_hook_receiver=True), None),
    ],
)
def test_job_that_is_new_is_proposed_to_be_the_one_that_went(new, grounds):
    record, past = removed()
    made = plan([new], [record], {"old": past})
    assert proposed(made) == ([("new", "old", grounds)] if grounds else [])
    assert not made.moves.adoptions


def test_class_that_was_renamed_in_its_module_is_proposed():
    record, past = removed("mod")
    new = replace(make_descriptor("mod", code="y = 2"), job_class_name="Renamed")
    made = plan([new], [record], {"mod": past})
    assert [(item.key, item.predecessor, item.grounds) for item in made.moves.proposals] == [
        (("mod", "Renamed"), ("mod", "Cls"), SAME_MODULE)
    ]


def test_removal_and_registration_in_one_reconcile_are_a_move():
    made = plan([make_descriptor("new")], [make_record(make_descriptor("old"))])
    assert proposed(made) == [("new", "old", SAME_TEXT)]


@pytest.mark.parametrize(("days", "is_proposed"), [(10, True), (40, False)])
def test_job_that_was_registered_before_the_old_one_went_is_a_move_only_if_it_was_recent(days, is_proposed):
    new = make_descriptor("new")
    made = plan([new], [recent(new, days), make_record(make_descriptor("old"))])
    assert bool(made.moves.proposals) == is_proposed
    record, past = removed(days=0)
    assert bool(plan([new], [recent(new, days), record], {"old": past}).moves.proposals) == is_proposed


def test_what_is_stored_is_not_proposed_again():
    new = make_descriptor("new")
    record, past = removed()
    stored = Past(predecessor=("old", "Cls"), grounds=SAME_TEXT)
    assert plan([new], [recent(new), record], {"old": past, "new": stored}).is_empty


@pytest.mark.parametrize("old", [(), (make_descriptor("old"),)], ids=["deleted", "returned"])
def test_proposal_is_withdrawn_when_the_old_job_is_deleted_or_returns(old):
    new = make_descriptor("new")
    record, past = removed()
    stored = Past(predecessor=("old", "Cls") if old else None, grounds=SAME_TEXT)
    records = [recent(new), *([record] if old else [])]
    made = plan([new, *old], records, {"new": stored, **({"old": past} if old else {})})
    assert proposed(made) == [("new", None, "")]


def test_proposal_is_withdrawn_with_the_job_in_the_reconcile_that_uninstalls_it():
    record, past = removed()
    stored = Past(predecessor=("old", "Cls"), grounds=SAME_TEXT)
    made = plan([], [make_record(make_descriptor("new")), record], {"old": past, "new": stored})
    assert proposed(made) == [("new", None, "")]


def test_what_a_person_dismissed_is_not_proposed_again():
    new = make_descriptor("new")
    record, past = removed()
    said = Past(dismissed=frozenset({"old.Cls"}))
    assert plan([new], [recent(new), record], {"old": past, "new": said}).is_empty


def test_best_ground_wins_then_the_last_to_go_then_the_first_by_name():
    new = make_descriptor("new")
    weak, weak_past = removed("a", 1, code="other")
    early, early_past = removed("b", 9)
    late, late_past = removed("d", 3)
    same, same_past = removed("c", 3)
    pasts = {"a": weak_past, "b": early_past, "c": same_past, "d": late_past}
    assert proposed(plan([new], [weak, early, late, same], pasts)) == [("new", "c", SAME_TEXT)]


def test_two_jobs_may_seem_to_have_been_the_same_one():
    record, past = removed()
    made = plan([make_descriptor("new"), make_descriptor("also")], [record], {"old": past})
    assert proposed(made) == [("also", "old", SAME_TEXT), ("new", "old", SAME_TEXT)]


def test_modules_whose_text_is_not_known_have_nothing_in_common():
    record, past = removed(code="", name="Other")
    assert not plan([make_descriptor("new", code="")], [record], {"old": past}).moves.proposals


def test_overridden_name_does_not_hide_what_the_source_said():
    record, past = removed(code="other", name_override=True)
    record = replace(record, values=tuple("By hand" if value == "Name" else value for value in record.values))
    unknown = replace(past, said_name=None)
    assert not plan([make_descriptor("new")], [record], {"old": unknown}).moves.proposals
    assert plan([make_descriptor("new")], [record], {"old": replace(past, said_name="Name")}).moves.proposals


def test_temporary_absence_is_no_removal():
    record, past = removed(absence="load_error")
    assert not plan([make_descriptor("new")], [record], {"old": past}, scope=GIT).moves.proposals


# Declared


def declared(module="new", *paths, **metadata):
    return make_descriptor(module, previous_class_paths=list(paths or ["old.Cls"]), **metadata)


def adopted(made):
    return [(item.key[0], item.predecessor[0]) for item in made.moves.adoptions]


def test_declared_predecessor_is_adopted_without_asking():
    new = declared(name="Anything", code="z")
    record, past = removed()
    made = plan([new], [record], {"old": past}, core=(make_core(new),))
    assert adopted(made) == [("new", "old")]
    assert not made.moves.proposals
    assert (made.is_empty, made.counts()["adopted"]) == (False, 1)


def test_declared_predecessor_that_goes_in_the_same_reconcile_is_adopted():
    new = declared()
    assert adopted(plan([new], [make_record(make_descriptor("old"))], core=(make_core(new),))) == [("new", "old")]


def test_two_predecessors_are_adopted_in_the_order_of_the_code():
    new = declared("new", "old.Cls", "older.Cls")
    rows = dict(zip(("old", "older"), (removed("old"), removed("older", 5)), strict=True))
    records, pasts = [row[0] for row in rows.values()], {key: row[1] for key, row in rows.items()}
    assert adopted(plan([new], records, pasts, core=(make_core(new),))) == [("new", "old"), ("new", "older")]


@pytest.mark.parametrize(
    ("path", "old", "words"),
    [
        ("new.Cls", {}, "names the class itself"),
        ("old.Cls", {"installed": True, "absence": ""}, "is installed"),
        ("old.Cls", {"absence": "source_unavailable"}, "for a time only (source unavailable)"),
        ("old.Cls", {"is_job_hook_receiver": True}, "is a job hook receiver and new.Cls is a plain job"),
    ],
)
def test_declaration_that_cannot_be_followed_is_a_caution_and_nothing_to_do(path, old, words):
    new = declared("new", path)
    record, past = removed(**old)
    pasts = {"old": past}
    made = (
        plan([new], [make_record(new), record], pasts, scope=LOCAL, source=LOCAL)
        if not old.get("installed")
        else plan([new, make_descriptor("old")], [make_record(new), record], pasts)
    )
    if old.get("absence") == "source_unavailable":
        made = plan([new], [make_record(new), record], pasts, scope=GIT)
    assert not made.moves.adoptions
    assert words in made.moves.cautions[0].message
    assert made.is_empty


def test_declaration_is_followed_by_the_plan_that_gives_core_its_row():
    new = declared()
    record, past = removed()
    pasts = {"old": past}
    made = plan([new], [replace(make_record(new), core_job_text=None), record], pasts)
    assert [action.makes_core_row for action in made.jobs if action.key == new.key] == [True]
    assert [adoption.predecessor for adoption in made.moves.adoptions] == [record.key]


def test_declaration_waits_where_core_can_have_no_job():
    new = replace(declared(), module_name="m" * 101)
    record, past = removed()
    made = plan([new], [record], {"old": past})
    assert "Nautobot has no job of its own" in made.moves.cautions[0].message
    assert not made.moves.adoptions


def test_predecessor_that_the_registry_does_not_know_is_no_caution():
    new = declared("new", "never.Heard", "nodots")
    assert plan([new], [make_record(new)]).moves.cautions == ()


def test_first_of_two_claimants_adopts_and_the_other_is_told():
    first, second = declared("a"), declared("b")
    record, past = removed()
    made = plan([second, first], [record], {"old": past}, core=(make_core(first), make_core(second)))
    assert adopted(made) == [("a", "old")]
    assert [(item.key[0], item.message) for item in made.moves.cautions] == [
        ("b", "old.Cls was adopted by a.Cls already.")
    ]


@pytest.mark.parametrize("name_override", [False, True])
def test_job_of_a_source_that_was_not_read_is_proposed_at_once(name_override):
    """Otherwise the next reconcile of all sources would find something to do."""
    new = make_descriptor("new", source=GIT, code="y = 2")
    record, past = removed()
    there = recent(new)
    if name_override:
        columns = {"name": "By hand", "name_override": True}
        there = replace(make_record(new, **columns), created=days_ago(0))
    pasts = {"old": past, "new": Past(said_name="Name")}
    one_source = plan([], [record, there], pasts, scope=LOCAL)
    assert proposed(one_source) == [("new", "old", SAME_CLASS)]
    stored = {**pasts, "new": Past(predecessor=("old", "Cls"), grounds=SAME_CLASS, said_name="Name")}
    for scope in (LOCAL, GIT, None):
        scans = [make_scan(), make_scan(new, source=GIT)]
        read = [scan for scan in scans if scope in (None, scan.source)]
        state = replace(make_state(record, there), read_at=NOW, pasts={(key, "Cls"): p for key, p in stored.items()})
        assert make_plan(make_discovery(*read, scope=scope), state).is_empty


def test_job_that_is_absent_is_not_proposed_for_a_source_that_was_not_read():
    new = make_descriptor("new", source=GIT)
    record, past = removed()
    there = replace(make_record(new, installed=False, absence="load_error"), created=days_ago(0))
    assert not proposed(plan([], [record, there], {"old": past}, scope=LOCAL))


def test_proposal_of_a_source_that_was_not_read_is_replaced_by_a_better_one():
    new = make_descriptor("new", source=GIT)
    pasts = {"new": Past(predecessor=("older", "Cls"), grounds=SAME_CLASS)}
    record, past = removed()
    older, its_past = removed("older", code="z = 3")
    made = plan([], [record, older, recent(new)], {**pasts, "old": past, "older": its_past}, scope=LOCAL)
    assert proposed(made) == [("new", "old", SAME_TEXT)]
