"""What two revisions say differently."""

from nautobot_job_registry.history.changes import field_changes, variable_changes


def variable(name, **values):
    return {"name": name, "type": "StringVar", "label": "", "required": False, "default": None, **values}


def kinds(old, new):
    found = variable_changes({"variables": old}, {"variables": new})
    return {change.name: [kind.value for kind in change.kinds] for change in found}


def test_fields_that_differ_are_told_with_both_values():
    old = {"name": "A", "time_limit": 60.0, "job_queues": ["one"], "variables": [variable("x")], "gone": 1}
    new = {"name": "A", "time_limit": 90.0, "job_queues": ["one", "two"], "variables": []}
    found = [(change.field, change.old, change.new) for change in field_changes(old, new)]
    assert found == [("time_limit", 60.0, 90.0), ("job_queues", ["one"], ["one", "two"]), ("gone", 1, None)]


def test_no_is_not_zero_of_another_field():
    assert field_changes({"hidden": False}, {"hidden": True})[0].new is True
    assert field_changes({}, {}) == ()


def test_variable_that_is_added_or_removed():
    assert kinds([variable("old")], [variable("new")]) == {"new": ["added"], "old": ["removed"]}


def test_added_variable_that_is_required_is_newly_required_too():
    assert kinds([], [variable("site", required=True)]) == {"site": ["added", "newly_required"]}


def test_variable_that_becomes_required_or_stops_to_be():
    optional, required = [variable("site")], [variable("site", required=True)]
    assert kinds(optional, required) == {"site": ["newly_required"]}
    assert kinds(required, optional) == {"site": ["no_longer_required"]}


def test_variable_with_another_type_default_or_label():
    changed = variable("site", type="IntegerVar", default=3, label="Site")
    assert kinds([variable("site")], [changed]) == {"site": ["type", "default", "label"]}


def test_variables_that_are_the_same_in_another_order_are_no_change():
    a, b = variable("a"), variable("b")
    assert kinds([a, b], [b, a]) == {}


def test_metadata_without_variables_are_those_of_a_job_without_inputs():
    assert variable_changes({}, {"variables": [variable("a")]})[0].old is None
