"""A virtual environment with nothing in it but what an operator installs, kept between the runs of the tests."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from development.servers import CHECKOUT, STATE_ROOT

LOCK = CHECKOUT / "development" / "requirements.lock"
ENVIRONMENTS = STATE_ROOT / "clean_environments"


@contextmanager
def clean_environment(*packages: str) -> Iterator[Path]:
    """Yield the folder of an environment that nobody else uses meanwhile.

    It is made at the first use, and anew when the lock, Python or the packages change. One that was not finished is
    made anew, too.

    Args:
        *packages: What is installed in it, as pip takes it.
    """
    # A moved environment does not work.
    told = [sys.version, str(ENVIRONMENTS), LOCK.read_text(), *packages]
    name = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in ENVIRONMENTS.iterdir():
            if folder.is_dir() and folder.name != name:
                shutil.rmtree(folder)
        finished = ENVIRONMENTS / name / "finished"
        if not finished.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENTS / name], check=True)
            # What is run is compiled then; the rest is three quarters of it.
            pip(ENVIRONMENTS / name, "install", "--no-compile", *packages)
            finished.touch()
        yield ENVIRONMENTS / name


def pip(environment: Path, *arguments: str | Path) -> None:
    """Run pip in an environment."""
    command = [environment / "bin" / "pip", "--quiet", "--disable-pip-version-check", *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
