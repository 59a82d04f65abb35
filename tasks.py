"""The tasks behind `./dev`: `./dev --list` shows them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from invoke import Context, Exit, task

CHECKOUT = Path(__file__).resolve().parent
STATE = CHECKOUT / ".dev"
PROGRAMS = Path(sys.executable).parent
APP = "nautobot_job_registry"
# By the name of the Debian package: the programs of which one is enough.
SYSTEM_PROGRAMS = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "curl": ("curl",)}
# One more than there are cores: the slow tests wait for processes of theirs half of the time. A Redis server has
# databases for seven, one of which makes the databases.
TEST_PROCESSES = ["--numprocesses", str(min(6, (os.cpu_count() or 1) + 1)), "--dist", "worksteal"]
LOCK_HEADER = (
    "# Locked by name, version and hash, without addresses. Made from requirements.in by `invoke lock`; do not edit.\n"
)

# What must not be in a file that others get.
MACHINE_TEXT = re.compile(
    r"(?P<index>(?<![\w-])--(?:extra-)?index-url|(?<![\w-])--find[-]links|//(?:test\.)?pypi\.org/simple|pythonhosted\.org)"
    r"|(?P<path>(?<![\w./:-])/(?:home|Users|root|work)/[\w.-]+)"
)


@task(
    help={
        "once": "End after the story, with exit code 0 only if every step held.",
        "port": "Port of the web UI (default: any free one).",
    }
)
def demo(context: Context, once: bool = False, port: int = 0) -> None:
    """Tell the life cycle of jobs on a real Nautobot, then serve its web UI on loopback."""
    # The pages link to it.
    _build_docs()
    options = ["--once"] if once else []
    options += ["--port", str(port)] if port else []
    _run(sys.executable, "-m", "development.demo", *options, *_remainder())


@task(help={"fast": "Leave the slow tests out."})
def test(context: Context, fast: bool = False) -> None:
    """Run the tests, in several processes; what follows `--` goes to pytest, in one: ./dev test -- -k name."""
    # Nautobot's own tests of models ask for the page of each model, which is part of the package.
    _build_docs()
    if not fast:
        _provide_programs()
    chosen = _remainder()
    # Each process has to start Nautobot: not worth it for a few tests, and in the way of a debugger.
    processes = [] if chosen else TEST_PROCESSES
    _run(sys.executable, "-m", "pytest", *processes, *(["-m", "not slow"] if fast else []), *chosen)


@task(help={"jobs": "How many jobs to make, in a tenth as many files."})
def benchmark(context: Context, jobs: int = 1000) -> None:
    """Time our reconcile and core's own refresh side by side, and the anchoring of old runs (-- --runs N)."""
    _run(sys.executable, "-m", "development.benchmarks", "--jobs", str(jobs), *_remainder())


@task(
    help={
        "minutes": "How long, both parts together.",
        "seed": "The same seed walks the same way.",
    }
)
def chaos(context: Context, minutes: float = 2, seed: str = "1") -> None:
    """Do all at random on a real Nautobot, and see that nothing is lost; what follows `--` goes to it: -- --help."""
    options = ["--minutes", str(minutes), "--seed", seed]
    _run(sys.executable, "-m", "development.chaos", *options, *_remainder())


@task
def check(context: Context) -> None:
    """Check lint, format, types, migrations, docs and what the files say about this machine."""
    _title("lint")
    _run(_program("ruff"), "check", ".")
    _title("lint: what Nautobot knows of apps")
    _run(_program("pylint"), APP)
    _title("format")
    _run(_program("ruff"), "format", "--check", ".")
    _title("types")
    _run(_program("mypy"))
    _title("migrations in step with the models")
    _check_migrations()
    _title("docs")
    _build_docs()
    _title("no addresses of package indexes, no paths of machines")
    _check_files()
    print("\nAll checks passed.", flush=True)


@task
def house(context: Context) -> None:
    """Print the rooms of the package, their floors, and who imports whom."""
    _run(sys.executable, "-m", "development.house")


@task
def docs(context: Context) -> None:
    """Take the pictures of the documentation anew, where there is a Chromium, and build it into the package."""
    from development import browser

    try:
        browser.program()
    except browser.NoBrowserError as error:
        print(f"The pictures stay as they are. {error}", flush=True)
    else:
        screenshots(context)
    _build_docs()


@task
def screenshots(context: Context) -> None:
    """Take the pictures of the documentation anew, with the system's Chromium, into docs/images/."""
    # The form has a link to the documentation where that is built.
    _build_docs()
    _run(sys.executable, "-m", "development.screenshots")


@task
def build(context: Context) -> None:
    """Build the wheel, with the documentation in it, into dist/."""
    _build_docs()
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist")


@task
def lock(context: Context) -> None:
    """Make development/requirements.lock anew from requirements.in."""
    tools = STATE / "lock"
    _run(sys.executable, "-m", "venv", str(tools))
    _run(str(tools / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "uv")
    target = CHECKOUT / "development" / "requirements.lock"
    command = [str(tools / "bin" / "uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.10"]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--upgrade"]
    _run(*command, "--output-file", str(target), "development/requirements.in")
    target.write_text(LOCK_HEADER + target.read_text())


@task(name="format")
def format_(context: Context) -> None:
    """Put the code into the project's format and mend what can be mended."""
    _run(_program("ruff"), "check", "--fix", ".")
    _run(_program("ruff"), "format", ".")


@task(help={"everything": "Remove .venv and the servers' data too."})
def clean(context: Context, everything: bool = False) -> None:
    """Remove what was built."""
    paths = ["dist", "build", ".ruff_cache", ".hypothesis", f"{APP}/static/{APP}/docs"]
    for path in [*paths, *([".dev", ".venv"] if everything else [])]:
        shutil.rmtree(CHECKOUT / path, ignore_errors=True)


def _provide_programs() -> None:
    """Install what the slow tests need and pip cannot bring, where that can be done without asking: as root, by apt.

    Elsewhere the tests that need it fail, and say what to install.
    """
    missing = [package for package, programs in SYSTEM_PROGRAMS.items() if not any(map(shutil.which, programs))]
    if os.environ.get("CHROMIUM") and "chromium" in missing:
        missing.remove("chromium")
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"./dev: installing {' and '.join(missing)} with apt-get", flush=True)
    # Another installation may be going on: that of a second test run, or the system's own updates.
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    _run("apt-get", *wait, "update", "-qq")
    _run("apt-get", *wait, "install", "-qq", "--yes", "--no-install-recommends", *missing)


def _build_docs() -> None:
    """Build the documentation into the package, with the pictures that are there."""
    _run(_program("mkdocs"), "build", "--strict", "--quiet", environment={"NO_MKDOCS_2_WARNING": "1"})


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _program(name: str) -> str:
    """Return the path of a program of this Python environment."""
    return str(PROGRAMS / name)


def _remainder() -> list[str]:
    """Return the arguments after `--`, which invoke leaves to the task."""
    return sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []


def _run(*command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a command in the checkout with our own input and output.

    Signals are the command's to handle, so that it can stop the servers that it started.

    Raises:
        Exit: With the command's exit code, if that is not 0.
    """
    process = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, **(environment or {})})
    # Ctrl-C reaches the command by itself; SIGTERM is sent to us alone.
    previous = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number)),
    }
    try:
        code = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if code != 0:
        raise Exit(code=code if code > 0 else 128 - code)


def _check_migrations() -> None:
    """Run Django's own check for missing migrations, on servers of its own."""
    from development import database
    from development.servers import running_servers

    with running_servers(STATE / "check" / str(os.getpid()), keep=False) as servers:
        folder = str(servers.state_dir / "nautobot")
        environment = servers.environment | {"NAUTOBOT_ROOT": folder, "NAUTOBOT_QUIET": "1"}
        instance = database.create_empty_database(environment, f"nautobot_check_{os.getpid()}")
        try:
            options = {"check": False, "stderr": subprocess.STDOUT, "stdout": subprocess.PIPE}
            result = database.nautobot_server(instance, "makemigrations", APP, "--check", "--dry-run", **options)
        finally:
            database.drop_database(environment, instance["NAUTOBOT_DB_NAME"])
    print(result.stdout, end="", flush=True)
    if result.returncode != 0:
        raise Exit(code=1)


def _check_files() -> None:
    """Look for addresses of package indexes and for paths of somebody's machine in all files that are not ignored."""
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {match.group()}"
        for path in _committed_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if (match := MACHINE_TEXT.search(line))
    ]
    if found:
        raise Exit("\n".join(found), code=1)


def _committed_files() -> Iterator[Path]:
    """Yield the files of the checkout that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        path = CHECKOUT / name
        if path.is_file() and not path.is_symlink():
            yield path
