"""What a reconcile decides to do (rules 3 and 5 to 9)."""

import dataclasses
from uuid import uuid4

import pytest

from nautobot_job_registry.engine.descriptor import ScanStatus
from nautobot_job_registry.engine.plan import ActionKind
from nautobot_job_registry.engine.records import ErrorRecord
from nautobot_job_registry.reconcile.plan import make_plan
from nautobot_job_registry.sources.load_errors import ErrorActionKind
from tests.engine.builders import (
    GIT,
    LOCAL,
    make_core,
    make_descriptor,
    make_discovery,
    make_failure,
    make_record,
    make_scan,
    make_state,
)


def changes_of(plan):
    return {change.field: (change.old, change.new) for action in plan.jobs for change in action.changes}


def test_new_class_is_registered_with_its_first_revision():
    plan = make_plan(make_discovery(make_scan(make_descriptor())), make_state())
    assert [(action.kind, action.revision) for action in plan.jobs] == [(ActionKind.REGISTER, 1)]
    assert plan.is_first


def test_known_class_gives_an_empty_plan():
    descriptor = make_descriptor()
    plan = make_plan(make_discovery(make_scan(descriptor)), make_state(make_record(descriptor)))
    assert plan.is_empty
    assert plan.unchanged == 1


def test_changed_metadata_change_the_record_and_make_a_revision():
    record = make_record(make_descriptor(), number=4)
    plan = make_plan(make_discovery(make_scan(make_descriptor(description="Other"))), make_state(record))
    assert changes_of(plan) == {"description": ("What it does", "Other"), "current_revision": (4, 5)}
    assert plan.jobs[0].kind is ActionKind.CHANGE


def test_changed_text_alone_makes_a_revision():
    record = make_record(make_descriptor(code="x = 1"))
    plan = make_plan(make_discovery(make_scan(make_descriptor(code="x = 2"))), make_state(record))
    assert changes_of(plan) == {"current_revision": (1, 2)}


def test_moved_commit_alone_makes_no_revision_and_no_log_entry():
    record = make_record(make_descriptor(source=GIT), source_version="aaa")
    scan = make_scan(make_descriptor(source=GIT), source=GIT, version="bbb")
    plan = make_plan(make_discovery(scan), make_state(record))
    assert changes_of(plan) == {"source_version": ("aaa", "bbb")}
    assert plan.jobs[0].kind is ActionKind.REFRESH
    assert not plan.jobs[0].is_logged


def test_overridden_field_stays_and_the_rest_follows():
    record = make_record(make_descriptor(), description="Ours", description_override=True)
    changed = make_descriptor(description="Theirs", time_limit=60.0)
    plan = make_plan(make_discovery(make_scan(changed)), make_state(record))
    assert changes_of(plan) == {"time_limit": (0.0, 60.0), "current_revision": (1, 2)}


def test_value_of_a_source_column_that_was_tampered_with_is_put_right():
    descriptor = make_descriptor()
    plan = make_plan(make_discovery(make_scan(descriptor)), make_state(make_record(descriptor, grouping="Wrong")))
    assert changes_of(plan) == {"grouping": ("Wrong", "Group")}


@pytest.mark.parametrize(
    ("status", "absence"),
    [
        (ScanStatus.COMPLETE, "removed"),
        (ScanStatus.FAILED, "load_error"),
        (ScanStatus.UNAVAILABLE, "source_unavailable"),
    ],
)
def test_absence_is_a_removal_only_where_the_scan_is_complete(status, absence):
    record = make_record(make_descriptor())
    plan = make_plan(make_discovery(make_scan(status=status)), make_state(record))
    assert changes_of(plan) == {"installed": (True, False), "absence": ("", absence)}
    assert plan.jobs[0].kind is ActionKind.UNINSTALL


def test_class_that_could_not_be_read_is_a_load_error_though_its_scan_is_complete():
    record = make_record(make_descriptor())
    scan = make_scan(failures=(make_failure(cls="Cls"),))
    plan = make_plan(make_discovery(scan), make_state(record))
    assert changes_of(plan)["absence"] == ("", "load_error")


def test_removal_that_was_confirmed_stays_one_when_the_source_fails():
    record = make_record(make_descriptor(), installed=False, absence="removed")
    for status in (ScanStatus.FAILED, ScanStatus.UNAVAILABLE):
        assert make_plan(make_discovery(make_scan(status=status)), make_state(record)).is_empty


def test_temporary_absence_becomes_a_removal_once_it_is_confirmed():
    record = make_record(make_descriptor(), installed=False, absence="load_error")
    plan = make_plan(make_discovery(make_scan()), make_state(record))
    assert changes_of(plan) == {"absence": ("load_error", "removed")}
    assert plan.jobs[0].kind is ActionKind.CHANGE


def test_job_of_a_source_that_is_no_more_is_removed():
    record = make_record(make_descriptor(source=GIT))
    plan = make_plan(make_discovery(make_scan()), make_state(record))
    assert changes_of(plan)["absence"] == ("", "removed")


def test_return_of_a_class_brings_its_record_back():
    descriptor = make_descriptor()
    record = make_record(descriptor, installed=False, absence="removed", enabled=True)
    plan = make_plan(make_discovery(make_scan(descriptor)), make_state(record))
    assert changes_of(plan) == {"installed": (False, True), "absence": ("removed", "")}
    assert plan.jobs[0].kind is ActionKind.RETURN
    assert plan.jobs[0].columns["enabled"] is True


def test_scope_leaves_the_jobs_of_other_sources_alone():
    local, git = make_descriptor("local"), make_descriptor("git", source=GIT)
    plan = make_plan(make_discovery(make_scan(source=GIT), scope=GIT), make_state(make_record(local), make_record(git)))
    assert [action.class_path for action in plan.jobs] == ["git.Cls"]


def test_class_that_moved_to_another_source_keeps_its_record():
    record = make_record(make_descriptor("mod", source=LOCAL), enabled=True)
    scans = make_scan(), make_scan(make_descriptor("mod", source=GIT), source=GIT)
    plan = make_plan(make_discovery(*scans), make_state(record))
    assert changes_of(plan) == {"source_type": ("local", "git"), "source_name": ("JOBS_ROOT", "repo")}


def test_new_job_adopts_what_was_decided_in_core():
    descriptor = make_descriptor()
    core = make_core(descriptor, enabled=True, description="By hand")
    plan = make_plan(make_discovery(make_scan(descriptor)), make_state(core=(core,)))
    columns = plan.jobs[0].columns
    assert (columns["description"], columns["description_override"]) == ("By hand", True)
    assert (columns["name"], columns["name_override"], columns["enabled"]) == ("Name", False, True)
    assert columns["core_job"] == core.id
    assert columns["core_decisions"] == {"enabled": True, "overrides": {"description": "By hand"}}


def test_job_that_only_core_knows_is_adopted_as_absent():
    core = make_core(make_descriptor("gone"), enabled=True, name="Mine")
    discovery = make_discovery(make_scan(), origins={("gone", "Cls"): LOCAL})
    plan = make_plan(discovery, make_state(core=(core,)))
    columns = plan.jobs[0].columns
    assert (columns["installed"], columns["absence"], columns["enabled"]) == (False, "removed", True)
    assert (columns["name"], columns["name_override"]) == ("Mine", True)
    assert plan.jobs[0].revision is None


def test_decision_that_changed_in_core_is_taken_over():
    descriptor = make_descriptor()
    core = make_core(descriptor, enabled=True, known={"enabled": False, "overrides": {}}, time_limit=5.0)
    record = make_record(descriptor, description="Ours", description_override=True)
    changes = changes_of(make_plan(make_discovery(make_scan(descriptor)), make_state(record, core=(core,))))
    both = {"description": "Ours", "time_limit": 5.0}
    before = {"description": [[]], "enabled": [[False]], "time_limit": [[]]}
    assert changes.pop("core_decisions")[1] == {"enabled": True, "overrides": both, "before": before}
    assert changes == {
        "time_limit": (0.0, 5.0),
        "time_limit_override": (False, True),
        "enabled": (False, True),
        "core_job.description": ("What it does", "Ours"),
        "core_job.description_override": (False, True),
    }


def test_override_that_was_cleared_in_core_is_cleared_here():
    descriptor = make_descriptor()
    known = {"enabled": False, "overrides": {"description": "Old"}}
    record = make_record(descriptor, description="Old", description_override=True)
    state = make_state(record, core=(make_core(descriptor, known=known),))
    changes = changes_of(make_plan(make_discovery(make_scan(descriptor)), state))
    assert changes["description"] == ("Old", "What it does")
    assert changes["description_override"] == (True, False)


def test_core_row_made_anew_does_not_undo_a_decision():
    descriptor = make_descriptor()
    record = make_record(descriptor, enabled=True, description="Ours", description_override=True)
    plan = make_plan(make_discovery(make_scan(descriptor)), make_state(record, core=(make_core(descriptor),)))
    changes = changes_of(plan)
    assert changes.keys() == {
        "core_job",
        "core_decisions",
        "core_job.enabled",
        "core_job.description",
        "core_job.description_override",
    }
    assert plan.jobs[0].kind is ActionKind.REFRESH
    written = {"enabled": True, "description": "Ours", "description_override": True}
    assert plan.jobs[0].core_columns == written


def test_long_name_and_grouping_are_shortened_in_the_record_and_whole_in_the_revision():
    descriptor = make_descriptor(name="n" * 130, grouping="g" * 300)
    action = make_plan(make_discovery(make_scan(descriptor)), make_state()).jobs[0]
    assert (action.columns["name"], action.columns["grouping"]) == ("n" * 100, "g" * 255)
    assert action.descriptor.metadata["name"] == "n" * 130


def test_long_module_names_stay_apart():
    first, second = (make_descriptor("m" * 300 + end) for end in "ab")
    plan = make_plan(make_discovery(make_scan(first, second)), make_state())
    keys = {action.key[0] for action in plan.jobs}
    assert len(keys) == 2
    assert {len(key) for key in keys} == {255}


def make_open_error(failure, **values):
    error = ErrorRecord(
        uuid4(), failure.key, "", failure.file_path, failure.line, failure.exception_type, failure.message
    )
    return dataclasses.replace(error, **values)


def test_failure_opens_an_error_once():
    scan = make_scan(status=ScanStatus.FAILED, failures=(make_failure(),))
    plan = make_plan(make_discovery(scan), make_state())
    assert [action.kind for action in plan.errors] == [ErrorActionKind.OPEN]
    again = make_plan(make_discovery(scan), make_state(errors=(make_open_error(make_failure()),)))
    assert again.is_empty


def test_memory_address_in_a_message_is_no_news():
    scan = make_scan(failures=(make_failure(message="<f at 0x7f00>"),))
    known = make_open_error(make_failure(message="<f at 0x7fff>"))
    assert make_plan(make_discovery(scan), make_state(errors=(known,))).is_empty


def test_other_message_updates_the_error():
    known = make_open_error(make_failure(message="old"))
    scan = make_scan(failures=(make_failure(message="new"),))
    plan = make_plan(make_discovery(scan), make_state(errors=(known,)))
    assert [(action.kind, action.error_id) for action in plan.errors] == [(ErrorActionKind.UPDATE, known.id)]


@pytest.mark.parametrize(("status", "resolved"), [(ScanStatus.COMPLETE, 1), (ScanStatus.UNAVAILABLE, 0)])
def test_error_is_resolved_only_by_a_source_that_was_read(status, resolved):
    known = make_open_error(make_failure())
    plan = make_plan(make_discovery(make_scan(status=status)), make_state(errors=(known,)))
    assert len(plan.errors) == resolved


def test_error_of_another_source_is_not_resolved_by_a_scoped_reconcile():
    known = make_open_error(make_failure())
    assert make_plan(make_discovery(make_scan(source=GIT), scope=GIT), make_state(errors=(known,))).is_empty


def test_counts_tell_every_kind():
    descriptor = make_descriptor("new")
    gone, same = make_record(make_descriptor("gone")), make_record(make_descriptor("same"))
    scan = make_scan(descriptor, make_descriptor("same"), failures=(make_failure("bad"),))
    counts = make_plan(make_discovery(scan), make_state(gone, same)).counts()
    assert (counts["registered"], counts["uninstalled"], counts["unchanged"], counts["errors_opened"]) == (1, 1, 1, 1)
