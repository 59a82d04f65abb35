"""Which value wins (rule 13)."""

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS
from nautobot_job_registry.engine.overrides import (
    Override,
    cleared_fields,
    field_refusal,
    overridden_fields,
    overrides_to_note,
    refused_fields,
    restored_values,
)
from tests.engine.builders import METADATA


def test_every_field_that_is_not_overridden_is_restored():
    assert set(restored_values(METADATA, ())) == set(OVERRIDABLE_FIELDS)
    assert set(restored_values(METADATA, ("name", "job_queues"))) == set(OVERRIDABLE_FIELDS) - {"name", "job_queues"}


def test_nothing_is_restored_without_a_revision():
    assert restored_values(None, ()) == {}


def test_restored_text_fits_its_column():
    assert restored_values({**METADATA, "name": "n" * 101}, ())["name"] == "n" * 100


def test_overridden_fields_keep_the_order_of_the_design():
    assert overridden_fields({"name": True, "grouping": True, "hidden": False}) == ("grouping", "name")


def test_a_change_is_refused_where_the_flag_is_false_and_stays_so():
    changed = {"name", "hidden", "time_limit", "grouping"}
    assert refused_fields(changed, before={"hidden", "grouping"}, after={"time_limit", "grouping"}) == ("name",)
    assert "'name_override'" in field_refusal("name")


def test_a_field_is_cleared_where_its_flag_goes():
    assert cleared_fields(before={"name", "hidden"}, after={"name", "time_limit"}) == ("hidden",)


def test_new_and_changed_overrides_are_noted_with_what_the_source_says():
    overrides = {"name": "chosen", "hidden": True, "time_limit": 5.0}
    noted = overrides_to_note(overrides, {"name": "chosen", "hidden": False}, {"hidden": False})
    assert noted == [Override("hidden", True, False, True), Override("time_limit", 5.0, None, False)]
    assert overrides_to_note(overrides, overrides, None) == []
