"""The tests themselves: every one runs, and every promise they claim to prove exists."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
MODULES = sorted(TESTS.rglob("*.py"))
TEST_MODULES = [path for path in MODULES if path.name.startswith("test_")]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def scopes(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef]:
    """Yield where pytest looks for tests: the module and its classes."""
    yield tree
    yield from (node for node in tree.body if isinstance(node, ast.ClassDef))


def functions(scope: ast.Module | ast.ClassDef) -> list[Function]:
    return [node for node in scope.body if isinstance(node, Function)]


def known_seeds() -> list[str]:
    return [line.split()[0] for line in (TESTS / "seeds.txt").read_text("utf-8").splitlines()]


def claimed_seeds(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "seed":
            assert len(node.args) == 1, f"{path}:{node.lineno}"
            argument = node.args[0]
            assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}"
            yield str(argument.value), node.lineno


def test_the_list_is_whole_and_each_line_says_something() -> None:
    assert known_seeds() == [f"S1-{number:02}" for number in range(1, 74)]
    for line in (TESTS / "seeds.txt").read_text("utf-8").splitlines():
        assert len(line.split()) > 1, line


@pytest.mark.parametrize("path", TEST_MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_seeds_that_are_claimed_exist(path: Path) -> None:
    for seed, line in claimed_seeds(path):
        assert seed in known_seeds(), f"{path}:{line}: {seed}"


def test_some_seeds_are_claimed() -> None:
    claimed = {seed for path in TEST_MODULES for seed, _ in claimed_seeds(path)}
    assert {"S1-23", "S1-24", "S1-30", "S1-45", "S1-59", "S1-62"} <= claimed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_every_test_runs(path: Path) -> None:
    tree = parse(path)
    for scope in scopes(tree):
        counts = Counter(function.name for function in functions(scope))
        for function in functions(scope):
            where = f"{path}:{function.lineno}: {function.name}"
            if function.name.startswith("test"):
                assert function.name.startswith("test_"), where
                assert path.name.startswith("test_"), f"{where} stands where pytest does not look"
                assert counts[function.name] == 1, f"{where} is there twice; the last one hides the others"
                assert not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(function)), where
    for scope in scopes(tree):
        if isinstance(scope, ast.ClassDef) and any(function.name.startswith("test") for function in functions(scope)):
            assert scope.name.startswith("Test"), f"{path}:{scope.lineno}: {scope.name}"
            assert "__init__" not in {function.name for function in functions(scope)}, scope.name


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a function without those of the functions inside."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", TEST_MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_every_module_of_tests_has_tests(path: Path) -> None:
    tree = parse(path)
    written = any(function.name.startswith("test_") for scope in scopes(tree) for function in functions(scope))
    made = any(  # from a state machine
        isinstance(target, ast.Name) and target.id.startswith("Test")
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
    )
    assert written or made


def test_modules_of_tests_can_be_told_apart() -> None:
    for path in TEST_MODULES:
        assert (path.parent / "__init__.py").exists(), path.parent
