"""How times, long values and files are shown on every page."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from django.utils import timezone as current
from django.utils.html import strip_tags

from nautobot_job_registry.tables import display

CAMELS = ("Refresh", "Dynamic", "Group", "Cache", "Job", "Button", "Receiver")
MORNING = datetime(2026, 3, 5, 9, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(seconds=-1), "just now"),
        (timedelta(seconds=30), "in a moment"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(hours=-3, minutes=-40), "3 hours ago"),
        (timedelta(days=-2), "2 days ago"),
        (timedelta(days=2, minutes=5), "in 2 days"),
        (timedelta(days=-400), "1 year ago"),
    ],
)
def test_time_is_told_as_how_long_ago_it_was(ahead, text):
    moment = current.now() + ahead
    for show in (display.relative_time, display.listed_time):
        assert strip_tags(show(moment)).replace("\xa0", " ").endswith(text)


def test_exact_time_is_that_of_who_looks_and_reached_without_a_pointer():
    with current.override("America/New_York"):
        shown = display.relative_time(MORNING)
    assert 'title="2026-03-05 04:00:00 EST"' in shown and 'datetime="2026-03-05T09:00:00+00:00"' in shown
    assert 'tabindex="0"' in shown and 'data-bs-toggle="tooltip"' in shown


def test_list_shows_a_time_both_ways_in_one_line_each():
    with current.override("America/New_York"):
        shown = display.listed_time(MORNING)
    assert "2026-03-05 04:00<br>" in shown and "text-nowrap" in shown


@pytest.mark.parametrize("show", [display.relative_time, display.listed_time])
def test_no_time_is_a_dash(show):
    assert strip_tags(show(None)) == "&mdash;"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.165530, "0.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (65, "1 min 5 s"),
        (3600, "1 h"),
        (7380, "2 h 3 min"),
        (-1, "0.0 s"),
    ],
)
def test_duration_has_units(seconds, text):
    assert display.duration_text(timedelta(seconds=seconds)) == text


def test_unknown_duration_is_empty():
    assert display.duration_text(None) == ""


def test_time_limit_has_its_unit_and_zero_is_the_default_of_the_system(settings):
    settings.CELERY_TASK_SOFT_TIME_LIMIT, settings.CELERY_TASK_TIME_LIMIT = 300, 600
    assert display.seconds_text(1800.0, "soft_time_limit") == "1800 seconds"
    assert display.seconds_text(0.5, "time_limit") == "0.5 seconds"
    assert display.seconds_text(2_592_000.0, "time_limit") == "2592000 seconds"
    assert display.seconds_text(0.0, "soft_time_limit") == "300 seconds (system default)"
    assert display.seconds_text(0.0, "time_limit") == "600 seconds (system default)"


def test_long_value_is_copied_whole_and_can_be_broken():
    shown = display.copyable("e054b18f00", "e054b18f")
    assert 'data-clipboard-text="e054b18f00"' in shown and "<span>e054b18f</span>" in shown and "text-break" in shown
    assert strip_tags(display.copyable("")) == "&mdash;"


def test_values_and_their_copies_are_escaped():
    shown = display.copyable('"><script>')
    assert "<script>" not in shown and 'data-clipboard-text="&quot;&gt;&lt;script&gt;"' in shown
    assert "<b>" not in display.class_path_display("a.<b>.C") and "<b>" not in display.breakable("<b>")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("jobs", "jobs"),
        ("nautobot.core.jobs.Export", "nautobot.<wbr>core.<wbr>jobs.<wbr>Export"),
        (f"x.{'y' * 16}", f"x.<wbr>{'y' * 16}"),
        ("x.RefreshDynamicGroupCacheJobButtonReceiver", "x.<wbr>" + "<wbr>".join(CAMELS)),
        (f"a_{'b' * 16}.C", f"a_<wbr>{'b' * 16}.<wbr>C"),
        (f"x.{'y' * 33}", f"x.<wbr>{'y' * 16}<wbr>{'y' * 16}<wbr>y"),
    ],
)
def test_class_path_breaks_after_dots(path, shown):
    assert display.class_path_display(path) == f'<span title="{path}">{shown}</span>'
    assert strip_tags(shown) == path


def test_path_is_shown_from_the_folder_of_its_source_on(settings, tmp_path):
    settings.JOBS_ROOT = str(tmp_path)
    assert display.shown_path(f"{tmp_path}/backups.py") == "backups.py"
    assert display.shown_path(f"{tmp_path}s/backups.py") == f"{tmp_path}s/backups.py"
    repository = SimpleNamespace(filesystem_path="/git/tools")
    assert display.shown_path("/git/tools/jobs/backups.py", repository) == "jobs/backups.py"
    settings.JOBS_ROOT = None
    assert display.shown_path("/x/backups.py") == "/x/backups.py"


def test_file_of_a_repository_has_a_link_to_where_it_can_be_read():
    repository = SimpleNamespace(
        filesystem_path="/git/tools", remote_url="https://user:s3cret@github.com/acme/tools.git"
    )
    here = f"https://github.com/acme/tools/blob/{'ab' * 20}/jobs/backups.py#L4"
    assert display.web_link(repository, "ab" * 20, "/git/tools/jobs/backups.py", 4) == here
    assert display.web_link(repository, "ab" * 20, "jobs/backups.py", 4) == here
    assert display.web_link(repository, "ab" * 20, "/usr/lib/python3/x.py", 4) is None
    assert display.web_link(None, "ab" * 20, "jobs/backups.py", 4) is None
