"""Which value wins (rule 13)."""

from nautobot_job_registry.engine.fields import OVERRIDABLE_FIELDS
from nautobot_job_registry.engine.overrides import overridden_fields, restored_values
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
