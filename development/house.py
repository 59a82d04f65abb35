"""The structure of the package as its own imports have it: rooms, floors and arrows. `./dev house` prints it.

A room is a module or a folder in the root of the package. An arrow leads from a room to one that it imports, wherever
in a file the import stands. A room stands on the floor above the highest one that it imports.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGE = "nautobot_job_registry"
# The app's declaration, which is the package itself.
DECLARATION = "__init__"
# What Django makes, and lays down in the order of time.
LEFT_OUT = frozenset({"migrations"})


@dataclass(frozen=True)
class Module:
    """One file of the package.

    Attributes:
        name: Its dotted name below the package; that of the package itself is `__init__`.
        path: Where it is.
        tree: What is in it.
    """

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room that it is in."""
        return self.name.partition(".")[0]

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self.path.read_text(encoding="utf-8").splitlines())

    @cached_property
    def imports(self) -> frozenset[str]:
        """The dotted names that it imports, modules and what is in them, wherever in the file."""
        return frozenset(self._imported())

    def _imported(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@dataclass(frozen=True)
class House:
    """The package, read from a folder.

    Attributes:
        modules: Its modules, by their names.
    """

    modules: Mapping[str, Module]

    @classmethod
    def read(cls, package: Path = CHECKOUT / PACKAGE) -> House:
        """Read the files of a package.

        Args:
            package: Its folder.

        Raises:
            FileNotFoundError: If there is no package in it.
        """
        found = {}
        for path in sorted(package.rglob("*.py")):
            parts = path.relative_to(package).with_suffix("").parts
            if parts[0] not in LEFT_OUT:
                name = ".".join(parts[:-1] if parts[-1] == DECLARATION else parts) or DECLARATION
                found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
        if not found:
            raise FileNotFoundError(f"There are no Python files in {package}.")
        return cls(found)

    @cached_property
    def module_arrows(self) -> dict[str, frozenset[str]]:
        """The modules of the package that each module imports."""
        return {name: frozenset(self._targets(module)) for name, module in self.modules.items()}

    def _targets(self, module: Module) -> Iterator[str]:
        for imported in module.imports:
            name = imported.removeprefix(f"{PACKAGE}.")
            if imported.startswith(f"{PACKAGE}.") and name in self.modules and name != module.name:
                yield name

    @cached_property
    def rooms(self) -> dict[str, list[Module]]:
        """The modules of each room."""
        found: dict[str, list[Module]] = defaultdict(list)
        for module in self.modules.values():
            found[module.room].append(module)
        return dict(found)

    @cached_property
    def arrows(self) -> dict[str, frozenset[str]]:
        """The rooms that each room imports."""
        found: dict[str, set[str]] = {room: set() for room in self.rooms}
        for name, targets in self.module_arrows.items():
            room = self.modules[name].room
            found[room] |= {self.modules[target].room for target in targets} - {room}
        return {room: frozenset(targets) for room, targets in found.items()}

    def floors(self) -> dict[str, int]:
        """Return the floor of each room, the ground being 1.

        Raises:
            ValueError: If rooms import each other in a circle; the text names them.
        """
        floors: dict[str, int] = {}
        left = dict(self.arrows)
        while left:
            ready = [room for room, targets in left.items() if targets <= floors.keys()]
            if not ready:
                raise ValueError(f"These rooms import each other in a circle: {', '.join(sorted(left))}.")
            for room in ready:
                floors[room] = 1 + max((floors[target] for target in left.pop(room)), default=0)
        return floors

    @property
    def root_modules(self) -> list[str]:
        """The modules that lie in the root of the package, the declaration among them."""
        return [room for room, modules in self.rooms.items() if modules[0].path.parent.name == PACKAGE]


def report(house: House) -> Iterator[str]:
    """Yield the picture, line by line: each floor from the top, with its rooms and what they import."""
    floors = house.floors()
    for floor in range(max(floors.values()), 0, -1):
        for room in sorted(room for room, number in floors.items() if number == floor):
            modules = house.rooms[room]
            size = f"{sum(module.lines for module in modules)} lines in {len(modules)}"
            yield f"floor {floor}  {room} ({size}) -> {', '.join(sorted(house.arrows[room])) or 'nothing'}"
    arrows = sum(map(len, house.arrows.values()))
    yield f"{len(house.rooms)} rooms on {max(floors.values())} floors, {arrows} arrows between them, no circle"
    yield f"{len(house.root_modules)} modules in the root: {', '.join(sorted(house.root_modules))}"


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions of a file, however deep they are."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


if __name__ == "__main__":
    print("\n".join(report(House.read())))
