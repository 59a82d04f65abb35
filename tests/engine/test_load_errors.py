"""Load errors of commits that were rejected, and of those in effect (rules 2 and 12)."""

import dataclasses
from uuid import uuid4

import pytest

from nautobot_job_registry.engine.descriptor import ScanStatus
from nautobot_job_registry.engine.records import ErrorRecord
from nautobot_job_registry.sources.load_errors import ErrorActionKind, error_actions, rejected_error_actions
from tests.engine.builders import GIT, LOCAL, make_discovery, make_failure, make_scan

EFFECTIVE, REJECTED, LATER = "a" * 40, "b" * 40, "c" * 40


def failure_at(version, module="repo.jobs.bad", **values):
    return dataclasses.replace(make_failure(module, source=GIT), source_version=version, **values)


def known(failure, **values):
    facts = ("source_version", "file_path", "line", "exception_type", "message", "effective_version")
    record = ErrorRecord(id=uuid4(), key=failure.key, **{name: getattr(failure, name) for name in facts})
    return {failure.key: dataclasses.replace(record, **values)}


def rejected(*failures, errors=()):
    actions = rejected_error_actions(failures, dict(errors), GIT, EFFECTIVE)
    return [(action.kind, action.label) for action in actions]


def read(version, errors, failures=(), **values):
    scan = make_scan(source=GIT, version=version, failures=tuple(failures))
    return [action.kind for action in error_actions(make_discovery(scan, **values), errors)]


def test_error_of_a_rejected_commit_names_both_commits():
    (action,) = rejected_error_actions([failure_at(REJECTED)], {}, GIT, EFFECTIVE)
    assert (action.kind, action.label, action.source) == (ErrorActionKind.OPEN, "repo.jobs.bad", "git:repo")
    assert (action.failure.source_version, action.failure.effective_version) == (REJECTED, EFFECTIVE)


def test_same_error_of_the_same_commit_is_confirmed():
    errors = known(failure_at(REJECTED, effective_version=EFFECTIVE))
    assert rejected(failure_at(REJECTED), errors=errors) == [(ErrorActionKind.CONFIRM, "repo.jobs.bad")]
    assert rejected(failure_at(LATER), errors=errors) == [(ErrorActionKind.UPDATE, "repo.jobs.bad")]


def test_rejected_commit_resolves_what_an_earlier_rejected_one_had_and_nothing_else():
    of_rejected = known(failure_at(REJECTED, "repo.jobs.one", effective_version=EFFECTIVE))
    of_effective = known(failure_at(EFFECTIVE, "repo.jobs.two"))
    elsewhere = known(dataclasses.replace(failure_at(REJECTED, effective_version=EFFECTIVE), source=LOCAL))
    errors = {**of_rejected, **of_effective, **elsewhere}
    assert rejected(errors=errors) == [(ErrorActionKind.RESOLVE, "repo.jobs.one")]


def test_rejected_commit_resolves_what_an_earlier_one_had_also_where_none_was_ever_in_effect():
    errors = known(failure_at(REJECTED, "repo.jobs.one"))
    actions = rejected_error_actions([failure_at(LATER, "repo.jobs.two")], errors, GIT, "")
    assert [(action.kind, action.label) for action in actions] == [
        (ErrorActionKind.OPEN, "repo.jobs.two"),
        (ErrorActionKind.RESOLVE, "repo.jobs.one"),
    ]


@pytest.mark.parametrize(
    ("version", "is_latest", "resolved"), [(EFFECTIVE, False, 0), (LATER, False, 1), (EFFECTIVE, True, 1)]
)
def test_error_of_a_rejected_commit_waits_for_the_next_good_commit(version, is_latest, resolved):
    errors = known(failure_at(REJECTED, effective_version=EFFECTIVE))
    assert len(read(version, errors, is_latest=is_latest)) == resolved


def test_error_of_a_rejected_commit_is_not_told_back_and_forth_with_that_of_the_commit_in_effect():
    ahead = known(failure_at(REJECTED, effective_version=EFFECTIVE))
    for message in ("boom", "another"):
        assert read(EFFECTIVE, ahead, [failure_at(EFFECTIVE, message=message)]) == []
    assert read(LATER, ahead, [failure_at(LATER)]) == [ErrorActionKind.UPDATE]
    assert read(EFFECTIVE, ahead, [failure_at(EFFECTIVE)], is_latest=True) == [ErrorActionKind.UPDATE]


def test_rejected_commit_leaves_an_error_alone_that_the_commit_in_effect_has_too():
    in_effect = known(failure_at(EFFECTIVE))
    assert rejected(failure_at(REJECTED, line=7), errors=in_effect) == []
    assert rejected(failure_at(REJECTED, message="why it was rejected"), errors=in_effect) == [
        (ErrorActionKind.UPDATE, "repo.jobs.bad")
    ]
    assert rejected(errors=in_effect) == []


def test_sync_of_which_not_all_was_read_resolves_nothing():
    errors = known(failure_at(REJECTED, "repo.jobs.one", effective_version=EFFECTIVE))
    actions = rejected_error_actions([failure_at(LATER)], errors, GIT, EFFECTIVE, is_whole=False)
    assert [action.kind for action in actions] == [ErrorActionKind.OPEN]


def test_error_of_a_repository_that_is_gone_is_resolved():
    errors = known(failure_at(REJECTED, effective_version=EFFECTIVE))
    assert [action.kind for action in error_actions(make_discovery(), errors)] == [ErrorActionKind.RESOLVE]


def test_error_of_a_repository_that_cannot_be_read_stays():
    errors = known(failure_at(REJECTED, effective_version=EFFECTIVE))
    scan = make_scan(source=GIT, status=ScanStatus.UNAVAILABLE, version=LATER)
    assert list(error_actions(make_discovery(scan), errors)) == []


def test_rejected_commit_that_comes_into_effect_makes_its_error_an_ordinary_one():
    errors = known(failure_at(REJECTED, effective_version=EFFECTIVE))
    failure = failure_at(REJECTED)
    assert read(REJECTED, errors, [failure]) == [ErrorActionKind.UPDATE]
    assert read(REJECTED, known(failure), [failure]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("at 1764098816.25", "at 1764098817.5"),
        ("<f at 0x7f00>", "<f at 0x7fffAB>"),
        ("no 1b4e28ba-2fa1-11d2-883f-0016d3cca427", "no ffffffff-aaaa-4bbb-8ccc-abcdefabcdef"),
        ("run_1b4e28ba2fa111d2883f0016d3cca427 failed", "run_abcdefabcdefabcdabcdefabcdefabcd failed"),
        ("No such file: '/tmp/tmpk3_x9a0q/a.py'", "No such file: '/tmp/tmpabcdefgh/a.py'"),
    ],
)
def test_message_that_moves_at_each_reading_is_no_news(before, after):
    assert read(EFFECTIVE, known(failure_at(EFFECTIVE, message=before)), [failure_at(EFFECTIVE, message=after)]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("No module named 'one'", "No module named 'two'"),
        ("no deadbeef", "no livebeef"),
        ("tmpfile is gone", "tmpdirectory is gone"),
        ("at 17", "at"),
    ],
)
def test_message_that_says_something_else_is_news(before, after):
    found = read(EFFECTIVE, known(failure_at(EFFECTIVE, message=before)), [failure_at(EFFECTIVE, message=after)])
    assert found == [ErrorActionKind.UPDATE]
