"""The lines of a module in parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautobot_job_registry.history import highlight
from nautobot_job_registry.history.highlight import highlighted

MODULE = '''"""A module
of jobs."""
@register
class Backup(Job):  # daily
    def run(self, print):
        return len(f"a {print}") + 12 if None else self.len
'''


def kinds(text):
    return {part: kind for line in highlighted(text) for kind, part in line if kind}


def test_kinds_of_a_module():
    found = kinds(MODULE)
    assert found['"""A module'] == found['of jobs."""'] == "string"
    assert (found["register"], found["Backup"], found["# daily"], found["run"]) == ("meta", "title", "comment", "title")
    assert (found["class"], found["return"], found["12"], found["None"]) == ("keyword", "keyword", "number", "literal")


def test_name_of_an_attribute_is_no_built_in():
    assert [part for part in highlighted("len(x.len)")[0] if part[1] == "len"] == [("built_in", "len")]


HARD = (
    MODULE,
    "",
    "\n",
    "'''never ends\n",
    "x = (\n",
    "if x:\n  a\n b\n",
    "a\r\nb\rc\n",
    "x = '\u202e'\n",
    "\x0c\nx\n",
    "é = 'ü' # ö\n",
    "0777 $ ? `\n",
    "f'{x!r:>{width}}'\nf'''{\n1}'''\n",
    "x = 1 \\\n  + 2",
    "\ufeffx = 1\n",
)


@pytest.mark.parametrize("text", HARD)
def test_the_parts_of_a_line_are_the_line(text):
    assert ["".join(part for _, part in line) for line in highlighted(text)] == text.split("\n")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1 \n\t'\"#@\\(){}:=.\r\x0cé\x00", max_size=60))
def test_whatever_the_text_its_lines_stay_as_they_are(text):
    assert ["".join(part for _, part in line) for line in highlighted(text)] == text.split("\n")


def test_long_text_has_no_kinds(monkeypatch):
    monkeypatch.setattr(highlight, "MAX_LENGTH", 5)
    assert kinds("x = 1\n") == {}
    assert highlighted("x = 1\n") == [[("", "x = 1")], []]
