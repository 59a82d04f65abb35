"""Two texts line by line, at a bounded cost."""

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautobot_job_registry.history import diff
from nautobot_job_registry.history.diff import compare_texts, rows, unified

TEXTS = st.lists(st.sampled_from("abcde\r\u2028"), max_size=30).map("\n".join)


def rebuilt(found):
    """Return the new text, made from the old one and the hunks."""
    lines, place = [], 0
    for hunk in found.hunks:
        for _, i1, i2, j1, j2 in hunk:
            lines += [*found.old[place:i1], *found.new[j1:j2]]
            place = i2
    return "".join([*lines, *found.old[place:]])


def sides(found):
    """Return both texts of the hunks, told by their rows."""
    shown = [row for hunk in found.hunks for row in rows(found, hunk)]
    return [row.old for row in shown if row.old_number], [row.new for row in shown if row.new_number]


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from((0, 40, diff.BUDGET)))
def test_the_new_text_can_be_made_from_the_old_one_and_the_diff(old, new, budget):
    found = compare_texts(old, new, budget=budget)
    assert rebuilt(found) == new
    assert not found.hunks if old == new else found.hunks
    assert (found.added, found.removed) == (
        len(found.new) - kept(found),
        len(found.old) - kept(found),
    )


def kept(found):
    lost = {i for hunk in found.hunks for kind, i1, i2, _, _ in hunk if kind != diff.EQUAL for i in range(i1, i2)}
    return len(found.old) - len(lost)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_a_row_has_the_line_and_its_number_on_either_side(old, new):
    found = compare_texts(old, new)
    shown = [row for hunk in found.hunks for row in rows(found, hunk)]
    for row in shown:
        for number, text, lines in ((row.old_number, row.old, found.old), (row.new_number, row.new, found.new)):
            assert text == (lines[number - 1].removesuffix("\n") if number else "")
        if row.kind == diff.EQUAL:
            assert row.old == row.new


def test_unified_format_is_that_of_difflib():
    old = "".join(f"line {number}\n" for number in range(40))
    new = old.replace("line 3\n", "").replace("line 20\n", "line 20 changed\n").replace("line 30\n", "line 30\nnew\n")
    expected = difflib.unified_diff(old.splitlines(True), new.splitlines(True), "old", "new")
    assert unified(compare_texts(old, new), "old", "new") == "".join(expected)
    assert unified(compare_texts(old, old), "old", "new") == ""


def test_unified_format_says_where_a_last_line_has_no_end():
    text = unified(compare_texts("a\nb", "a\nb\n"), "old", "new")
    assert text == "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"


def test_text_that_begins_and_one_that_ends_with_nothing():
    assert unified(compare_texts("", "a\n"), "old", "new").splitlines()[2:] == ["@@ -0,0 +1 @@", "+a"]
    assert unified(compare_texts("a\n", ""), "old", "new").splitlines()[2:] == ["@@ -1 +0,0 @@", "-a"]


def test_only_a_line_feed_ends_a_line():
    assert compare_texts("a\u2028b\x0cc\r\n", "").old == ("a\u2028b\x0cc\r\n",)


class CountedLine(str):
    """A line that counts how often lines are compared."""

    looked_at = 0

    def __eq__(self, other):
        CountedLine.looked_at += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


HARD = {
    "the same lines again and again": ("a\nb\n" * 20_000, "b\nc\na\n" * 13_000),
    "nothing in common": (
        "".join(f"old {number}\n" for number in range(40_000)),
        "".join(f"new {number}\n" for number in range(40_000)),
    ),
    "turned round": (
        "".join(f"{number}\n" for number in range(40_000)),
        "".join(f"{number}\n" for number in reversed(range(40_000))),
    ),
    "each line twice": (
        "".join(f"{number}\n" for number in range(20_000)) * 2,
        "".join(f"{number}\n" for number in reversed(range(20_000))) * 2,
    ),
}


@pytest.mark.parametrize("name", HARD)
def test_a_hard_pair_of_texts_costs_no_more_than_the_budget(name, monkeypatch):
    old, new = HARD[name]
    monkeypatch.setattr(CountedLine, "looked_at", 0)
    monkeypatch.setattr(diff, "_lines", lambda text: tuple(map(CountedLine, text.splitlines(keepends=True))))
    found = compare_texts(old, new)
    assert rebuilt(found) == new
    assert CountedLine.looked_at < diff.BUDGET + 10 * (len(found.old) + len(found.new))


def test_a_gap_that_is_too_large_is_replaced_as_a_whole_and_the_rest_compared():
    old = "begin\n" + "a\nb\n" * 50 + "middle\none\ntwo\nend\n"
    new = "begin\n" + "b\nc\na\n" * 50 + "middle\none\nzwei\nend\n"
    found = compare_texts(old, new, budget=500)
    assert found.is_coarse
    assert rebuilt(found) == new
    assert "-two\n+zwei\n" in unified(found, "old", "new")
    assert not compare_texts(old, new).is_coarse


def test_two_generated_modules_of_two_megabytes_are_compared_whole():
    lines = [f"    '{number:06}': {{'name': 'device-{number}', 'role': 'leaf'}},\n" for number in range(40_000)]
    changed = [line.replace("leaf", "spine") if number % 400 == 0 else line for number, line in enumerate(lines)]
    found = compare_texts("".join(lines), "".join(changed))
    assert (found.added, found.removed, found.is_coarse) == (100, 100, False)
