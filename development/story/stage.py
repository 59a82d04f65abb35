"""The stage of the story: files, a Git repository, a user, and an empty registry."""

import os
import shutil
from pathlib import Path

from django.contrib.auth import get_user_model
from nautobot.extras.models import GitRepository

from development.git_server import ExampleRepository, GitServer
from development.story.telling import DEVELOPMENT, JOBS_ROOT, SLUG
from nautobot_job_registry.factory import empty_registry


def set_the_stage(repositories: GitServer) -> ExampleRepository:
    """Put everything back to the beginning, whatever an earlier run has left."""
    for path in JOBS_ROOT.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(DEVELOPMENT / "example_jobs", JOBS_ROOT, dirs_exist_ok=True)
    repository = repositories.repository(SLUG)
    repository.copy_in(DEVELOPMENT / "example_repository")
    repository.commit("Check compliance")
    shutil.rmtree(Path(os.environ["NAUTOBOT_GIT_ROOT"]) / SLUG, ignore_errors=True)
    users = get_user_model().objects
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", "admin@example.com", "admin")
    provided = ["extras.job", "nautobot_job_registry.registeredjob"]
    values = {"name": "Example network jobs", "branch": "main", "current_head": "", "provided_contents": provided}
    GitRepository.objects.update_or_create(slug=SLUG, defaults={**values, "remote_url": repository.url})
    empty_registry()
    return repository
