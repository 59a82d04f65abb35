"""The package says that it has types, and ships what says so."""

from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

CHECKOUT = Path(__file__).parents[1]


def test_the_marker_of_types_is_in_the_wheel():
    """Without it, a checker takes everything that is imported from the package for untyped (PEP 561)."""
    shipped = {file.distribution_path for file in WheelBuilder(str(CHECKOUT)).recurse_included_files()}
    assert "nautobot_job_registry/__init__.py" in shipped
    assert "nautobot_job_registry/py.typed" in shipped
