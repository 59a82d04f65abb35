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
from nautobot.extras.models import GitRepository
from nautobot.extras.signals import refresh_job_models
from nautobot.users.models import ObjectPermission

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
