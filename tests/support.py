"""What more than one test module needs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import override_settings
from nautobot.extras.models import GitRepository, Job
from nautobot.extras.signals import refresh_job_models
from nautobot.users.models import ObjectPermission

from nautobot_job_registry.engine.fields import FLAG_FIELDS, OVERRIDE_FLAGS, VALUE_FIELDS
from nautobot_job_registry.models import RegisteredJob

BROKEN = Path(__file__).parent / "broken"


def break_with(name: str, folder: Path) -> None:
    """Copy one of the broken modules or packages into a folder."""
    source = BROKEN / name
    if source.is_dir():
        shutil.copytree(source, folder / name)
    else:
        shutil.copy(source.with_suffix(".py"), folder)


def refresh_core() -> None:
    """Refresh core's own rows, as a migration does."""
    refresh_job_models(sender=None, apps=apps)


def differences_from_core(instance: Any) -> list[str]:
    """Return the jobs of a real instance of which core's row and the record say anything else."""
    with instance.models():
        core, ours = _rows(Job), _rows(RegisteredJob)
    assert ours
    return [path for path in {*core, *ours} if core.get(path) != ours.get(path)]


def _rows(model: Any) -> dict[str, list[Any]]:
    """Return what core's row and the record both say, by the path of the class."""
    names = (*VALUE_FIELDS, *FLAG_FIELDS, *OVERRIDE_FLAGS, "enabled", "installed")
    # All that this Nautobot has.
    names = tuple(name for name in names if hasattr(Job, name))
    return {
        job.class_path: [
            *(getattr(job, name) for name in names),
            job.default_job_queue.name,
            {queue.name for queue in job.job_queues.all()},
        ]
        for job in model.objects.select_related("default_job_queue").prefetch_related("job_queues")
    }


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Count the statements of a block, however many there are."""
    statements: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield statements


@contextmanager
def requiring_reasons() -> Iterator[None]:
    """Require a reason for each override meanwhile."""
    name = "nautobot_job_registry"
    config = {**settings.PLUGINS_CONFIG[name], "require_override_reason": True}
    with override_settings(PLUGINS_CONFIG={**settings.PLUGINS_CONFIG, name: config}):
        yield


def grant(user: Any, model: Any, actions: Any, constraints: Any = None) -> None:
    """Give a user rights on the objects of a model that fulfil the constraints, if there are any."""
    permission = ObjectPermission.objects.create(name=str(uuid4()), actions=list(actions), constraints=constraints)
    permission.users.add(user)
    permission.object_types.add(ContentType.objects.get_for_model(model))


def make_repository(repository: Any, slug: str, files: dict[str, str]) -> GitRepository:
    """Commit files to an example repository, and make a row for it that is synced to that commit."""
    repository.commit("Begin", {"__init__.py": "", **files})
    return GitRepository.objects.create(
        name=slug, slug=slug, remote_url=repository.url, branch="main", provided_contents=["extras.job"]
    )
