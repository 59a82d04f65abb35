"""Job files of a size that is asked for."""

from pathlib import Path

JOBS_PER_FILE = 10
MODULE = '''"""Jobs of benchmark file {number}."""

from nautobot.apps.jobs import BooleanVar, IntegerVar, Job, StringVar, register_jobs

name = "Benchmark {number}"
{classes}

register_jobs({names})
'''
JOB = '''

class {name}(Job):
    """Job {index} of file {number}."""

    device = StringVar(label="Device", default="router-{index}")
    attempts = IntegerVar(default=3, required=False)
    verbose = BooleanVar()

    class Meta:
        name = "Benchmark job {number} {index}"
        description = "Does what job {index} of file {number} does."
        has_sensitive_variables = False
        soft_time_limit = {limit}

    def run(self, device, attempts, verbose):
        return device, attempts, verbose
'''


def file_count(jobs: int) -> int:
    """Return the number of files for so many jobs."""
    return -(-jobs // JOBS_PER_FILE)


def write(folder: Path, jobs: int) -> None:
    """Write so many jobs into a folder, ten to a file.

    Args:
        folder: A JOBS_ROOT.
        jobs: How many jobs it is to hold; those that are there already are written again.
    """
    for number in range(file_count(jobs)):
        names = [f"Job{index}" for index in range(min(JOBS_PER_FILE, jobs - number * JOBS_PER_FILE))]
        classes = "".join(
            JOB.format(name=name, number=number, index=index, limit=60 + index) for index, name in enumerate(names)
        )
        text = MODULE.format(number=number, classes=classes, names=", ".join(names))
        (folder / f"benchmark_{number:05}.py").write_text(text, encoding="utf-8")
