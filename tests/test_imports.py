"""The direction of imports (section 5 of the design)."""

import ast
from pathlib import Path

import nautobot_job_registry

PACKAGE = Path(nautobot_job_registry.__file__).parent
NAME = "nautobot_job_registry"
DOORS = {
    "signals",
    "datasources",
    "jobs",
    "management.commands.anchor_job_runs",
    "management.commands.clean_up_job_registry",
    "management.commands.purge_uninstalled_jobs",
    "management.commands.reconcile_jobs",
    "management.commands.schedule_override_ends",
    "reconcile_now",
    "run_starts",
    "metrics",
    "health",
}
FACES = {
    "views",
    "urls",
    "navigation",
    "homepage",
    "template_content",
    "details",
    "forms",
    "tables",
    "filters",
    "templatetags",
    "api",
    "graphql",
}
# Doors that ask core's rows of jobs something, and leave them as they are.
READERS_OF_CORE = {"reconcile_now"}


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(folder):
    for path in (PACKAGE / folder).rglob("*.py"):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts), set(imports_of(path))


def ours(names):
    return {name.removeprefix(f"{NAME}.") for name in names if name.startswith(f"{NAME}.")}


def test_engine_imports_nothing_but_itself_and_the_standard_library():
    for module, names in modules("engine"):
        assert not [
            name
            for name in names
            if name.startswith(("django", "nautobot.", "nautobot_job_registry."))
            and not name.startswith(f"{NAME}.engine")
        ], module


def test_models_import_only_choices_constants_and_the_engine():
    for module, names in modules("models"):
        allowed = ("choices", "constants", "models", "engine.overrides", "engine.fields")
        assert not [name for name in ours(names) if not name.startswith(allowed)], module


def test_nobody_imports_a_door_or_a_view():
    for module, names in modules("."):
        if module.split(".")[0] in FACES or module in DOORS | {"__init__"}:
            continue
        forbidden = [name for name in ours(names) if name in DOORS or name.split(".")[0] in FACES]
        assert not forbidden, (module, forbidden)


def test_only_discovery_touches_the_registry_of_job_classes():
    for module, names in modules("."):
        touched = [name for name in names if name in ("nautobot.extras.registry", "nautobot.core.celery.import_jobs")]
        assert not touched or module == "discovery", (module, touched)


def test_only_the_bridge_imports_the_models_of_core_that_it_writes():
    for module, names in modules("."):
        if "nautobot.extras.models.Job" in names:
            assert module.split(".")[0] in {"core_bridge", *READERS_OF_CORE, *FACES, "__init__"}, module
