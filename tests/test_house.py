"""The house stands as it was drawn: rooms, floors, walls (section 5 of the design)."""

import shutil

import pytest

from development.house import CHECKOUT, PACKAGE, House
from tests import walls

MOST_ROOMS, MOST_FLOORS, MOST_IN_THE_ROOT = 40, 9, 13


@pytest.fixture(scope="module")
def house():
    found = House.read()
    assert len(found.modules) > 100
    return found


@pytest.fixture
def copy(tmp_path):
    """A copy of the package that a test may change."""
    folder = tmp_path / PACKAGE
    shutil.copytree(CHECKOUT / PACKAGE, folder, ignore=shutil.ignore_patterns("static", "__pycache__"))
    return folder


@pytest.mark.parametrize("wall", walls.WALLS, ids=lambda wall: wall.__name__)
def test_nothing_breaks_the_wall(house, wall):
    assert list(wall(house)) == []


def test_the_house_is_small_enough_to_be_kept_in_mind(house):
    assert len(house.rooms) <= MOST_ROOMS
    assert max(house.floors().values()) <= MOST_FLOORS
    assert len(house.root_modules) <= MOST_IN_THE_ROOT


def test_development_has_no_file_or_function_with_two_nouns():
    assert list(walls.too_long(House.read(CHECKOUT / "development"))) == []


def test_an_empty_folder_is_no_house(tmp_path):
    with pytest.raises(FileNotFoundError):
        House.read(tmp_path)


def append(copy, module, line):
    with (copy / module).open("a") as file:
        file.write(f"\n{line}\n")


def test_a_new_module_in_the_root_has_to_be_placed(copy):
    (copy / "attic.py").write_text('"""Things."""\n')
    assert list(walls.unplaced(House.read(copy))) == ["attic is in no layer: place it in the table of layers."]


def test_a_renamed_room_has_to_be_placed_anew(copy):
    (copy / "overrides").rename(copy / "decisions")
    found = list(walls.unplaced(House.read(copy)))
    assert found == [
        "decisions is in no layer: place it in the table of layers.",
        "overrides is in the table of layers, and is no room.",
    ]


def test_an_import_upwards_is_seen(copy):
    append(copy, "models/sql.py", f"from {PACKAGE}.reconcile import store")
    assert "models imports reconcile, which is not below it." in walls.arrows_upwards(House.read(copy))


def test_an_import_upwards_inside_of_a_function_is_seen(copy):
    append(copy, "sources/files.py", f"def late():\n    from {PACKAGE} import forms")
    assert list(walls.arrows_upwards(House.read(copy))) == ["sources imports forms, which is not below it."]


def test_an_import_sideways_is_seen(copy):
    append(copy, "runs/backfill.py", f"from {PACKAGE}.lifecycle import purge")
    assert list(walls.arrows_upwards(House.read(copy))) == ["runs imports lifecycle, which is not below it."]


def test_rooms_in_a_circle_are_named(copy):
    append(copy, "models/sql.py", f"from {PACKAGE}.reconcile import store")
    with pytest.raises(ValueError, match=r"models, .*reconcile"):
        House.read(copy).floors()


@pytest.mark.parametrize("rules", ["lifecycle/moves/rules.py", "lifecycle/suspensions/rules.py", "engine/text.py"])
def test_django_in_the_rules_is_seen(copy, rules):
    append(copy, rules, "from django.db import models")
    assert any("imports django.db" in found for found in walls.impure(House.read(copy)))


def test_a_model_in_the_rules_is_seen(copy):
    append(copy, "lifecycle/moves/rules.py", f"from {PACKAGE}.models import RegisteredJob")
    assert any("imports nautobot_job_registry.models" in found for found in walls.impure(House.read(copy)))


@pytest.mark.parametrize(
    "line",
    [
        "Job.objects.filter(enabled=True).update(enabled=False)",
        "def on():\n    job = Job.objects.first()\n    job.enabled = True\n    job.save()",
        "def off():\n    for job in Job.objects.all():\n        job.delete()",
        "Job.objects.bulk_create([])",
        "Job(name='x').validated_save()",
    ],
)
def test_a_row_of_cores_that_is_written_outside_of_the_bridge_is_seen(copy, line):
    append(copy, "overrides/drift.py", f"from nautobot.extras.models import Job\n\n\n{line}")
    (found,) = walls.writes_of_core(House.read(copy))
    assert found.startswith("overrides.drift:")


def test_a_row_of_cores_that_is_only_read_outside_of_the_bridge_is_none_of_it(copy):
    append(copy, "overrides/drift.py", "from nautobot.extras.models import Job\n\n\nJob.objects.filter(pk=1).first()")
    assert list(walls.writes_of_core(House.read(copy))) == []


def test_a_second_reader_of_cores_registry_is_seen(copy):
    append(copy, "sources/files.py", "from nautobot.extras.registry import registry")
    assert list(walls.readers_of_code(House.read(copy))) == ["sources.files touches nautobot.extras.registry."]


def test_a_model_in_the_sources_is_seen(copy):
    append(copy, "sources/files.py", f"from {PACKAGE}.models import RegisteredJob")
    assert any("sources.files imports" in found for found in walls.readers_of_code(House.read(copy)))


def test_who_imports_a_door_or_a_view_is_seen(copy):
    append(copy, "homepage.py", f"from {PACKAGE} import jobs, views")
    found = list(walls.trespassers(House.read(copy)))
    assert sorted(found) == ["homepage imports the door jobs.", "homepage imports views."]


def test_a_private_name_of_another_room_is_seen(copy):
    append(copy, "overrides/drift.py", f"from {PACKAGE}.core_bridge.rows import _update")
    assert list(walls.trespassers(House.read(copy))) == [
        "overrides.drift uses nautobot_job_registry.core_bridge.rows._update."
    ]


def test_a_name_that_two_modules_define_is_seen(copy):
    append(copy, "engine/text.py", "def keep_overrides(): ...")
    assert list(walls.same_names(House.read(copy))) == ["keep_overrides is defined in 2 modules."]


def test_a_long_function_is_seen(copy):
    append(copy, "engine/text.py", "def long():\n" + "    1\n" * 40)
    assert list(walls.too_long(House.read(copy))) == ["engine.text.long has 41 lines."]
