"""Nautobot's configuration for development, the demo and the tests: everything comes from the environment.

Nautobot reads its own `NAUTOBOT_*` variables; what is here are defaults for a throw-away instance on loopback.
"""

import gc
import os
import sys
from pathlib import Path

# A start makes 800,000 objects that stay, and Python looks through them for garbage again and again: a fifth of the
# time that Nautobot takes to start, which the tests have it do again and again.
gc.set_threshold(1_000_000, 20, 100)

DEVELOPMENT = Path(__file__).resolve().parent
STATE = Path(os.environ.get("NAUTOBOT_ROOT") or DEVELOPMENT.parent / ".dev" / "nautobot")
# Set before the import: the defaults of many folders hang on it, and the default is in the user's home folder.
os.environ["NAUTOBOT_ROOT"] = str(STATE)

from nautobot.core.settings import *  # noqa: E402, F403
from nautobot.core.settings import CACHES, DATABASES, PLUGINS_CONFIG  # noqa: E402
from nautobot.core.settings_funcs import is_truthy, parse_redis_connection  # noqa: E402


def _flag(name: str, default: bool = False) -> bool:
    """Return a variable of the environment as a truth value."""
    return bool(is_truthy(os.environ.get(name) or str(default)))


def _names(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable of the environment as a list."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


# For development only. An instance that anybody else can reach needs a key of its own.
SECRET_KEY = os.environ.get("NAUTOBOT_SECRET_KEY") or "development-only-" + "0123456789abcdef" * 4
DEBUG = _flag("NAUTOBOT_DEBUG")
ALLOWED_HOSTS = os.environ.get("NAUTOBOT_ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]").split()
INSTALLATION_METRICS_ENABLED = False
METRICS_ENABLED = _flag("NAUTOBOT_METRICS_ENABLED", default=True)
BANNER_TOP = os.environ.get("NAUTOBOT_BANNER_TOP", "")

# Folders

JOBS_ROOT = os.environ.get("NAUTOBOT_JOBS_ROOT") or str(STATE / "jobs")
GIT_ROOT = os.environ.get("NAUTOBOT_GIT_ROOT") or str(STATE / "git")
MEDIA_ROOT = os.environ.get("NAUTOBOT_MEDIA_ROOT") or str(STATE / "media")
STATIC_ROOT = os.environ.get("NAUTOBOT_STATIC_ROOT") or str(STATE / "static")
CELERY_WORKER_HEARTBEAT_FILE = str(STATE / "worker_heartbeat")
CELERY_WORKER_READINESS_FILE = str(STATE / "worker_ready")
CELERY_BEAT_HEARTBEAT_FILE = str(STATE / "beat_heartbeat")

# Apps

PLUGINS = _names("NAUTOBOT_PLUGINS", default="nautobot_job_registry")
if os.environ.get("NAUTOBOT_JOB_REGISTRY_EXAMPLE_APP"):
    sys.path.insert(0, str(DEVELOPMENT / "example_app"))
    PLUGINS.append("example_jobs_app")
PLUGINS += _names("NAUTOBOT_EXTRA_PLUGINS")
PLUGINS_CONFIG.setdefault("nautobot_job_registry", {})

# Servers

DATABASES["default"]["TEST"] = {
    "NAME": os.environ.get("NAUTOBOT_TEST_DB_NAME") or None,
    "TEMPLATE": "template0",
    "CHARSET": "UTF8",
}
# Two runs on one Redis server keep out of each other's way by using other databases.
CACHES["default"]["LOCATION"] = parse_redis_connection(int(os.environ.get("NAUTOBOT_REDIS_CACHE_DATABASE") or 1))
CELERY_BROKER_URL = os.environ.get("NAUTOBOT_CELERY_BROKER_URL") or parse_redis_connection(
    int(os.environ.get("NAUTOBOT_REDIS_BROKER_DATABASE") or 0)
)

# What follows is for `development/database.py` and the tests.


class _NoMigrations:
    """Tell Django that no app has migrations, so that `migrate --run-syncdb` makes the tables from the models."""

    def __contains__(self, app_label: str) -> bool:
        return True

    def __getitem__(self, app_label: str) -> None:
        return None


if _flag("NAUTOBOT_SCHEMA_FROM_MODELS"):
    MIGRATION_MODULES = _NoMigrations()

if _flag("NAUTOBOT_QUIET"):
    LOGGING = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"none": {"class": "logging.NullHandler"}},
        # Jobs log through this, and pytest listens at the root.
        "root": {"handlers": ["none"], "level": "INFO"},
        # A line per job, each time that core refreshes its records.
        "loggers": {"nautobot.extras.utils": {"level": "WARNING"}},
    }
