"""The data that describe a job."""

from nautobot_job_registry.engine.descriptor import Source, SourceType, identity
from nautobot_job_registry.engine.text import storable_text
from tests.engine.builders import make_descriptor


def test_hash_of_the_metadata_does_not_depend_on_the_order_of_their_keys():
    one, other = make_descriptor(), make_descriptor()
    turned = type(one)(
        other.module_name, other.job_class_name, other.source, "", dict(reversed(list(other.metadata.items())))
    )
    assert one.metadata_hash == turned.metadata_hash


def test_name_that_fits_is_kept():
    assert identity("module_name", "m" * 255) == "m" * 255


def test_labels_name_sources_as_the_command_line_does():
    assert [Source(kind, "x").label for kind in SourceType] == ["system", "app:x", "git:x", "local"]


def test_what_a_database_cannot_store_is_shown_as_escapes():
    assert storable_text("a\x00b\ud800ü") == "a\\x00b\\ud800ü"
