"""The pages for developers name only what is there: paths, modules, functions, walls, links of models."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from development.house import CHECKOUT, PACKAGE, House

PAGES = CHECKOUT / "docs" / "dev"
PAGE = PAGES / "architecture.md"
MODELS_PAGE = PAGES / "models.md"
# How many names of ours each page has at the least, so that none is taken for one without any.
LEAST = {"architecture.md": 150, "models.md": 20, "decisions.md": 25, "contributing.md": 15, "rules.md": 2}
SHOWN = re.compile(r"```.*?```", re.DOTALL)
NAMED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w.-]*(?:/[\w.-]*)+|[\w-]+\.(?:py|json|md|toml|yml)")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
CLASS = re.compile(r"[A-Z]\w*[a-z]\w*")
RULES = re.compile(r"\b[Rr]ules? (\d+(?:(?:, | and | to )\d+)*)|\b(M\d+)\b")
LINKS = {"ForeignKey", "OneToOneField", "ManyToManyField"}
# Nautobot's own and Python's, addresses of pages, and what is in no checkout.
CORE_CLASSES = {"JobResult", "ScheduledJob", "Meta"}
FOREIGN = ("nautobot.", "extras.", "sys.", "/", ".dev")


def names_in(text: str) -> list[str]:
    """Return what a page has in backticks, without its pictures."""
    return NAMED.findall(SHOWN.sub("", text))


@cache
def house() -> House:
    return House.read()


@cache
def defined_in(tree: ast.Module | ast.ClassDef) -> dict[str, ast.AST]:
    """Return what stands in the body of a module or class, by its name, also below an `if` or a `try`."""
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({name.id: node for name in targets if isinstance(name, ast.Name)})
    return found


def is_defined(tree: ast.AST | None, names: list[str]) -> bool:
    """Say whether a name, and what it is followed by, is in the body of a module or class."""
    if not names:
        return True
    if not isinstance(tree, (ast.Module, ast.ClassDef)):
        return False
    found = defined_in(tree)
    return names[0] in found and is_defined(found[names[0]], names[1:])


def is_in_package(dotted: str) -> bool:
    """Say whether a dotted name below the package is a module, or what stands in one."""
    parts = dotted.split(".")
    modules = house().modules
    ends = [end for end in range(len(parts), 0, -1) if ".".join(parts[:end]) in modules]
    return any(is_defined(modules[".".join(parts[:end])].tree, parts[end:]) for end in ends)


def is_in_a_class(dotted: str) -> bool:
    """Say whether a name is a class of the package, or what stands in one; whichever module it is in."""
    parts = dotted.split(".")
    return any(is_defined(module.tree, parts) for module in house().modules.values())


def walls() -> ast.Module:
    return ast.parse((CHECKOUT / "tests" / "walls.py").read_text(encoding="utf-8"))


def holds_anything(path: Path) -> bool:
    """Say whether a path is a file, or a folder with files: Python leaves compiled ones where a folder was."""
    return path.is_file() or any(found.is_file() and found.suffix != ".pyc" for found in path.rglob("*"))


def is_there(name: str) -> bool | None:
    """Say whether what a page names is there; None for what is no name of ours, such as a word or a command."""
    if name.startswith(FOREIGN):
        return None
    if PATH.fullmatch(name):
        return holds_anything(CHECKOUT / PACKAGE / name) or holds_anything(CHECKOUT / name)
    if DOTTED.fullmatch(name):
        if name.startswith("walls."):
            return is_defined(walls(), name.split(".")[1:])
        return is_in_a_class(name) if name[0].isupper() else is_in_package(name)
    if CLASS.fullmatch(name) and name not in CORE_CLASSES:
        return is_in_a_class(name)
    return None


def checked(text: str) -> dict[str, bool]:
    """Return the names of ours in a page, and whether each is there."""
    found = {name: is_there(name) for name in names_in(text)}
    return {name: is_right for name, is_right in found.items() if is_right is not None}


def test_each_page_for_developers_is_looked_at():
    assert {path.name for path in PAGES.glob("*.md")} == LEAST.keys()


@pytest.mark.parametrize("page", LEAST)
def test_all_that_a_page_names_is_there(page):
    found = checked((PAGES / page).read_text(encoding="utf-8"))
    assert len(found) >= LEAST[page]
    assert [name for name, is_right in found.items() if not is_right] == []


@pytest.mark.parametrize(
    "name",
    [
        "engine/nothing.py",
        "reconcile/",
        "reconcile.plan.make_nothing",
        "reconcile.plan.Plan.nothing",
        "nothing.plan.make_plan",
        "RegisteredJob.nothing",
        "NothingOfOurs",
        "walls.nothing",
        "tests/test_nothing.py",
    ],
)
def test_a_name_that_is_gone_is_seen(name):
    is_right = name == "reconcile/"
    assert checked(f"Text with `{name}` in it.") == {name: is_right}


def test_a_page_without_names_is_no_page():
    assert checked("```text\nengine/nothing.py\n```\n`nautobot-server migrate` and `enabled` are not of ours.") == {}


def test_the_page_tells_each_wall():
    told = {name.removeprefix("walls.") for name in names_in(PAGE.read_text(encoding="utf-8"))}
    names = {element.id for element in defined_in(walls())["WALLS"].value.elts}
    assert names
    assert names - told == set()


def test_the_page_draws_each_room():
    picture = SHOWN.search(PAGE.read_text(encoding="utf-8")).group()
    assert {room for room in house().rooms if not re.search(rf"\b{room}\b", picture)} == set()


def rules_in(text: str) -> Iterator[str]:
    """Yield the numbers of the rules that a text names."""
    for numbers, requirement in RULES.findall(text):
        if requirement:
            yield requirement
        for part in re.split(", | and ", numbers) if numbers else ():
            first, _, last = part.partition(" to ")
            yield from map(str, range(int(first), int(last or first) + 1))


def test_each_rule_that_the_code_names_is_told():
    rows = (PAGES / "rules.md").read_text(encoding="utf-8").splitlines()
    told = {row.split("|")[1].strip() for row in rows if row.startswith("| ")}
    named = {rule for module in house().modules.values() for rule in rules_in(module.path.read_text(encoding="utf-8"))}
    assert len(named) > 20
    assert named - told == set()


def test_rules_are_found_one_by_one_and_in_ranges():
    found = list(rules_in("Text (rules 2, 9 to 11 and 16), as rule 3 and M5 say."))
    assert found == ["2", "9", "10", "11", "16", "3", "M5"]


def links_of_models() -> Iterator[tuple[str, str]]:
    """Yield each link of a model, as the models define it, and what happens when its target is deleted."""
    for path in sorted(Path(CHECKOUT / PACKAGE / "models").glob("*.py")):
        for model in ast.parse(path.read_text(encoding="utf-8")).body:
            for field in model.body if isinstance(model, ast.ClassDef) else ():
                call = field.value if isinstance(field, ast.Assign) else None
                if isinstance(call, ast.Call) and ast.unparse(call.func).removeprefix("models.") in LINKS:
                    rule = next((word.value.attr for word in call.keywords if word.arg == "on_delete"), "")
                    yield f"{model.name}.{field.targets[0].id}", rule


def test_the_page_of_the_models_tells_each_link_and_what_a_deletion_does():
    rows = (line.split("|") for line in MODELS_PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `"))
    told = {names_in(cells[1])[0]: cells[3].strip() for cells in rows}
    defined = dict(links_of_models())
    assert len(defined) > 15
    assert told == defined
