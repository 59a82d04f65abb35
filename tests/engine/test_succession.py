"""What a job takes over from the job that it was, and what speaks against it (rule 21)."""

import pytest

from nautobot_job_registry.core_bridge.annotations import merged_custom_fields
from nautobot_job_registry.engine.names import is_numbered
from nautobot_job_registry.lifecycle.moves.rules import Decided, Party, adoption_refusal, inherit

NEW = Party("new.Job", installed=True)
OLD = Party("old.Job", installed=False, absence="removed")


@pytest.mark.parametrize(
    ("successor", "predecessor", "words"),
    [
        (NEW, OLD, ""),
        (NEW, NEW, "cannot adopt its own past"),
        (OLD, NEW, "old.Job is not installed"),
        (NEW, Party("old.Job", True), "old.Job is installed"),
        (NEW, Party("old.Job", False, "load_error"), "for a time only (load error)"),
        (NEW, Party("old.Job", False, "removed", is_job_hook_receiver=True), "is a job hook receiver and"),
        (
            Party("new.Job", True, is_job_button_receiver=True),
            OLD,
            "is a plain job and new.Job is a job button receiver",
        ),
        (Party("new.Job", True, has_core_job=False), OLD, "no job of its own for new.Job"),
    ],
)
def test_refusal_names_the_reason(successor, predecessor, words):
    reason = adoption_refusal(successor, predecessor)
    assert words in reason
    assert bool(reason) == bool(words)


def test_own_overrides_win_and_the_others_are_told():
    taken = inherit(
        Decided(False, {"hidden": True, "grouping": "A"}),
        Decided(True, {"hidden": False, "name": "B", "grouping": "A"}),
    )
    assert (dict(taken.taken), taken.not_taken, taken.enabled) == ({"name": "B"}, ("hidden",), True)


@pytest.mark.parametrize(
    ("own", "merged"), [(False, False), (0, 0), ("new", "new"), (None, "old"), ("", "old"), ([], "old")]
)
def test_custom_field_that_says_no_or_nought_is_not_overwritten(own, merged):
    fields = merged_custom_fields({"field": own}, {"field": "old", "other": "kept"})
    assert fields == {"field": merged, "other": "kept"}


@pytest.mark.parametrize(("own", "past", "enabled"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)])
def test_job_is_enabled_if_either_was(own, past, enabled):
    assert inherit(Decided(bool(own), {}), Decided(bool(past), {})).enabled == bool(enabled)


def test_number_that_nobody_chose_gives_way():
    numbered = Decided(False, {"name": "X (2)"}, has_numbered_name=True)
    assert inherit(numbered, Decided(False, {})).drops_number
    named = inherit(numbered, Decided(False, {"name": "By hand"}))
    assert (dict(named.taken), named.drops_number) == ({"name": "By hand"}, False)
    assert dict(inherit(Decided(False, {}), numbered).taken) == {}


@pytest.mark.parametrize(
    ("name", "source", "numbered"),
    [
        ("X (2)", "X", True),
        ("X (12)", "X", True),
        ("X", "X", False),
        ("Y (2)", "X", False),
        ("X(2)", "X", False),
        ("x" * 96 + " (2)", "x" * 130, True),
    ],
)
def test_numbered_name_is_known_by_the_source(name, source, numbered):
    assert is_numbered(name, source) == numbered
