"""What the changes of a reconcile say in words."""

import pytest

from nautobot_job_registry.engine.plan import ActionKind, FieldChange, JobAction
from nautobot_job_registry.history import sentences, summaries, values
from nautobot_job_registry.reconcile import report
from nautobot_job_registry.reconcile.plan import Plan
from nautobot_job_registry.views import change_rows
from nautobot_job_registry.views import changes as views

JOB = {"job": "x.Job", "source": "git:y", "absence": "", "fields": {}}
ERROR = {
    "load_error": "y.jobs.bad",
    "source": "git:y",
    "message": "No module named 'z'",
    "exception_type": "ModuleNotFoundError",
    "file_path": "/git/y/jobs/bad.py",
    "line": 3,
}
AUTHOR = {"commit_author": "Ada", "commit_subject": "Use z."}
RAISED = "ModuleNotFoundError: No module named 'z' (/git/y/jobs/bad.py, line 3)."


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"action": "register"}, "x.Job is new in git:y."),
        ({"action": "register", "source": "local"}, "x.Job is new in JOBS_ROOT."),
        (
            {"action": "register", "absence": "removed"},
            "x.Job is registered as a job that is not installed: the class is no longer in the code.",
        ),
        (
            {"action": "uninstall", "absence": "removed"},
            "x.Job was removed: the class is no longer in the code.",
        ),
        (
            {"action": "uninstall", "absence": "source_unavailable"},
            "x.Job is missing for now: its source git:y could not be read; it is kept, and comes back when it can be.",
        ),
        (
            {"action": "uninstall", "absence": "load_error"},
            "x.Job is missing for now: it cannot be loaded from git:y; it is kept, and comes back when it can be.",
        ),
        ({"action": "return"}, "x.Job was restored: git:y has the class again."),
        (
            {"action": "return", "fields": {"hidden": {"old": False, "new": True}}},
            "x.Job was restored: git:y has the class again. What is different: hidden from no to yes.",
        ),
        (
            {
                "action": "change",
                "fields": {
                    "time_limit": {"old": 0.0, "new": 60.0},
                    "job_queues": {"old": [], "new": ["a", "b"]},
                    "description": {"old": "", "new": "Saves\nall."},
                    "description_override": {"old": True, "new": False},
                    "current_revision": {"old": 1, "new": 2},
                },
            },
            "x.Job changed (revision 2): time limit from 0 to 60; job queues from nothing to a, b; description from "
            "nothing to Saves all; description is not overridden any more.",
        ),
        (
            {"action": "change", "fields": {"current_revision": {"old": 1, "new": 2}}},
            "x.Job: code changed (revision 2).",
        ),
        (
            {
                "action": "change",
                "absence": "removed",
                "fields": {"absence": {"old": "load_error", "new": "removed"}},
            },
            "x.Job is still not installed, as the class is no longer in the code.",
        ),
        (
            {"action": "refresh", "fields": {"source_version": {"old": "a", "new": "b"}}},
            "x.Job: version of git:y moved to b.",
        ),
        (
            {"action": "refresh", "fields": {"core_job": {"old": None, "new": "1"}}},
            "x.Job: linked to Nautobot's own job again.",
        ),
        (
            {"action": "suspend", "numbers": {"schedules": 1, "job_hooks": 0, "job_buttons": 0}},
            "1 schedule of x.Job switched off with the job.",
        ),
        (
            {"action": "restore", "numbers": {"schedules": 2, "job_hooks": 1, "job_buttons": 0}},
            "2 schedules and 1 job hook of x.Job switched on again with the job.",
        ),
        (
            {"action": "end_override", "field": "time_limit"},
            "x.Job: override of time limit ended, and the field says what the code says.",
        ),
        (
            {"action": "adopt", "fields": {"predecessor": {"old": None, "new": "old.Job"}}},
            "x.Job took over the history of old.Job.",
        ),
        ({"action": "of a later version"}, "x.Job: of a later version."),
    ],
)
def test_change_of_a_job_is_told_in_a_sentence(entry, sentence):
    assert sentences.sentence({**JOB, **entry}) == sentence


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"action": "open"}, f"y.jobs.bad of git:y cannot be loaded: {RAISED}"),
        (
            {"action": "open", **AUTHOR},
            f"y.jobs.bad of git:y cannot be loaded: {RAISED} The last commit to touch the file is 'Use z' by Ada.",
        ),
        (
            {"action": "confirm", "source_version": "b", "effective_version": "a"},
            f"y.jobs.bad of git:y still cannot be loaded: {RAISED} Runs from a; the sync to b was rejected.",
        ),
        ({"action": "resolve"}, "y.jobs.bad of git:y is fixed: it can be loaded again."),
    ],
)
def test_load_error_is_told_in_a_sentence(entry, sentence):
    assert sentences.sentence({**ERROR, **entry}) == sentence


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({**JOB, "action": "register"}, "New in git:y."),
        ({**JOB, "action": "uninstall", "absence": "removed"}, "Removed: the class is no longer in the code."),
        ({**JOB, "action": "return"}, "Restored: git:y has the class again."),
        (
            {**JOB, "action": "change", "fields": {"current_revision": {"old": 3, "new": 4}}},
            "Code changed (revision 4).",
        ),
        ({**JOB, "action": "suspend", "numbers": {"schedules": 2}}, "2 schedules switched off with the job."),
        ({**JOB, "action": "adopt", "fields": {"predecessor": {"new": "o.Job"}}}, "Took over the history of o.Job."),
        (
            {
                **JOB,
                "action": "drift",
                "field": "soft_time_limit",
                "beneath": {"old": 600.0, "new": 900.0, "value": 300.0, "drifts": True},
            },
            "Soft time limit (overridden): source 600 → 900, stays 300: drifts.",
        ),
        (
            {**JOB, "action": "misfit", "misfits": {"schedules": 2, "missing": ["days"]}},
            "2 schedules will fail: 'days' is required, but not stored.",
        ),
        ({**ERROR, "action": "open"}, f"Cannot be loaded: {RAISED}"),
        ({**ERROR, "action": "resolve"}, "Fixed: it can be loaded again."),
        (
            {**JOB, "action": "refresh", "fields": {"source_version": {"old": "a" * 40, "new": "b" * 40}}},
            "Version of git:y moved to bbbbbbbb.",
        ),
    ],
)
def test_beside_the_name_of_the_job_a_sentence_does_not_repeat_it(entry, sentence):
    assert sentences.sentence_beside_its_subject(entry) == sentence


def test_long_texts_are_cut_to_one_line():
    told = sentences.sentence({**ERROR, "action": "open", "message": "first\n" + "x" * 1000})
    assert "\n" not in told
    assert len(told) < 400


def test_every_action_has_a_sentence_and_a_group_of_its_own():
    grouped = [action for group in sentences.GROUPS for action in group.actions]
    # What was left as it was needs no group of its own.
    assert sorted([*grouped, "close"]) == sorted(sentences.SENTENCES)
    assert sentences.group_of({"action": "unknown"}) is sentences.OTHER


@pytest.mark.parametrize("entry", [{}, {"job": None}, {"action": None, "fields": None}, {"action": "change"}])
def test_entry_that_says_little_is_told_as_far_as_it_goes(entry):
    assert sentences.sentence(entry).endswith(".")


def test_summary_names_what_happened_and_leaves_out_what_did_not():
    assert (
        sentences.counts_summary({"uninstalled": 2, "registered": 1, "unchanged": 7}) == "2 removed or missing, 1 new"
    )
    assert sentences.counts_summary({"unchanged": 7}) == "Nothing changed"
    assert sentences.counts_summary({"errors_opened": 1, "drifted": 2}) == "1 load error, 2 overrides drifted"
    assert sentences.counts_summary({"errors_opened": 2, "drifted": 1}) == "2 load errors, 1 override drifted"


def test_summary_names_two_jobs_of_each_kind():
    gone = {"source": "git:y", "action": "uninstall", "absence": "removed", "fields": {}}
    changes = [
        *({**gone, "job": f"reports.Job{number}"} for number in range(5)),
        {"job": "x.New", "action": "register", "fields": {}},
        {"job": "x.Away", "action": "uninstall", "absence": "load_error", "fields": {}},
        {**ERROR, "action": "open"},
        *({"job": f"x.{name}", "action": "refresh", "fields": {}} for name in "ABC"),
    ]
    assert summaries.summary_with_names(changes) == (
        "Cannot be loaded: y.jobs.bad; removed reports.Job0, reports.Job1 and 3 more; new: x.New; version moved for "
        "3 jobs"
    )
    assert summaries.summary_with_names([]) == ""


LONG = [f"queue-{number:03}" for number in range(60)]
ALIKE = [
    pytest.param(LONG, [*LONG[:30], "another", *LONG[31:]], id="one of many in a list"),
    pytest.param(LONG, LONG[:-1], id="the last of a list"),
    pytest.param(LONG, [*LONG, "night"], id="one more in a list"),
    pytest.param("x" * 500 + "a" + "y" * 500, "x" * 500 + "b" + "y" * 500, id="in the middle of a text"),
    pytest.param("x" * 59 + "a", "x" * 59 + "b", id="at the limit"),
    pytest.param("x" * 60, "x" * 61, id="beyond the limit by one"),
    pytest.param("one  two", "one two", id="blanks"),
    pytest.param("one\ntwo", "one two", id="lines"),
    pytest.param("Done.", "Done", id="full stop"),
    pytest.param(1234567.0, 1234568.0, id="rounded numbers"),
    pytest.param(["a, b"], ["a", "b"], id="a comma in a name"),
    pytest.param("1", 1, id="a text and a number"),
    pytest.param("x" * 2_000_000 + "a", "x" * 2_000_000 + "b", id="two million characters"),
]


@pytest.mark.parametrize(("old", "new"), ALIKE)
def test_what_differs_is_seen_however_deep_it_is(old, new):
    for text in (values.whole_text, sentences._told, report._shown):
        one, other = values.told_apart(old, new, 60, text)
        assert one != other
        assert max(len(one), len(other)) <= 60
    fields = {"description": {"old": old, "new": new}}
    told = sentences.sentence({**JOB, "action": "change", "fields": fields})
    one, _, other = told.partition(" from ")[2].removesuffix(".").partition(" to ")
    assert one != other
    [group] = views.shown_groups(
        views.grouped([{"job": "x.Job", "action": "change", "fields": fields}]), change_rows.Known()
    )
    [(name, old, new)] = group.sections[0].rows[0].fields
    assert name == "Description"
    assert old != new
    assert len(old) <= values.MAX_SHOWN


def test_what_differs_is_seen_in_the_table_of_a_plan():
    change = FieldChange("job_queues", LONG, [*LONG[:30], "another", *LONG[31:]])
    columns = {"source_type": "local", "source_name": "JOBS_ROOT", "absence": ""}
    plan = Plan(jobs=(JobAction(ActionKind.CHANGE, ("x", "Job"), None, (change,), columns),))
    table = report.plan_as_table(plan)
    assert "queue-030" in table
    assert "another" in table
    assert max(map(len, table.splitlines())) < 200


def test_a_page_shows_as_much_of_a_value_as_it_can_hold():
    shown = values.value_text("x" * 1_000_000)
    assert len(shown) < values.MAX_SHOWN + 100
    assert "[990,000 characters cut]" in shown
