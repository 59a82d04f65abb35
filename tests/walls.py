"""The walls of the house, each as a function that yields what breaks it; `test_house.py` asks them.

The one table of layers is here: a new module or folder in the root of the package is placed in it, and so is an arrow
between two rooms of one layer, if there has to be one.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator

from development.house import DECLARATION, PACKAGE, House, Module, functions

# From the ground up: an arrow leads to a layer below.
LAYERS = (
    {"engine"},
    {"models", "sources"},
    {"core_bridge", "history", "metrics", "checks", "factory"},
    {"overrides", "lifecycle", "runs", "filters", "navigation"},
    {"reconcile", "tables", "forms", "graphql"},
    {"api", "signals", "datasources", "jobs", "management", "templatetags"},
    {"views", "homepage"},
    {"urls", "template_content", DECLARATION},
)
SIDEWAYS: frozenset[tuple[str, str]] = frozenset()
DOORS = {"signals", "datasources", "jobs", "management"}
# Those that Nautobot or Django finds by their names.
OPENS_DOORS = {DECLARATION}
SHOWS_VIEWS = {"views", "urls", "template_content"}
ONLY_READER_OF_CODE = "sources.discovery"
CODE_OF_CORE = {"nautobot.extras.registry", "nautobot.core.celery.import_jobs"}
# Tests are made with it, of core's rows, too.
WRITERS_OF_CORE = {"core_bridge", "factory"}
WRITES = {"save", "validated_save", "update", "delete", "create", "get_or_create", "update_or_create"}
MODELS_OF_CORE = ("nautobot.extras.models", "nautobot.users.models", "django.contrib.contenttypes.models")
FACES = {"api", "views", "forms", "tables", "filters", "templatetags", "management"}
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 40


def layer_of(room: str) -> int | None:
    """Return the layer of a room, the ground being 0; None for one that is not placed."""
    return next((number for number, layer in enumerate(LAYERS) if room in layer), None)


def unplaced(house: House) -> Iterator[str]:
    """Yield the rooms that are in no layer, and the places in the table for which there is no room."""
    for room in house.rooms:
        if layer_of(room) is None:
            yield f"{room} is in no layer: place it in the table of layers."
    for room in set().union(*LAYERS) - house.rooms.keys():
        yield f"{room} is in the table of layers, and is no room."


def arrows_upwards(house: House) -> Iterator[str]:
    """Yield the arrows that do not lead down, nor to one that is listed beside."""
    for room, targets in house.arrows.items():
        for target in targets:
            here, there = layer_of(room), layer_of(target)
            if here is not None and there is not None and there >= here and (room, target) not in SIDEWAYS:
                yield f"{room} imports {target}, which is not below it."


def impure(house: House) -> Iterator[str]:
    """Yield what the engine and the rules import beside the standard library, the engine and each other."""
    for module in house.modules.values():
        if _is_pure(module.name):
            yield from (f"{module.name} imports {name}." for name in module.imports if not _may_be_in_pure(name))


def _is_pure(name: str) -> bool:
    return name.partition(".")[0] == "engine" or name.endswith(".rules")


def _may_be_in_pure(imported: str) -> bool:
    root, _, rest = imported.partition(".")
    if root != PACKAGE:
        return root in sys.stdlib_module_names
    return rest == "" or rest.partition(".")[0] == "engine" or ".rules" in f".{rest}"


def writes_of_core(house: House) -> Iterator[str]:
    """Yield the places outside of the bridge that write rows of Nautobot's models."""
    for module in house.modules.values():
        if module.room not in WRITERS_OF_CORE:
            known = set(_models_of_core(module.tree))
            scopes = [module.tree, *functions(module.tree)]
            found = {place for scope in scopes for place in _writes(scope, known)}
            yield from (f"{module.name}:{line} writes {what}" for line, what in sorted(found))


def _models_of_core(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(MODELS_OF_CORE):
            yield from (alias.asname or alias.name for alias in node.names)


def _writes(scope: ast.AST, models: set[str]) -> Iterator[tuple[int, str]]:
    """Yield line and text of each writing call on a model, or on a name that was given what came of one."""
    tainted = set(models)
    nodes = list(_nodes_of(scope))
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.For) else []
        value = node.value if isinstance(node, ast.Assign) else node.iter if isinstance(node, ast.For) else None
        if value is not None and _root(value) in models:
            tainted.update(name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
    for node in nodes:
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and _root(called) in tainted and _is_write(called.attr):
            yield node.lineno, ast.unparse(called)


def _is_write(name: str) -> bool:
    return name in WRITES or name.startswith("bulk_")


def _nodes_of(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a scope, without the functions in it, which are scopes of their own."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
            yield from _nodes_of(node)


def _root(node: ast.AST) -> str:
    """Return the name at the beginning of a chain of attributes and calls."""
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def readers_of_code(house: House) -> Iterator[str]:
    """Yield who touches core's registry of jobs beside discovery, and what the sources know of our models."""
    for module in house.modules.values():
        if module.name != ONLY_READER_OF_CODE:
            yield from (f"{module.name} touches {name}." for name in module.imports & CODE_OF_CORE)
        if module.room == "sources":
            yield from (f"{module.name} imports {name}." for name in module.imports if f"{PACKAGE}.models" in name)


def trespassers(house: House) -> Iterator[str]:
    """Yield who imports a door, a view, or what another room has for itself."""
    for name, targets in house.module_arrows.items():
        module = house.modules[name]
        for room in {house.modules[target].room for target in targets} - {module.room}:
            if room in DOORS and module.room not in OPENS_DOORS:
                yield f"{name} imports the door {room}."
            if room == "views" and module.room not in SHOWS_VIEWS:
                yield f"{name} imports views."
        yield from (f"{name} uses {private}." for private in _private_names(module))


def _private_names(module: Module) -> Iterator[str]:
    for imported in module.imports:
        parts = imported.removeprefix(f"{PACKAGE}.").split(".")
        if imported.startswith(f"{PACKAGE}.") and parts[0] != module.room and parts[-1].startswith("_"):
            yield imported


def same_names(house: House) -> Iterator[str]:
    """Yield the public functions and classes that two modules call by one name, faces left out."""
    names: Counter[str] = Counter()
    for module in house.modules.values():
        if module.room not in FACES:
            defined = (node for node in module.tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
            names.update({node.name for node in defined if not node.name.startswith("_")})
    yield from (f"{name} is defined in {number} modules." for name, number in names.items() if number > 1)


def too_long(house: House) -> Iterator[str]:
    """Yield the files and functions that are so long that there is a second noun in them."""
    for module in house.modules.values():
        if module.lines > MOST_LINES:
            yield f"{module.name} has {module.lines} lines."
        for function in functions(module.tree):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > MOST_LINES_OF_A_FUNCTION:
                yield f"{module.name}.{function.name} has {lines} lines."


WALLS = (
    unplaced,
    arrows_upwards,
    impure,
    writes_of_core,
    readers_of_code,
    trespassers,
    same_names,
    too_long,
)
