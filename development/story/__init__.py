"""The life cycle of jobs, told and checked step by step, on the Nautobot that the environment names."""

import time
from collections.abc import Callable

import nautobot

from development import database
from development.git_server import GitServer

nautobot.setup(str(database.CONFIG))

from development.story import code, decisions, night, overview, stage  # noqa: E402
from development.story.telling import StepFailedError  # noqa: E402


def tell(repositories: GitServer, started: float) -> bool:
    """Tell the story from its beginning, whatever an earlier run has left.

    Args:
        repositories: The server of the example Git repository.
        started: When the demo was started, by `time.monotonic()`.

    Returns:
        Whether every step held.
    """
    repository = stage.set_the_stage(repositories)
    steps: list[Callable[[], None]] = [
        code.first_registration,
        code.an_override,
        code.a_change_in_the_source,
        code.a_broken_file,
        code.the_fix,
        code.a_removal,
        code.the_return,
        lambda: code.a_git_sync(repository),
        decisions.an_edit_in_core,
        decisions.an_override_that_ends,
        lambda: night.the_repository_breaks(repository),
        lambda: night.the_file_is_removed(repository),
        night.the_schedule_runs,
        overview.the_dashboard,
    ]
    print(f"\nThe story begins after {time.monotonic() - started:.0f} s", flush=True)
    try:
        for step in steps:
            step()
    except StepFailedError as error:
        print(f"  ✗ {error}", flush=True)
        return False
    print(f"\nEvery step held. The story took {time.monotonic() - started:.0f} s with all preparations.", flush=True)
    return True
