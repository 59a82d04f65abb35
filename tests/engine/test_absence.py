"""Why a class is not there (rule 3): every state of its source against what is known of the file that registered it."""

import pytest

from nautobot_job_registry.engine.descriptor import Registrar, ScanStatus
from nautobot_job_registry.engine.records import ErrorRecord
from nautobot_job_registry.lifecycle.moves.rules import Party, adoption_refusal
from nautobot_job_registry.lifecycle.suspensions.rules import JobSituation
from nautobot_job_registry.reconcile.plan import make_plan
from tests.engine.builders import (
    LOCAL,
    make_descriptor,
    make_discovery,
    make_failure,
    make_record,
    make_scan,
    make_state,
)

COMPLETE, FAILED, UNAVAILABLE = ScanStatus.COMPLETE, ScanStatus.FAILED, ScanStatus.UNAVAILABLE
KEY = ("mod", "Cls")


def absence(scan, *, known="", **values):
    installed = not known
    record = make_record(make_descriptor(), installed=installed, absence=known)
    plan = make_plan(make_discovery(scan, **values), make_state(record))
    return plan.jobs[0].columns["absence"] if plan.jobs else known


@pytest.mark.parametrize(
    ("status", "registrar", "expected"),
    [
        (COMPLETE, None, "removed"),
        (COMPLETE, Registrar.LOADED, "removed"),
        (COMPLETE, Registrar.GONE, "removed"),
        # Whoever imports it has caught what it raised.
        (COMPLETE, Registrar.BROKEN, "load_error"),
        (COMPLETE, Registrar.OUT_OF_REACH, "unconfirmed"),
        (FAILED, None, "load_error"),
        (FAILED, Registrar.BROKEN, "load_error"),
        (FAILED, Registrar.GONE, "unconfirmed"),
        # The class may have moved to what could not be loaded.
        (FAILED, Registrar.LOADED, "unconfirmed"),
        (FAILED, Registrar.OUT_OF_REACH, "unconfirmed"),
        (UNAVAILABLE, None, "source_unavailable"),
        (UNAVAILABLE, Registrar.GONE, "source_unavailable"),
        (UNAVAILABLE, Registrar.BROKEN, "source_unavailable"),
    ],
)
@pytest.mark.parametrize("known", ["", "load_error", "unconfirmed", "source_unavailable"])
def test_absence_by_source_and_registering_file(status, registrar, expected, known):
    registrars = {KEY: registrar} if registrar else {}
    assert absence(make_scan(status=status), known=known, registrars=registrars) == expected


@pytest.mark.parametrize("registrar", list(Registrar))
@pytest.mark.parametrize("status", list(ScanStatus))
def test_removal_that_was_confirmed_stays_one(status, registrar):
    assert absence(make_scan(status=status), known="removed", registrars={KEY: registrar}) == "removed"


def test_class_that_could_not_be_read_is_a_load_error_whatever_is_known_of_its_file():
    scan = make_scan(failures=(make_failure(cls="Cls"),))
    assert absence(scan, registrars={KEY: Registrar.GONE}) == "load_error"


@pytest.mark.parametrize(
    ("is_empty", "confirmed", "expected"),
    [(False, False, "removed"), (True, False, "source_unavailable"), (True, True, "removed")],
)
def test_emptied_folder_is_out_of_reach_until_a_person_confirms_it(is_empty, confirmed, expected):
    scan = make_scan(is_empty=is_empty)
    assert absence(scan, confirms_empty=confirmed) == expected


def test_empty_folder_that_never_held_a_job_is_what_it_seems_to_be():
    failure = make_failure()
    record = make_record(make_descriptor(), installed=False, absence="removed")
    known = ErrorRecord("id", failure.key, "", "mod.py", 3, "ValueError", "boom")
    plan = make_plan(make_discovery(make_scan(is_empty=True)), make_state(record, errors=(known,)))
    assert [action.kind.value for action in plan.errors] == ["resolve"]
    assert not plan.jobs


@pytest.mark.parametrize(
    "scan",
    [
        make_scan(status=UNAVAILABLE, is_outdated=True),
        make_scan(outdated=frozenset({KEY})),
        make_scan(status=FAILED, outdated=frozenset({KEY})),
    ],
)
def test_process_that_is_older_than_the_files_changes_no_record(scan):
    record = make_record(make_descriptor())
    assert make_plan(make_discovery(scan), make_state(record)).is_empty
    absent = make_record(make_descriptor(), installed=False, absence="load_error")
    assert make_plan(make_discovery(scan), make_state(absent)).is_empty


def test_class_that_nautobot_cannot_run_gets_a_record_and_no_row_of_nautobots():
    descriptor = make_descriptor(is_runnable=False)
    plan = make_plan(make_discovery(make_scan(descriptor)), make_state())
    [action] = plan.jobs
    assert (action.columns["installed"], action.columns["absence"]) == (False, "load_error")
    assert (action.makes_core_row, action.revision) == (False, 1)


def test_class_that_nautobot_can_run_no_more_is_a_load_error_and_says_so_in_nautobots_row():
    record = make_record(make_descriptor())
    plan = make_plan(make_discovery(make_scan(make_descriptor(is_runnable=False))), make_state(record))
    [action] = plan.jobs
    assert (action.columns["absence"], action.core_columns) == ("load_error", {"installed": False})
    absent = make_record(make_descriptor(), installed=False, absence="load_error")
    assert make_plan(make_discovery(make_scan(make_descriptor(is_runnable=False))), make_state(absent)).is_empty


def test_source_stays_when_the_file_that_registers_a_class_is_another_one():
    record = make_record(make_descriptor())
    plan = make_plan(make_discovery(make_scan(make_descriptor(registered_in="other.py"))), make_state(record))
    [action] = plan.jobs
    assert [change.field for change in action.changes] == ["registered_in"]
    assert not action.is_logged
    assert action.columns["source_type"] == LOCAL.type.value


@pytest.mark.parametrize("absence", ["load_error", "unconfirmed", "source_unavailable"])
def test_nothing_is_taken_for_gone_that_is_absent_for_a_time(absence):
    old, new = Party("mod.Old", False, absence, False, False), Party("mod.New", True, "", False, False)
    assert absence.replace("_", " ") in adoption_refusal(new, old)
    assert not JobSituation(("mod", "Old"), None, None, installed=False, absence=absence).is_removed
