"""The examples of the REST guide are run, in their order, and answer what the guide says."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from unittest import mock

import pytest
from django.test import LiveServerTestCase
from nautobot.users.models import Token, User

from nautobot_job_registry.factory import empty_registry
from tests import builders

GUIDE = Path(__file__).parent.parent / "docs" / "user" / "rest_api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    """Return the kind and the text of each example and answer of the guide."""
    return BLOCK.findall(GUIDE.read_text(encoding="utf-8"))


def says(answer, shown):
    """Return whether an answer says what the guide shows of it."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(says(answer.get(name), value) for name, value in shown.items())
    if isinstance(shown, list):
        return isinstance(answer, list) and len(answer) == len(shown) and all(map(says, answer, shown))
    return answer == shown


@pytest.mark.slow
class GuideTestCase(LiveServerTestCase):
    databases = ("default", "job_logs")

    def setUp(self):
        super().setUp()
        self.assertTrue(shutil.which("curl"), "The examples need curl: apt install curl")
        empty_registry()
        user = User.objects.create_superuser("guide", "guide@example.com", "guide")
        jobs = [
            builders.job(number, module_name="network.jobs", job_class_name=name, name=name, installed=installed)
            for number, (name, installed) in enumerate((("Backup", True), ("Restore", True), ("Audit", False)))
        ]
        builders.revision(jobs[0], metadata={"time_limit": 30.0, "hidden": False})
        for job in jobs:
            builders.revision(job, 2, metadata={"time_limit": 60.0, "hidden": False})
        names = ("JOB", "OTHER_JOB", "REMOVED_JOB")
        self.environment = {
            "NAUTOBOT_URL": self.live_server_url,
            "NAUTOBOT_TOKEN": Token.objects.create(user=user).key,
            "REVISION": str(jobs[0].current_revision_id),
            **{name: str(job.pk) for name, job in zip(names, jobs, strict=True)},
        }

    def test_every_example_answers_as_shown(self):
        answer, namespace, compared = None, {}, 0
        for kind, text in blocks():
            with self.subTest(example=text):
                if kind == "bash":
                    answer = json.loads(self.run_bash(text) or "null")
                elif kind == "python":
                    with mock.patch.dict(os.environ, self.environment):
                        exec(text, namespace)
                else:
                    self.assertEqual(kind, "json")
                    self.assertTrue(says(answer, json.loads(text)), answer)
                    compared += 1
        self.assertGreater(compared, 5)

    def run_bash(self, text):
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            ["bash", "-euc", text], env=environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout
